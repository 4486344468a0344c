//! How far each session's outbox has been taken in.

use blazz_domain::{AccountId, OutboxId, Timestamp, WorkspaceId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::conn::Link;
use crate::schema::outbox_cursors::dsl;
use crate::types::{Id, UtcTime, long, ulong};
use crate::{Conn, DatabaseError};

/// The last entry taken in of an outbox, 0 when none was; the cursor is locked until the transaction ends, so that batches of one outbox
/// follow each other.
///
/// # Errors
/// `ForeignKey` when there is no such account.
pub async fn find_for_update(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    account_id: AccountId,
    outbox_id: OutboxId,
) -> Result<u64, DatabaseError> {
    let key = (Id::from(account_id), Id::from(outbox_id));
    let first = (
        dsl::account_id.eq(key.0),
        dsl::outbox_id.eq(key.1),
        dsl::workspace_id.eq(Id::from(workspace_id)),
        dsl::sequence.eq(0_i64),
        dsl::updated_at.eq(UtcTime(Timestamp::new(Default::default()))),
    );
    on!(conn, c => diesel::insert_into(dsl::outbox_cursors).values(first).on_conflict_do_nothing().execute(c).await)?;
    let own = dsl::outbox_cursors.filter(dsl::workspace_id.eq(Id::from(workspace_id)));
    let one = own.filter(dsl::account_id.eq(key.0)).filter(dsl::outbox_id.eq(key.1)).select(dsl::sequence);
    let sequence: i64 = match &mut conn.link {
        Link::Postgres(c) => one.for_update().first(&mut **c).await?,
        Link::Sqlite(c) => one.first(&mut c.conn).await?,
    };
    Ok(ulong(sequence))
}

/// Stores the last entry taken in.
///
/// # Errors
/// When the database is not there.
pub async fn advance(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    account_id: AccountId,
    outbox_id: OutboxId,
    sequence: u64,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let change = (dsl::sequence.eq(long(sequence)), dsl::updated_at.eq(UtcTime(now)));
    on!(conn, c => {
        let own = dsl::outbox_cursors.filter(dsl::workspace_id.eq(Id::from(workspace_id)));
        let one = own.filter(dsl::account_id.eq(Id::from(account_id))).filter(dsl::outbox_id.eq(Id::from(outbox_id)));
        diesel::update(one).set(change).execute(c).await
    })?;
    Ok(())
}
