//! Registration: a node has started, takes over its own sessions, and its earlier start no longer counts.

use std::collections::BTreeMap;

use blazz_database::accounts::{self, AccountRow};
use blazz_database::nodes::{self, NewRegistration, NodeRow};
use blazz_domain::{
    AccountId, AccountState, Desired, ErrorCode, Incarnation, NodeId, StateNumber, StateReason, Timestamp,
    WorkspaceId,
};
use blazz_wire::control_api::{Register, Registered};
use blazz_wire::node_api::Assignment;
use url::Url;

use super::heartbeat::assignment;
use super::report;
use crate::{ServiceError, Services, client_version};

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
    let mut workspaces: BTreeMap<WorkspaceId, Vec<AccountId>> = BTreeMap::new();
    for account in held {
        workspaces.entry(account.workspace_id).or_default().push(account.id);
    }
    let mut sessions = Vec::new();
    for (workspace_id, ids) in workspaces {
        sessions.extend(take_over(services, &node, workspace_id, &ids).await?);
    }
    Ok(Registered {
        incarnation: node.incarnation,
        sessions,
        heartbeat_ms: millis(services.settings.heartbeat_interval()),
        ttl_ms: millis(services.settings.node_ttl),
        client_version: client_version::of_fleet(services).await?,
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

/// Notes what a restart of the node means for its sessions of one workspace; the assignments of those that are to run.
async fn take_over(
    services: &Services,
    node: &NodeRow,
    workspace_id: WorkspaceId,
    ids: &[AccountId],
) -> Result<Vec<Assignment>, ServiceError> {
    let now = services.clock.now();
    let number = StateNumber::new(node.incarnation, 0);
    let change = |account: &AccountRow| after_restart(account, node, number, now);
    let accounts = report::change_all(services, workspace_id, ids, change).await?;
    let runs =
        |account: &&AccountRow| account.state_number == number && account.state == AccountState::Starting;
    Ok(accounts.iter().filter(runs).map(assignment).collect())
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
        Desired::Running if !waits_for_somebody(account.state) || is_wanted_anew(account) => {
            AccountState::Starting
        }
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

/// Whether the session came to rest before its tenant last asked for it: then the asking has not been answered.
pub(super) fn is_wanted_anew(account: &AccountRow) -> bool {
    !account.state.is_live() && account.desired == Desired::Running && account.desired_at > account.state_at
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
