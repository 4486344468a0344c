//! Sessions of deleted accounts that their nodes still have to remove.

use blazz_domain::{AccountId, Epoch, Lease, NodeId, Timestamp, WorkspaceId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::row::rows;
use crate::schema::removals;
use crate::types::{Id, UtcTime, Word};
use crate::{Conn, DatabaseError};

row! {
    /// A session to remove.
    pub struct RemovalRow as KeptRemoval in removals {
        /// The account that is gone.
        account_id: AccountId as Id,
        /// Whose it was.
        workspace_id: WorkspaceId as Id,
        /// The node that held its session.
        node_id: NodeId as Word<NodeId>,
        /// The grant under which it did.
        epoch: Epoch as i64,
        /// When the account was deleted.
        created_at: Timestamp as UtcTime,
    }
}

impl RemovalRow {
    /// Which session, under which grant.
    #[must_use]
    pub fn lease(&self) -> Lease {
        Lease { workspace_id: self.workspace_id, account_id: self.account_id, epoch: self.epoch }
    }
}

/// Notes that a session is to be removed.
///
/// # Errors
/// When it is noted already.
pub async fn insert(conn: &mut Conn, row: &RemovalRow) -> Result<(), DatabaseError> {
    let kept = KeptRemoval::from(row);
    on!(conn, c => diesel::insert_into(removals::table).values(kept).execute(c).await)?;
    Ok(())
}

/// What a node is to remove, oldest account first. For the fleet.
///
/// # Errors
/// When the database is not there.
pub async fn list_of_node(
    conn: &mut Conn,
    node_id: &NodeId,
    limit: u32,
) -> Result<Vec<RemovalRow>, DatabaseError> {
    let query = removals::table.filter(removals::node_id.eq(node_id.as_str()));
    let query = query.order(removals::account_id).limit(limit.into());
    let kept: Vec<KeptRemoval> = on!(conn, c => query.load(c).await)?;
    Ok(rows(kept))
}

/// The node has removed these. For the fleet.
///
/// # Errors
/// When the database is not there.
pub async fn delete_of_node(
    conn: &mut Conn,
    node_id: &NodeId,
    ids: &[AccountId],
) -> Result<(), DatabaseError> {
    let ids: Vec<Id> = ids.iter().map(|id| Id::from(*id)).collect();
    conn.in_turn(async |conn| {
        on!(conn, c => {
            let of_node = removals::table.filter(removals::node_id.eq(node_id.as_str()));
            diesel::delete(of_node.filter(removals::account_id.eq_any(&ids))).execute(c).await
        })?;
        Ok(())
    })
    .await
}
