//! Sessions of every workspace, as the fleet and its operators look at them.

use std::collections::BTreeMap;

use blazz_domain::{AccountId, AccountState, Desired, NodeId, StateReason};
use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{AccountRow, KeptAccount};
use crate::row::rows;
use crate::schema::{accounts, nodes};
use crate::types::{Id, Word};
use crate::{Conn, DatabaseError};

/// The states in which a node is at work on a session.
fn live_states() -> Vec<Word<AccountState>> {
    AccountState::ALL.into_iter().filter(|state| state.is_live()).map(Word).collect()
}

/// The sessions that a node holds, of every workspace. For the fleet.
///
/// # Errors
/// When the database is not there.
pub async fn list_of_node(conn: &mut Conn, node_id: &NodeId) -> Result<Vec<AccountRow>, DatabaseError> {
    let query = accounts::table.filter(accounts::node_id.eq(node_id.as_str()));
    let query = query.order(accounts::id);
    let kept: Vec<KeptAccount> = on!(conn, c => query.load(c).await)?;
    Ok(rows(kept))
}

/// The sessions of a node that are live against their tenant's wish, wanted and not live, believed lost with it, or of which the node lacks
/// the latest settings. For the fleet.
///
/// # Errors
/// When the database is not there.
pub async fn list_unsettled_of_node(
    conn: &mut Conn,
    node_id: &NodeId,
) -> Result<Vec<AccountRow>, DatabaseError> {
    let wanted = accounts::desired.eq(Word(Desired::Running));
    let wants = accounts::desired.eq(Word(Desired::Running));
    let unwanted = accounts::desired.eq(Word(Desired::Stopped));
    let was_lost = accounts::state_reason.assume_not_null().eq(Word(StateReason::NodeLost));
    let unsettled = wanted
        .and(accounts::state.ne_all(live_states()))
        .or(unwanted.and(accounts::state.eq_any(live_states())))
        .or(accounts::state_reason.is_not_null().and(was_lost))
        .or(wants.and(accounts::settings_applied.lt(accounts::settings_revision)));
    let query = accounts::table.filter(accounts::node_id.eq(node_id.as_str())).filter(unsettled);
    let query = query.order(accounts::id);
    let kept: Vec<KeptAccount> = on!(conn, c => query.load(c).await)?;
    Ok(rows(kept))
}

/// The sessions that count as live on a node that is lost, and do not say so yet. For the fleet.
///
/// # Errors
/// When the database is not there.
pub async fn list_stranded(conn: &mut Conn) -> Result<Vec<AccountRow>, DatabaseError> {
    let unnoticed = accounts::state_reason
        .is_null()
        .or(accounts::state_reason.assume_not_null().ne(Word(StateReason::NodeLost)));
    let lost = nodes::table.filter(nodes::lost.eq(true)).select(nodes::id.nullable());
    let query = accounts::table
        .filter(accounts::node_id.eq_any(lost))
        .filter(accounts::state.eq_any(live_states()))
        .filter(unnoticed);
    let query = query.order(accounts::id);
    let kept: Vec<KeptAccount> = on!(conn, c => query.load(c).await)?;
    Ok(rows(kept))
}

/// The sessions that any node holds, of every workspace, newest account first, those after `after`. For operators.
///
/// # Errors
/// When the database is not there.
pub async fn list_placed(
    conn: &mut Conn,
    after: Option<AccountId>,
    limit: u32,
) -> Result<Vec<AccountRow>, DatabaseError> {
    let kept: Vec<KeptAccount> = on!(conn, c => {
        let query = accounts::table.filter(accounts::node_id.is_not_null());
        let query = query.order(accounts::id.desc()).limit(limit.into());
        let mut query = query.into_boxed();
        if let Some(after) = after {
            query = query.filter(accounts::id.lt(Id(after.0)));
        }
        query.load(c).await
    })?;
    Ok(rows(kept))
}

/// How many sessions, of every workspace, stand where they stand for this reason. For operators.
///
/// # Errors
/// When the database is not there.
pub async fn count_by_reason(conn: &mut Conn, reason: StateReason) -> Result<u32, DatabaseError> {
    let given = accounts::state_reason.assume_not_null().eq(Word(reason));
    let query =
        accounts::table.filter(accounts::state_reason.is_not_null()).filter(given).select(count_star());
    let count: i64 = on!(conn, c => query.first(c).await)?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// How many sessions a node holds.
///
/// # Errors
/// When the database is not there.
pub async fn count_of_node(conn: &mut Conn, node_id: &NodeId) -> Result<u32, DatabaseError> {
    let query = accounts::table.filter(accounts::node_id.eq(node_id.as_str())).select(count_star());
    let count: i64 = on!(conn, c => query.first(c).await)?;
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// How many sessions each node holds; nodes without any are left out.
///
/// # Errors
/// When the database is not there.
pub async fn count_by_node(conn: &mut Conn) -> Result<BTreeMap<NodeId, u32>, DatabaseError> {
    let query = accounts::table
        .filter(accounts::node_id.is_not_null())
        .group_by(accounts::node_id)
        .select((accounts::node_id, count_star()));
    let counts: Vec<(Option<Word<NodeId>>, i64)> = on!(conn, c => query.load(c).await)?;
    let count =
        |(id, count): (Option<Word<NodeId>>, i64)| Some((id?.0, u32::try_from(count).unwrap_or(u32::MAX)));
    Ok(counts.into_iter().filter_map(count).collect())
}
