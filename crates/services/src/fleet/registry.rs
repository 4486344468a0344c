//! Registration: a node has started, takes over its own sessions, and its earlier start no longer counts.

use blazz_database::accounts::{self, AccountRow};
use blazz_database::nodes::{self, NewRegistration, NodeRow};
use blazz_domain::{
    AccountState, Desired, ErrorCode, Incarnation, NodeId, StateNumber, StateReason, Timestamp,
};
use blazz_wire::control_api::{Register, Registered};
use blazz_wire::node_api::Assignment;
use url::Url;

use super::report;
use crate::{ServiceError, Services};

/// The most sessions one node may announce room for.
const MAX_CAPACITY: u32 = 1_000_000;

/// Registers a start of `node_id`, with a number higher than any before. Sessions that its earlier start ran are its to start again.
///
/// # Errors
/// When the registration speaks for another node or makes no sense.
pub async fn register(
    services: &Services,
    node_id: &NodeId,
    request: Register,
) -> Result<Registered, ServiceError> {
    check(node_id, &request)?;
    let mut conn = services.pool.get().await?;
    let registration = NewRegistration {
        id: request.node_id,
        url: request.url,
        root_id: request.root_id,
        capacity: request.capacity,
        version: request.version,
        sandbox: request.sandbox,
        registered_at: services.clock.now(),
        expires_at: services.clock.now().plus(services.settings.node_ttl),
    };
    let node = nodes::upsert_registration(&mut conn, registration).await?;
    let held = accounts::list_of_node(&mut conn, node_id).await?;
    drop(conn);
    tracing::info!(node.id = %node_id, node.incarnation = node.incarnation.0, node.sessions = held.len(), "node registered");
    let mut sessions = Vec::new();
    for account in held {
        sessions.extend(take_over(services, &node, &account).await?);
    }
    Ok(Registered {
        incarnation: node.incarnation,
        sessions,
        heartbeat_ms: millis(services.settings.heartbeat_interval()),
        ttl_ms: millis(services.settings.node_ttl),
    })
}

/// Whether `incarnation` is the current start of `node_id`.
///
/// # Errors
/// `not_registered` when the node or the number is not known, `superseded` when a later start has registered.
pub(crate) fn check_incarnation(
    node: Option<&NodeRow>,
    incarnation: Incarnation,
) -> Result<(), ServiceError> {
    match node.map(|node| node.incarnation) {
        Some(current) if current == incarnation => Ok(()),
        Some(current) if current > incarnation => {
            Err(ServiceError::refused(ErrorCode::Superseded, "a newer start of this node has registered"))
        }
        _ => Err(ServiceError::refused(ErrorCode::NotRegistered, "this start is not registered")),
    }
}

/// Notes what a restart of the node means for one of its sessions; the assignment when it is to run.
async fn take_over(
    services: &Services,
    node: &NodeRow,
    account: &AccountRow,
) -> Result<Option<Assignment>, ServiceError> {
    let now = services.clock.now();
    let number = StateNumber::new(node.incarnation, 0);
    let change = |account: &AccountRow| after_restart(account, node, number, now);
    let account = report::change_one(services, account.workspace_id, account.id, change).await?;
    let runs =
        |account: &AccountRow| account.state_number == number && account.state == AccountState::Starting;
    Ok(account
        .filter(runs)
        .map(|account| Assignment { lease: account.lease(), linked: account.linked_at.is_some() }))
}

fn after_restart(
    account: &AccountRow,
    node: &NodeRow,
    number: StateNumber,
    now: Timestamp,
) -> Option<AccountRow> {
    if account.node_id.as_ref() != Some(&node.id) || account.state_number >= number {
        return None;
    }
    let state = match account.desired {
        Desired::Running if !waits_for_somebody(account.state) => AccountState::Starting,
        Desired::Stopped if account.state.is_live() => AccountState::Stopped,
        _ => return None,
    };
    Some(AccountRow {
        state,
        state_reason: Some(StateReason::NodeRestarted),
        state_number: number,
        state_at: now,
        ..account.clone()
    })
}

/// A restart of the node alone does not lead out of these states.
fn waits_for_somebody(state: AccountState) -> bool {
    matches!(state, AccountState::QrTimeout | AccountState::LoggedOut)
}

fn check(node_id: &NodeId, request: &Register) -> Result<(), ServiceError> {
    let refuse = |detail: &str| Err(ServiceError::refused(ErrorCode::InvalidRequest, detail));
    if request.node_id != *node_id {
        return refuse("node_id must be the signer's");
    }
    let http =
        Url::parse(&request.url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if !http || request.url.len() > 500 {
        return refuse("url must be an http or https url");
    }
    if !(1..=MAX_CAPACITY).contains(&request.capacity) {
        return refuse("capacity must be between 1 and 1,000,000");
    }
    if request.version.len() > 100 {
        return refuse("version is too long");
    }
    Ok(())
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_become_whole_milliseconds() {
        assert_eq!(millis(std::time::Duration::from_secs(2)), 2000);
        assert_eq!(millis(std::time::Duration::MAX), u64::MAX);
    }
}
