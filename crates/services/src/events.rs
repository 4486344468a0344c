//! The event log of a workspace: appending to it last in every transaction, telling its readers after the commit, reading it.

use blazz_bus::Bus;
use blazz_database::{Conn, DatabaseError, events, installation};
use blazz_domain::{Clock, ErrorCode, Event, EventPayload, WorkspaceId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::cursor::{self, EventCursor};
use crate::{ServiceError, Services};

/// The bus channel that says how far a workspace's log has come: `{workspace_id}:{sequence}`.
pub const CHANNEL: &str = "events";

/// A stretch of the log, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventPage {
    /// The events.
    pub data: Vec<Event>,
    /// Pass it as `after` to go on behind the last event seen. Always present: new events will follow.
    pub next: String,
}

/// How far a commit has brought a workspace's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    workspace_id: WorkspaceId,
    sequence: i64,
}

/// Appends to the log. Must be the last thing that a transaction does: it takes the workspace's counter, so whoever has seen number
/// *n* has seen everything up to *n*, and no cycle of locks can form.
pub(crate) async fn append(
    conn: &mut Conn,
    clock: &dyn Clock,
    workspace_id: WorkspaceId,
    payloads: Vec<EventPayload>,
) -> Result<Option<Mark>, DatabaseError> {
    let now = clock.now();
    let last = events::append(conn, workspace_id, payloads.into_iter().map(|p| (p, now)).collect()).await?;
    Ok(last.map(|sequence| Mark { workspace_id, sequence }))
}

/// Runs `f` in a transaction, appends the events it gives, commits and tells the log's readers.
pub(crate) async fn record<T, F>(
    services: &Services,
    workspace_id: WorkspaceId,
    f: F,
) -> Result<T, ServiceError>
where
    F: AsyncFnOnce(&mut Conn) -> Result<(T, Vec<EventPayload>), ServiceError>,
{
    let mut conn = services.pool.get().await?;
    let (value, mark) = conn
        .transaction(async |conn| {
            let (value, payloads) = f(conn).await?;
            let mark = append(conn, services.clock.as_ref(), workspace_id, payloads).await?;
            Ok::<_, ServiceError>((value, mark))
        })
        .await?;
    drop(conn);
    announce(&services.bus, mark);
    Ok(value)
}

/// Tells the log's readers. They poll as well, so a bus that is away delays them and loses nothing.
pub(crate) fn announce(bus: &Bus, mark: Option<Mark>) {
    if let Some(Mark { workspace_id, sequence }) = mark {
        bus.publish(CHANNEL, &format!("{workspace_id}:{sequence}"));
    }
}

/// The events after a cursor, oldest first; from the beginning without one.
///
/// # Errors
/// When the cursor is not one (`invalid_cursor`), belongs to a log that was replaced (`log_replaced`) or points to events that are gone
/// (`events_pruned`).
pub async fn list(
    services: &Services,
    workspace_id: WorkspaceId,
    after: Option<&str>,
    limit: Option<u32>,
) -> Result<EventPage, ServiceError> {
    let limit = cursor::limit(limit)?;
    let cursor = after.map(EventCursor::decode).transpose()?;
    let mut conn = services.pool.get().await?;
    let log_id = installation::log_id(&mut conn).await?;
    let position = match cursor {
        Some(cursor) => checked_position(&mut conn, workspace_id, log_id, cursor).await?,
        None => 0,
    };
    let data = events::list_after(&mut conn, workspace_id, position, limit).await?;
    let sequence = data.last().map_or(position, |event| event.sequence);
    Ok(EventPage { data, next: EventCursor { log_id, sequence }.encode() })
}

async fn checked_position(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    log_id: uuid::Uuid,
    cursor: EventCursor,
) -> Result<i64, ServiceError> {
    if cursor.log_id != log_id {
        return Err(ServiceError::refused(
            ErrorCode::LogReplaced,
            "the cursor belongs to an event log that was replaced; start again without `after`",
        ));
    }
    let latest = events::latest(conn, workspace_id).await?;
    if cursor.sequence > latest {
        return Err(ServiceError::refused(ErrorCode::InvalidCursor, "the cursor points beyond the log"));
    }
    let oldest = events::oldest(conn, workspace_id).await?;
    let kept_from = oldest.unwrap_or(latest + 1);
    if cursor.sequence + 1 < kept_from {
        let detail = format!("events before number {kept_from} are gone; start again without `after`");
        return Err(ServiceError::refused(ErrorCode::EventsPruned, detail));
    }
    Ok(cursor.sequence)
}
