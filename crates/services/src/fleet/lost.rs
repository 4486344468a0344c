//! Nodes that have not been heard of in time.

use blazz_database::accounts::{self, AccountRow};
use blazz_database::nodes;
use blazz_domain::{AccountState, StateNumber, StateReason};

use super::report;
use crate::{ServiceError, Services, events};

/// Marks nodes whose time has run out as lost, and their live sessions as disconnected. To be called every second; finishes what an
/// earlier call could not.
///
/// # Errors
/// When the database is not there.
pub async fn mark_lost_nodes(services: &Services) -> Result<(), ServiceError> {
    let mut conn = services.pool.get().await?;
    for node_id in nodes::mark_lost(&mut conn, services.clock.now()).await? {
        tracing::warn!(node.id = %node_id, "node lost: no heartbeat in time");
    }
    let stranded = accounts::list_stranded(&mut conn).await?;
    drop(conn);
    for account in stranded {
        disconnect(services, &account).await?;
    }
    Ok(())
}

/// Under the node's row lock, so that either the node's return sees the change and asks for every report, or this sees the return.
async fn disconnect(services: &Services, stranded: &AccountRow) -> Result<(), ServiceError> {
    let Some(node_id) = &stranded.node_id else { return Ok(()) };
    events::record(services, stranded.workspace_id, async |conn| {
        let lost = nodes::lock(conn, node_id).await?.is_some_and(|node| node.lost);
        let account = accounts::find_for_update(conn, stranded.workspace_id, stranded.id).await?;
        let Some(account) = account.filter(|account| lost && is_stranded(account)) else {
            return Ok(((), vec![]));
        };
        Ok(((), vec![report::store(conn, &after_loss(services, account)).await?]))
    })
    .await
}

fn is_stranded(account: &AccountRow) -> bool {
    account.state.is_live() && account.state_reason != Some(StateReason::NodeLost)
}

/// One below the last number, so that the node's own last report counts again when it returns.
fn after_loss(services: &Services, account: AccountRow) -> AccountRow {
    AccountRow {
        state: AccountState::Disconnected,
        state_reason: Some(StateReason::NodeLost),
        state_number: StateNumber(account.state_number.0 - 1),
        state_at: services.clock.now(),
        ..account
    }
}
