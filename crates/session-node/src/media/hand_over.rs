//! One file of a received message: fetched from WhatsApp, handed to the API, and told of.

use std::sync::Arc;

use blazz_domain::{ErrorCode, Lease, MediaFailure, MediaId, MediaOutcome, SessionEvent, SessionMedia};
use blazz_session_store::{Durability, Scratch};
use blazz_whatsapp::{DownloadError, Downloaded, MediaRecord};
use blazz_wire::control_api::OfferMedia;
use blazz_wire::{CallError, FileToSend};
use futures_util::stream;
use tokio::io::AsyncReadExt as _;

use crate::context::Context;
use crate::engine::LiveSession;

const PIECE_BYTES: usize = 64 << 10;

/// Why a file is not with the API.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// It never will be.
    #[error("{1}")]
    Final(MediaFailure, DownloadError),
    /// It may be later.
    #[error(transparent)]
    Later(#[from] anyhow::Error),
}

/// Fetches the file and hands it to the API; the id under which the API has it. What was done before need not be done again: the API knows
/// a file by its bytes.
pub(super) async fn carry(
    context: &Context,
    lease: &Lease,
    session: &Arc<dyn LiveSession>,
    record: &MediaRecord,
) -> Result<MediaId, Failure> {
    let room = session.media().scratch();
    let file = room.create().map_err(anyhow::Error::from)?;
    let downloaded = session.download(record, file, context.media_limit).await.map_err(sorted)?;
    let offer = OfferMedia {
        sha256: hex::encode(downloaded.sha256),
        size: downloaded.size,
        mime_type: record.mime_type.clone(),
        filename: record.filename.clone(),
    };
    let slot = context.control.offer_media(lease, &offer).await.map_err(refused)?;
    if slot.is_wanted {
        let file = to_send(&room, &downloaded).await.map_err(anyhow::Error::from)?;
        context.control.put_media(lease, slot.media_id, file).await.map_err(refused)?;
    }
    Ok(slot.media_id)
}

fn sorted(error: DownloadError) -> Failure {
    match error {
        DownloadError::Expired(_) => Failure::Final(MediaFailure::Expired, error),
        DownloadError::TooLarge => Failure::Final(MediaFailure::TooLarge, error),
        DownloadError::Damaged => Failure::Final(MediaFailure::Damaged, error),
        other => Failure::Later(other.into()),
    }
}

fn refused(error: CallError) -> Failure {
    match error {
        CallError::Refused(problem) if problem.code == ErrorCode::BodyTooLarge => {
            Failure::Final(MediaFailure::TooLarge, DownloadError::TooLarge)
        }
        other => Failure::Later(other.into()),
    }
}

async fn to_send(room: &Scratch, downloaded: &Downloaded) -> std::io::Result<FileToSend> {
    let file = tokio::fs::File::open(room.path()).await?;
    let pieces = stream::try_unfold(file, async |mut file| {
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        let read = file.read_buf(&mut piece).await?;
        Ok::<_, std::io::Error>((read > 0).then_some((piece, file)))
    });
    let body = reqwest::Body::wrap_stream(pieces);
    Ok(FileToSend { sha256: downloaded.sha256, size: downloaded.size, body })
}

/// Tells what became of the file: through the outbox, so behind its message. Once that is on disk the record is done with.
pub(super) async fn tell(
    context: &Context,
    session: &Arc<dyn LiveSession>,
    key: String,
    record: &MediaRecord,
    outcome: MediaOutcome,
) -> anyhow::Result<()> {
    let event = SessionEvent::Media(SessionMedia {
        id: record.id.clone(),
        from_me: record.from_me,
        sha256: record.sha256.clone(),
        outcome,
    });
    let entry = serde_json::to_vec(&event)?;
    let (outboxes, media) = (session.outboxes(), session.media());
    let telling = context.runtime.spawn_blocking(move || {
        outboxes.append(&entry, Durability::Synced)?;
        media.remove(&key)
    });
    Ok(telling.await??)
}
