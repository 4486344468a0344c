//! What became of the files of messages that came.

use blazz_database::Conn;
use blazz_database::messages::{self, MessageRow};
use blazz_domain::{
    Direction, EventPayload, Media, MediaId, MediaOutcome, MediaState, Message, MessageContent, SessionMedia,
};

use super::entry::Intake;
use crate::ServiceError;
use crate::media::find_stored;

/// Notes it at the message: every message of this id by whoever of the two that says the same of its file, which then is the same file.
pub(super) async fn take(
    intake: &Intake<'_>,
    conn: &mut Conn,
    told: &SessionMedia,
) -> Result<Vec<EventPayload>, ServiceError> {
    let (workspace_id, account_id) = (intake.lease.workspace_id, intake.lease.account_id);
    let direction = if told.from_me { Direction::Outbound } else { Direction::Inbound };
    let mut payloads = Vec::new();
    for known in messages::list_by_provider_id(conn, workspace_id, account_id, &told.id).await? {
        if known.direction != direction {
            continue;
        }
        let Some(row) = messages::find_for_update(conn, workspace_id, known.id).await? else { continue };
        payloads.extend(note(conn, row, told).await?);
    }
    Ok(payloads)
}

async fn note(
    conn: &mut Conn,
    mut row: MessageRow,
    told: &SessionMedia,
) -> Result<Option<EventPayload>, ServiceError> {
    let Some((kind, attachment)) = row.content.file() else { return Ok(None) };
    // What is stored or sent by us stays so, whatever comes again.
    let is_meant = attachment.media.state != MediaState::Stored && attachment.media.sha256 == told.sha256;
    if !is_meant {
        return Ok(None);
    }
    let mut attachment = attachment.clone();
    let is_news = match told.outcome {
        MediaOutcome::Stored { media_id } => {
            attachment.media = stored(conn, &row, media_id, attachment.media).await?;
            true
        }
        MediaOutcome::Failed { reason } => {
            let before = attachment.media.state;
            attachment.media.state = MediaState::Failed;
            attachment.media.error = Some(reason);
            before != MediaState::Failed
        }
    };
    if !is_news {
        return Ok(None);
    }
    row.content = MessageContent::with_file(kind, attachment);
    messages::set_content(conn, row.workspace_id, row.id, &row.content).await?;
    let message = Message::from(row);
    Ok(Some(match told.outcome {
        MediaOutcome::Stored { .. } => EventPayload::MessageMediaStored(message),
        MediaOutcome::Failed { .. } => EventPayload::MessageMediaFailed(message),
    }))
}

/// What is known of the file now. Its length and hash are those of the bytes that are there.
async fn stored(
    conn: &mut Conn,
    row: &MessageRow,
    media_id: MediaId,
    told: Media,
) -> Result<Media, ServiceError> {
    let file = find_stored(conn, row.workspace_id, media_id).await?;
    Ok(Media {
        state: MediaState::Stored,
        id: Some(media_id),
        size: Some(file.size),
        sha256: Some(file.sha256),
        error: None,
        ..told
    })
}
