//! The event log: numbered per workspace, without gaps.

use blazz_domain::{AccountId, Event, EventId, EventPayload, Timestamp, WorkspaceId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::conn::Link;
use crate::schema::event_counters;
use crate::schema::events::dsl;
use crate::types::{Id, Json, UtcTime};
use crate::{Conn, DatabaseError};

/// How many events one statement inserts.
const ROWS_AT_ONCE: usize = 1000;

type Raw = (Id, i64, Id, String, Id, Json<EventPayload>, UtcTime);

fn row((_, sequence, id, _, account_id, payload, occurred_at): Raw) -> Event {
    Event {
        id: EventId::from(id),
        sequence,
        occurred_at: occurred_at.0,
        account_id: AccountId::from(account_id),
        payload: payload.0,
    }
}

/// Appends to a workspace's log; gives the number of the last event, `None` when there was nothing to append.
///
/// Must come last in its transaction: from here to the commit, the workspace's other writers wait. So whoever has seen number *n* has seen
/// everything up to *n*, and no lock cycle can form.
///
/// # Errors
/// `NotFound` when there is no such workspace.
pub async fn append(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    payloads: Vec<(EventPayload, Timestamp)>,
) -> Result<Option<i64>, DatabaseError> {
    let Some(count) = i64::try_from(payloads.len()).ok().filter(|count| *count > 0) else { return Ok(None) };
    let workspace = Id::from(workspace_id);
    let last: i64 = on!(conn, c => {
        let more = event_counters::sequence.eq(event_counters::sequence + count);
        let counter = event_counters::table.find(workspace);
        diesel::update(counter).set(more).returning(event_counters::sequence).get_result(c).await
    })?;
    let numbered = (last - count + 1..).zip(payloads);
    let rows: Vec<_> = numbered
        .map(|(sequence, (payload, at))| {
            (
                dsl::workspace_id.eq(workspace),
                dsl::sequence.eq(sequence),
                dsl::id.eq(Id::from(EventId::new())),
                dsl::kind.eq(payload.kind()),
                dsl::account_id.eq(Id::from(payload.account_id())),
                dsl::payload.eq(Json(payload)),
                dsl::occurred_at.eq(UtcTime(at)),
            )
        })
        .collect();
    match &mut conn.link {
        Link::Postgres(c) => {
            for rows in chunks(rows) {
                diesel::insert_into(dsl::events).values(rows).execute(&mut **c).await?;
            }
        }
        // Diesel inserts many rows into SQLite one by one, on synchronous connections only.
        Link::Sqlite(c) => {
            for row in rows {
                diesel::insert_into(dsl::events).values(row).execute(&mut c.conn).await?;
            }
        }
    }
    Ok(Some(last))
}

/// A statement binds at most 65,535 values.
fn chunks<T>(rows: Vec<T>) -> impl Iterator<Item = Vec<T>> {
    let mut rows = rows.into_iter();
    std::iter::from_fn(move || {
        let chunk: Vec<T> = rows.by_ref().take(ROWS_AT_ONCE).collect();
        (!chunk.is_empty()).then_some(chunk)
    })
}

/// The events after a number, oldest first.
///
/// # Errors
/// When the database is not there.
pub async fn list_after(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    sequence: i64,
    limit: u32,
) -> Result<Vec<Event>, DatabaseError> {
    let raws: Vec<Raw> = on!(conn, c => {
        let own = dsl::events.filter(dsl::workspace_id.eq(Id::from(workspace_id))).filter(dsl::sequence.gt(sequence));
        own.order(dsl::sequence).limit(limit.into()).load(c).await
    })?;
    Ok(raws.into_iter().map(row).collect())
}

/// The number of the last event; 0 when there was none.
///
/// # Errors
/// When the database is not there.
pub async fn latest(conn: &mut Conn, workspace_id: WorkspaceId) -> Result<i64, DatabaseError> {
    let counter = event_counters::table.find(Id::from(workspace_id));
    let sequence: Option<i64> =
        on!(conn, c => counter.select(event_counters::sequence).first(c).await.optional())?;
    Ok(sequence.unwrap_or(0))
}

/// The number of the oldest event that is kept; `None` when none is.
///
/// # Errors
/// When the database is not there.
pub async fn oldest(conn: &mut Conn, workspace_id: WorkspaceId) -> Result<Option<i64>, DatabaseError> {
    Ok(on!(conn, c => {
        let own = dsl::events.filter(dsl::workspace_id.eq(Id::from(workspace_id)));
        own.select(dsl::sequence).order(dsl::sequence).first(c).await.optional()
    })?)
}
