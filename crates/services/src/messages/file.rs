//! Files to send: whether a request makes sense, and the file that it means.

use blazz_database::Conn;
use blazz_domain::media::{self, MAX_CAPTION_BYTES, MAX_PLAYED_BYTES};
use blazz_domain::{
    Attachment, ErrorCode, Media, MediaFile, MediaKind, MediaState, MessageContent, WorkspaceId,
};
use sha2::{Digest as _, Sha256};

use super::SendFile;
use crate::ServiceError;
use crate::media::find_stored;

/// What can be checked without the database.
pub(super) fn check(file: &SendFile) -> Result<(), ServiceError> {
    let refuse = |detail: String| Err(ServiceError::refused(ErrorCode::InvalidRequest, detail));
    let kind = file.kind.as_str();
    if let Some(caption) = &file.caption {
        if caption.len() > MAX_CAPTION_BYTES {
            return refuse(format!("{kind}.caption must not be longer than {MAX_CAPTION_BYTES} bytes"));
        }
        if caption.contains('\0') {
            return refuse(format!("{kind}.caption must not contain the character U+0000"));
        }
    }
    if file.filename.as_deref().is_some_and(|name| media::filename(name).is_none()) {
        return refuse(format!("{kind}.filename must be the name of a file"));
    }
    Ok(())
}

/// The message's content, once its file is found.
pub(super) async fn resolve(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    file: &SendFile,
) -> Result<MessageContent, ServiceError> {
    let found = MediaFile::from(find_stored(conn, workspace_id, file.media_id).await?);
    check_kind(file.kind, &found)?;
    let media = Media {
        state: MediaState::Stored,
        id: Some(found.id),
        mime_type: found.mime_type,
        size: Some(found.size),
        sha256: Some(found.sha256),
        filename: file.filename.as_deref().and_then(media::filename).or(found.filename),
        error: None,
    };
    let caption = file.caption.clone().filter(|caption| !caption.is_empty());
    Ok(MessageContent::with_file(file.kind, Attachment { caption, voice: file.voice, media }))
}

fn check_kind(kind: MediaKind, found: &MediaFile) -> Result<(), ServiceError> {
    let refuse = |detail: String| Err(ServiceError::refused(ErrorCode::MediaNotSendable, detail));
    if !kind.takes(&found.mime_type) {
        return refuse(format!("a file of type {} cannot be sent as {}", found.mime_type, kind.as_str()));
    }
    if kind != MediaKind::Document && found.size > MAX_PLAYED_BYTES {
        return refuse(format!("only a document may have more than {MAX_PLAYED_BYTES} bytes"));
    }
    Ok(())
}

/// All that tells two requests apart.
pub(super) fn digest(digest: &mut Sha256, file: &SendFile) {
    let SendFile { kind, media_id, caption, filename, voice } = file;
    digest.update([0, 1]);
    digest.update(kind.as_str());
    digest.update(media_id.0.as_bytes());
    digest.update([u8::from(*voice)]);
    for text in [caption, filename] {
        digest.update([u8::from(text.is_some())]);
        digest.update(text.as_deref().unwrap_or_default());
        digest.update([0]);
    }
}

#[cfg(test)]
mod tests {
    use blazz_domain::Clock as _;
    use blazz_domain::{MediaId, SystemClock};

    use super::*;

    fn file(mime_type: &str, size: u64) -> MediaFile {
        MediaFile {
            id: MediaId::new(),
            mime_type: mime_type.to_owned(),
            size,
            sha256: "00".repeat(32),
            filename: None,
            created_at: SystemClock.now(),
        }
    }

    #[test]
    fn a_kind_takes_its_types_up_to_its_size() {
        assert!(check_kind(MediaKind::Image, &file("image/png", MAX_PLAYED_BYTES)).is_ok());
        assert!(check_kind(MediaKind::Document, &file("image/png", MAX_PLAYED_BYTES + 1)).is_ok());
        for refused in [
            check_kind(MediaKind::Image, &file("image/png", MAX_PLAYED_BYTES + 1)),
            check_kind(MediaKind::Image, &file("application/pdf", 1)),
            check_kind(MediaKind::Sticker, &file("image/png", 1)),
        ] {
            assert_eq!(refused.unwrap_err().code(), ErrorCode::MediaNotSendable);
        }
    }

    #[test]
    fn captions_and_names_have_bounds() {
        let with = |caption: Option<&str>, filename: Option<&str>| SendFile {
            kind: MediaKind::Document,
            media_id: MediaId::new(),
            caption: caption.map(str::to_owned),
            filename: filename.map(str::to_owned),
            voice: false,
        };
        assert!(check(&with(Some("look"), Some("terms.pdf"))).is_ok());
        let long = "x".repeat(MAX_CAPTION_BYTES + 1);
        for bad in
            [with(Some("a\0b"), None), with(Some(&long), None), with(None, Some("/")), with(None, Some(""))]
        {
            assert_eq!(check(&bad).unwrap_err().code(), ErrorCode::InvalidRequest);
        }
    }
}
