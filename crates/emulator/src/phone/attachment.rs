//! Files of messages: encrypted and uploaded as a phone does, fetched, checked and decrypted again.

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use whatsapp_rust::wacore::download::{DownloadUtils, MediaType};
use whatsapp_rust::wacore::upload::encrypt_media;
use whatsapp_rust::waproto::whatsapp as wa;

use crate::error::EmulatorError;
use crate::media::{self, MediaStore};

/// What a message says of its file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FileReference {
    kind: MediaType,
    pub(crate) mimetype: String,
    /// Bytes of the decrypted file.
    pub(crate) size: u64,
    /// Its name, where the message says one.
    pub(crate) filename: Option<String>,
    /// Is it a voice note?
    pub(crate) voice: bool,
    direct_path: String,
    media_key: Vec<u8>,
    pub(crate) file_sha256: Vec<u8>,
    file_enc_sha256: Vec<u8>,
}

/// An encrypted file on the media host.
pub(crate) struct Uploaded {
    pub(crate) direct_path: String,
    pub(crate) media_key: Vec<u8>,
    pub(crate) file_sha256: Vec<u8>,
    pub(crate) file_enc_sha256: Vec<u8>,
}

/// The file of a message; `None` when it has none.
pub(crate) fn file_of(message: &wa::Message) -> Option<FileReference> {
    /// The messages with files are types of their own that share these fields.
    macro_rules! reference {
        ($field:ident, $kind:expr, $filename:expr, $voice:expr) => {
            if let Some(file) = message.$field.as_option() {
                return Some(FileReference {
                    kind: $kind,
                    mimetype: file.mimetype.clone().unwrap_or_default(),
                    size: file.file_length.unwrap_or_default(),
                    filename: $filename(file),
                    voice: $voice(file),
                    direct_path: file.direct_path.clone().unwrap_or_default(),
                    media_key: file.media_key.clone().unwrap_or_default(),
                    file_sha256: file.file_sha256.clone().unwrap_or_default(),
                    file_enc_sha256: file.file_enc_sha256.clone().unwrap_or_default(),
                });
            }
        };
    }
    reference!(image_message, MediaType::Image, |_| None, |_| false);
    reference!(video_message, MediaType::Video, |_| None, |_| false);
    reference!(audio_message, MediaType::Audio, |_| None, |audio: &wa::message::AudioMessage| audio.ptt
        == Some(true));
    reference!(
        document_message,
        MediaType::Document,
        |document: &wa::message::DocumentMessage| document.file_name.clone(),
        |_| false
    );
    reference!(sticker_message, MediaType::Sticker, |_| None, |_| false);
    None
}

/// Encrypts a file and puts it on the media host.
pub(crate) fn seal(store: &MediaStore, plain: &[u8], kind: MediaType) -> Result<Uploaded, EmulatorError> {
    let sealed = encrypt_media(plain, kind).map_err(|error| EmulatorError::Internal(format!("{error:#}")))?;
    let direct_path = format!("/v/{}/{}", kind.mms_type(), media::token_of(&sealed.data_to_upload));
    if !store.put(&direct_path, Bytes::from(sealed.data_to_upload)) {
        return Err(EmulatorError::Internal("the media store is full".into()));
    }
    Ok(Uploaded {
        direct_path,
        media_key: sealed.media_key.to_vec(),
        file_sha256: sealed.file_sha256.to_vec(),
        file_enc_sha256: sealed.file_enc_sha256.to_vec(),
    })
}

/// Fetches and decrypts a file; everything that the message says of it has to fit.
pub(crate) fn open(store: &MediaStore, file: &FileReference) -> Result<Vec<u8>, EmulatorError> {
    let path = file.direct_path.split('?').next().unwrap_or_default();
    let ciphertext = store.get(path).ok_or_else(|| bad("nothing was uploaded at its direct path"))?;
    if Sha256::digest(&ciphertext).as_slice() != file.file_enc_sha256 {
        return Err(bad("fileEncSha256 is not the ciphertext's digest"));
    }
    let plain = DownloadUtils::verify_and_decrypt(&ciphertext, &file.media_key, file.kind)
        .map_err(|error| EmulatorError::BadMedia(format!("its media key does not open it: {error}")))?;
    if Sha256::digest(&plain).as_slice() != file.file_sha256 {
        return Err(bad("fileSha256 is not the file's digest"));
    }
    if u64::try_from(plain.len()) != Ok(file.size) {
        return Err(bad("fileLength is not the file's length"));
    }
    Ok(plain)
}

fn bad(detail: &str) -> EmulatorError {
    EmulatorError::BadMedia(detail.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uploaded(store: &MediaStore) -> FileReference {
        let uploaded = seal(store, b"an image", MediaType::Image).unwrap();
        FileReference {
            kind: MediaType::Image,
            mimetype: "image/png".into(),
            size: 8,
            filename: None,
            voice: false,
            direct_path: uploaded.direct_path,
            media_key: uploaded.media_key,
            file_sha256: uploaded.file_sha256,
            file_enc_sha256: uploaded.file_enc_sha256,
        }
    }

    #[test]
    fn a_file_opens_only_when_everything_fits() {
        let store = MediaStore::default();
        let file = uploaded(&store);
        assert_eq!(open(&store, &file).unwrap(), b"an image");
        let wrong = [
            ("direct path", FileReference { direct_path: "/v/image/none".into(), ..file.clone() }),
            ("fileEncSha256", FileReference { file_enc_sha256: vec![0; 32], ..file.clone() }),
            ("media key", FileReference { media_key: vec![0; 32], ..file.clone() }),
            ("media key", FileReference { kind: MediaType::Video, ..file.clone() }),
            ("fileSha256", FileReference { file_sha256: vec![0; 32], ..file.clone() }),
            ("fileLength", FileReference { size: 7, ..file }),
        ];
        for (what, file) in wrong {
            let error = open(&store, &file).unwrap_err();
            assert!(error.to_string().contains(what), "{what}: {error}");
        }
    }
}
