//! Heartbeats: the node is alive, this has changed; the answer says what it should run and what not.

use std::collections::BTreeMap;

use blazz_database::Conn;
use blazz_database::accounts::{self, AccountRow};
use blazz_database::nodes::{self, HeartbeatOutcome, Vitals};
use blazz_database::removals::{self, RemovalRow};
use blazz_domain::{AccountId, AccountState, Desired, ErrorCode, Lease, NodeId, StateReason};
use blazz_wire::control_api::{Heartbeat, HeartbeatAnswer};
use blazz_wire::node_api::Assignment;

use super::registry::{check_incarnation, is_wanted_anew};
use super::report::take_reports;
use crate::{ServiceError, Services, client_version};

/// Removals of one answer; the rest follows when these are done.
const REMOVALS: u32 = 100;

/// Takes in a heartbeat. The changes are stored before the heartbeat counts, so one that failed half way is sent again; each change is
/// ordered by its own number.
///
/// # Errors
/// `superseded` when a newer start of the node has registered, `not_registered` when this one never did.
pub async fn heartbeat(
    services: &Services,
    node_id: &NodeId,
    beat: Heartbeat,
) -> Result<HeartbeatAnswer, ServiceError> {
    let mut conn = services.pool.get().await?;
    let node = nodes::find(&mut conn, node_id).await?;
    drop(conn);
    check_incarnation(node.as_ref(), beat.incarnation)?;
    let mut stop = BTreeMap::new();
    for lease in take_reports(services, node_id, &beat.changes).await? {
        stop.insert(lease.account_id, lease);
    }
    note_removed(services, node_id, &beat.removed).await?;
    let client_version = client_version::of_fleet(services).await?;
    if let Some(refused) = beat.outdated {
        client_version::refused(services, refused, client_version);
    }
    let Some(was_lost) = renew(services, node_id, &beat).await? else {
        return Ok(HeartbeatAnswer {
            number: beat.number,
            start: vec![],
            stop: vec![],
            remove: vec![],
            report_all: false,
            client_version,
        });
    };
    let mut conn = services.pool.get().await?;
    let start = reconcile(&mut conn, node_id, &mut stop).await?;
    let removals = removals::list_of_node(&mut conn, node_id, REMOVALS).await?;
    Ok(HeartbeatAnswer {
        number: beat.number,
        start,
        stop: stop.into_values().collect(),
        remove: removals.iter().map(RemovalRow::lease).collect(),
        report_all: was_lost,
        client_version,
    })
}

/// What is gone at the node too needs no remembering.
async fn note_removed(
    services: &Services,
    node_id: &NodeId,
    removed: &[AccountId],
) -> Result<(), ServiceError> {
    if !removed.is_empty() {
        let mut conn = services.pool.get().await?;
        removals::delete_of_node(&mut conn, node_id, removed).await?;
        tracing::info!(node.id = %node_id, sessions = removed.len(), "a node has removed sessions of deleted accounts");
    }
    Ok(())
}

/// Renews the node's row. Whether the node had counted as lost; `None` when a later heartbeat was here before.
async fn renew(
    services: &Services,
    node_id: &NodeId,
    beat: &Heartbeat,
) -> Result<Option<bool>, ServiceError> {
    let now = services.clock.now();
    let vitals = Vitals {
        number: i64::try_from(beat.number).map_err(|_| bad_number())?,
        sessions: beat.sessions,
        memory_bytes: beat.memory_bytes,
        now,
        expires_at: now.plus(services.settings.node_ttl),
    };
    let mut conn = services.pool.get().await?;
    match nodes::heartbeat(&mut conn, node_id, beat.incarnation, vitals).await? {
        HeartbeatOutcome::Applied { was_lost } => {
            if was_lost {
                tracing::info!(node.id = %node_id, "a node that counted as lost is back");
            }
            Ok(Some(was_lost))
        }
        HeartbeatOutcome::Outdated => Ok(None),
        HeartbeatOutcome::Superseded => {
            Err(ServiceError::refused(ErrorCode::Superseded, "a newer start of this node has registered"))
        }
        HeartbeatOutcome::Unknown => {
            Err(ServiceError::refused(ErrorCode::NotRegistered, "this start is not registered"))
        }
    }
}

/// What the node should start; adds to `stop` what is known to run against the tenant's wish.
async fn reconcile(
    conn: &mut Conn,
    node_id: &NodeId,
    stop: &mut BTreeMap<AccountId, Lease>,
) -> Result<Vec<Assignment>, ServiceError> {
    let mut start = Vec::new();
    for account in accounts::list_unsettled_of_node(conn, node_id).await? {
        if should_start(&account) {
            start.push(assignment(&account));
        } else if account.desired == Desired::Running && lacks_settings(&account) {
            // Told to start what it runs already, the node takes the settings; what ended by itself stays as it is.
            start.push(assignment(&account));
        } else if account.desired == Desired::Stopped && account.state.is_live() {
            stop.insert(account.id, account.lease());
        }
    }
    Ok(start)
}

/// Wanted, and at rest without a reason that somebody has to clear away first; or believed lost: told to start what it runs already, the
/// node says again where that stands.
fn should_start(account: &AccountRow) -> bool {
    account.desired == Desired::Running
        && match account.state {
            AccountState::New | AccountState::Stopped => true,
            AccountState::Disconnected => account.state_reason == Some(StateReason::NodeLost),
            _ => is_wanted_anew(account),
        }
}

fn lacks_settings(account: &AccountRow) -> bool {
    account.settings_applied < account.settings_revision
}

/// What its node has to know to run a session.
pub(super) fn assignment(account: &AccountRow) -> Assignment {
    Assignment { lease: account.lease(), linked: account.linked_at.is_some(), settings: account.settings() }
}

fn bad_number() -> ServiceError {
    ServiceError::refused(ErrorCode::InvalidRequest, "number is out of range")
}
