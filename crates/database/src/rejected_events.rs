//! Outbox entries that could not be taken in, kept as they came.

use blazz_domain::{AccountId, OutboxId, RejectedEventId, Timestamp, WorkspaceId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::schema::rejected_events::dsl;
use crate::types::{Id, UtcTime, long, ulong};
use crate::{Conn, DatabaseError};

/// An entry that was put aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedEventRow {
    /// Its id.
    pub id: RejectedEventId,
    /// The workspace of the account.
    pub workspace_id: WorkspaceId,
    /// The account whose session wrote it.
    pub account_id: AccountId,
    /// The outbox it came from.
    pub outbox_id: OutboxId,
    /// Its place there.
    pub sequence: u64,
    /// The entry as it came.
    pub entry: String,
    /// Why it could not be taken in.
    pub error: String,
    /// When it was put aside.
    pub created_at: Timestamp,
}

type Raw = (Id, Id, Id, Id, i64, String, String, UtcTime);

/// Puts an entry aside; one that is there already stays as it is.
///
/// # Errors
/// When the database is not there.
pub async fn insert(conn: &mut Conn, new: &RejectedEventRow) -> Result<(), DatabaseError> {
    let values = (
        dsl::id.eq(Id::from(new.id)),
        dsl::workspace_id.eq(Id::from(new.workspace_id)),
        dsl::account_id.eq(Id::from(new.account_id)),
        dsl::outbox_id.eq(Id::from(new.outbox_id)),
        dsl::sequence.eq(long(new.sequence)),
        // PostgreSQL cannot store U+0000; JSON can write it only as an escape, which stays readable.
        dsl::entry.eq(new.entry.replace('\0', "\\u0000")),
        dsl::error.eq(&new.error),
        dsl::created_at.eq(UtcTime(new.created_at)),
    );
    on!(conn, c => diesel::insert_into(dsl::rejected_events).values(values).on_conflict_do_nothing().execute(c).await)?;
    Ok(())
}

/// A workspace's rejected entries, oldest first.
///
/// # Errors
/// When the database is not there.
pub async fn list(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    limit: u32,
) -> Result<Vec<RejectedEventRow>, DatabaseError> {
    let raws: Vec<Raw> = on!(conn, c => {
        let own = dsl::rejected_events.filter(dsl::workspace_id.eq(Id::from(workspace_id)));
        own.order(dsl::id).limit(limit.into()).load(c).await
    })?;
    let row = |(id, workspace_id, account_id, outbox_id, sequence, entry, error, created_at): Raw| {
        RejectedEventRow {
            id: id.into(),
            workspace_id: workspace_id.into(),
            account_id: account_id.into(),
            outbox_id: outbox_id.into(),
            sequence: ulong(sequence),
            entry,
            error,
            created_at: created_at.0,
        }
    };
    Ok(raws.into_iter().map(row).collect())
}
