//! What a session's state becomes when its node reports: pure, then stored with its event.

use std::collections::BTreeMap;

use blazz_database::Conn;
use blazz_database::accounts::{self, AccountRow};
use blazz_domain::{
    Account, AccountId, AccountState, Desired, EventPayload, Lease, NodeId, SessionReport, StateReason,
    WorkspaceId,
};
use blazz_wire::control_api::SessionChange;
use blazz_wire::node_api::SessionStatus;

use crate::{ServiceError, Services, events, messages};

/// What a report does to an account.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    /// An equal or later one was applied before.
    Stale,
    /// No legal move leads there.
    Illegal,
    /// Nothing that anybody sees changes; only the number does.
    Silent(Box<AccountRow>),
    /// This is the account afterwards.
    Changed(Box<AccountRow>),
}

/// Takes in a report about one session from `node_id`.
pub(crate) async fn take_report(
    services: &Services,
    node_id: &NodeId,
    lease: &Lease,
    status: &SessionStatus,
) -> Result<(), ServiceError> {
    let SessionStatus { report, settings, .. } = status.clone();
    let change = SessionChange { lease: *lease, report, settings };
    take_reports(services, node_id, std::slice::from_ref(&change)).await?;
    Ok(())
}

/// Takes in reports from `node_id`, one transaction for each workspace that they are about. Gives the leases of the sessions that the node
/// should not run.
pub(crate) async fn take_reports(
    services: &Services,
    node_id: &NodeId,
    changes: &[SessionChange],
) -> Result<Vec<Lease>, ServiceError> {
    let mut workspaces: BTreeMap<WorkspaceId, Vec<&SessionChange>> = BTreeMap::new();
    for change in changes {
        workspaces.entry(change.lease.workspace_id).or_default().push(change);
    }
    let mut to_stop = Vec::new();
    for (workspace_id, changes) in workspaces {
        to_stop.extend(take_reports_of(services, node_id, workspace_id, &changes).await?);
    }
    Ok(to_stop)
}

async fn take_reports_of(
    services: &Services,
    node_id: &NodeId,
    workspace_id: WorkspaceId,
    changes: &[&SessionChange],
) -> Result<Vec<Lease>, ServiceError> {
    let ids: Vec<AccountId> = changes.iter().map(|change| change.lease.account_id).collect();
    let (to_stop, connects) = events::record(services, workspace_id, async |conn| {
        let accounts = accounts::list_for_update(conn, workspace_id, &ids).await?;
        let mut accounts: BTreeMap<_, _> =
            accounts.into_iter().map(|account| (account.id, account)).collect();
        let (mut to_stop, mut payloads) = (Vec::new(), Vec::new());
        for SessionChange { lease, report, settings } in changes {
            let account =
                accounts.get_mut(&lease.account_id).filter(|account| holds(node_id, lease, account));
            let Some(account) = account else {
                to_stop.push(*lease);
                continue;
            };
            note_settings(conn, account, *settings).await?;
            payloads.extend(apply(services, conn, account, report).await?);
            if should_stop(account, report.state) {
                to_stop.push(*lease);
            }
        }
        let connects = payloads.iter().any(is_connection);
        Ok(((to_stop, connects), payloads))
    })
    .await?;
    if connects {
        messages::wake(services);
    }
    Ok(to_stop)
}

/// The node has the settings of this revision.
async fn note_settings(
    conn: &mut Conn,
    account: &mut AccountRow,
    revision: Option<i64>,
) -> Result<(), ServiceError> {
    match revision {
        Some(revision) if revision == account.settings_revision && revision != account.settings_applied => {
            accounts::set_settings_applied(conn, account.workspace_id, account.id, revision).await?;
            account.settings_applied = revision;
            Ok(())
        }
        _ => Ok(()),
    }
}

fn is_connection(payload: &EventPayload) -> bool {
    matches!(payload, EventPayload::AccountStateUpdated(account) if account.state == AccountState::Connected)
}

/// Notes that a session which should be at rest does not run, although its last report said so.
pub(crate) async fn rest(services: &Services, account: &AccountRow) -> Result<AccountRow, ServiceError> {
    let (workspace_id, id) = (account.workspace_id, account.id);
    let change = |account: &AccountRow| {
        let rests = account.state.is_live() && account.desired == Desired::Stopped;
        rests.then(|| AccountRow {
            state: AccountState::Stopped,
            state_reason: Some(StateReason::Requested),
            state_at: services.clock.now(),
            ..account.clone()
        })
    };
    change_one(services, workspace_id, id, change).await?.ok_or_else(ServiceError::account_not_found)
}

/// Changes one account under its lock and appends the event of it. `None` when it is gone, the account as it is when `change` says `None`.
async fn change_one(
    services: &Services,
    workspace_id: WorkspaceId,
    id: AccountId,
    change: impl Fn(&AccountRow) -> Option<AccountRow>,
) -> Result<Option<AccountRow>, ServiceError> {
    Ok(change_all(services, workspace_id, &[id], change).await?.pop())
}

/// Changes accounts of a workspace under their locks, in one transaction with the events of it. Gives all that are there, those that `change`
/// says `None` about as they are.
pub(super) async fn change_all(
    services: &Services,
    workspace_id: WorkspaceId,
    ids: &[AccountId],
    change: impl Fn(&AccountRow) -> Option<AccountRow>,
) -> Result<Vec<AccountRow>, ServiceError> {
    events::record(services, workspace_id, async |conn| {
        let mut accounts = accounts::list_for_update(conn, workspace_id, ids).await?;
        let mut payloads = Vec::new();
        for account in &mut accounts {
            if let Some(after) = change(account) {
                payloads.push(store(conn, &after).await?);
                *account = after;
            }
        }
        Ok((accounts, payloads))
    })
    .await
}

/// Stores an account whose state has changed; gives the event of it.
pub(super) async fn store(conn: &mut Conn, account: &AccountRow) -> Result<EventPayload, ServiceError> {
    accounts::save_session(conn, account).await?;
    Ok(EventPayload::AccountStateUpdated(Account::from(account.clone())))
}

/// Makes of an account what a report makes of it; gives the event, if anybody can see the change.
async fn apply(
    services: &Services,
    conn: &mut Conn,
    account: &mut AccountRow,
    report: &SessionReport,
) -> Result<Option<EventPayload>, ServiceError> {
    match judge(account, report) {
        Verdict::Stale => Ok(None),
        Verdict::Illegal => {
            tracing::warn!(
                account.id = %account.id,
                state.from = account.state.as_str(),
                state.to = report.state.as_str(),
                "a node reports a move that is not legal"
            );
            Ok(None)
        }
        Verdict::Silent(after) => {
            accounts::save_session(conn, &after).await?;
            *account = *after;
            Ok(None)
        }
        Verdict::Changed(after) => {
            if after.state == AccountState::Connected {
                messages::pull_forward(conn, services.clock.now(), &after).await?;
            }
            let payload = store(conn, &after).await?;
            log_change(account, &after);
            *account = *after;
            Ok(Some(payload))
        }
    }
}

fn holds(node_id: &NodeId, lease: &Lease, account: &AccountRow) -> bool {
    account.node_id.as_ref() == Some(node_id) && account.epoch == lease.epoch
}

/// A live session that is wanted at rest should stop.
fn should_stop(account: &AccountRow, reported: AccountState) -> bool {
    account.desired == Desired::Stopped && reported.is_live()
}

fn log_change(before: &AccountRow, after: &AccountRow) {
    tracing::info!(
        workspace.id = %after.workspace_id,
        account.id = %after.id,
        state.from = before.state.as_str(),
        state.to = after.state.as_str(),
        state.reason = after.state_reason.map(StateReason::as_str),
        "session changed its state"
    );
}

fn judge(account: &AccountRow, report: &SessionReport) -> Verdict {
    if report.number <= account.state_number {
        return Verdict::Stale;
    }
    if !may_follow(account, report.state) {
        return Verdict::Illegal;
    }
    let mut after = AccountRow { state_number: report.number, ..account.clone() };
    after.phone = report.phone.clone().or(after.phone);
    after.lid = report.lid.clone().or(after.lid);
    if (report.state, report.reason) != (account.state, account.state_reason) {
        after.state = report.state;
        after.state_reason = report.reason;
        after.state_at = report.since;
    }
    match report.state {
        AccountState::Connected => after.linked_at = account.linked_at.or(Some(report.since)),
        AccountState::LoggedOut => {
            after.linked_at = None;
            after.desired = Desired::Stopped;
            after.desired_at = report.since;
        }
        _ => {}
    }
    let seen = |row: &AccountRow| Account::from(row.clone());
    if seen(&after) == seen(account) {
        Verdict::Silent(Box::new(after))
    } else {
        Verdict::Changed(Box::new(after))
    }
}

/// Whether the reported state may follow. Two changes between two reports arrive as one: a session at rest that is wanted to run has
/// been started in between.
fn may_follow(account: &AccountRow, next: AccountState) -> bool {
    let from = account.state;
    let starts = account.desired == Desired::Running && from.can_become(AccountState::Starting);
    from == next || from.can_become(next) || (starts && AccountState::Starting.can_become(next))
}

#[cfg(test)]
mod tests {
    use blazz_domain::{Epoch, Incarnation, Provider, StateNumber, Timestamp};

    use super::*;

    fn at(second: u32) -> Timestamp {
        format!("2026-01-02T03:04:{second:02}Z").parse().unwrap()
    }

    fn account(state: AccountState, desired: Desired) -> AccountRow {
        AccountRow {
            id: AccountId::new(),
            workspace_id: WorkspaceId::new(),
            name: "a".into(),
            provider: Provider::Web,
            phone: None,
            lid: None,
            state,
            state_reason: None,
            state_number: StateNumber::new(Incarnation(1), 5),
            state_at: at(0),
            desired,
            desired_at: at(0),
            node_id: Some("node-1".parse().unwrap()),
            epoch: Epoch(1),
            linked_at: None,
            created_at: at(0),
            device_name: "Blazz".into(),
            proxy: None,
            settings_revision: 0,
            settings_applied: 0,
        }
    }

    fn report(state: AccountState, count: u32) -> SessionReport {
        SessionReport {
            state,
            reason: None,
            since: at(9),
            number: StateNumber::new(Incarnation(1), count),
            phone: None,
            lid: None,
        }
    }

    #[test]
    fn only_higher_numbers_count() {
        let account = account(AccountState::Starting, Desired::Running);
        for count in [0, 4, 5] {
            assert_eq!(judge(&account, &report(AccountState::Connected, count)), Verdict::Stale);
        }
        assert!(matches!(judge(&account, &report(AccountState::Connected, 6)), Verdict::Changed(_)));
    }

    #[test]
    fn the_first_connection_is_the_linking_and_a_logout_ends_it() {
        let account = account(AccountState::Connecting, Desired::Running);
        let linked = SessionReport {
            phone: Some("+15550000001".parse().unwrap()),
            ..report(AccountState::Connected, 6)
        };
        let Verdict::Changed(connected) = judge(&account, &linked) else { panic!("no change") };
        assert_eq!((connected.linked_at, &connected.phone), (Some(at(9)), &linked.phone));

        let again = SessionReport { since: at(30), ..report(AccountState::Connected, 7) };
        let Verdict::Silent(later) = judge(&connected, &again) else { panic!("a change") };
        assert_eq!((later.linked_at, later.state_at), (Some(at(9)), at(9)));

        let Verdict::Changed(out) = judge(&connected, &report(AccountState::LoggedOut, 8)) else {
            panic!("no change")
        };
        assert_eq!((out.linked_at, out.desired, &out.phone), (None, Desired::Stopped, &linked.phone));
    }

    #[test]
    fn a_session_at_rest_comes_alive_only_when_it_is_wanted() {
        use AccountState::{Connected, Failed, LoggedOut, New, QrTimeout, Stopped};
        for rest in [New, QrTimeout, Stopped, LoggedOut, Failed] {
            let unwanted = account(rest, Desired::Stopped);
            assert_eq!(judge(&unwanted, &report(Connected, 6)), Verdict::Illegal, "{rest:?}");
            let wanted = account(rest, Desired::Running);
            assert!(matches!(judge(&wanted, &report(Connected, 6)), Verdict::Changed(_)), "{rest:?}");
        }
    }

    #[test]
    fn live_sessions_that_are_wanted_at_rest_should_stop() {
        let stopped = account(AccountState::Connected, Desired::Stopped);
        assert!(should_stop(&stopped, AccountState::Connected));
        assert!(!should_stop(&stopped, AccountState::Stopped));
        let running = account(AccountState::Connected, Desired::Running);
        assert!(!should_stop(&running, AccountState::Connected));
    }
}
