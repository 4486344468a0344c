//! Rows that others point to.

use blazz_database::accounts::{self, AccountRow};
use blazz_database::workspaces::{self, WorkspaceRow};
use blazz_database::{Conn, Pool};
use blazz_domain::{
    AccountId, AccountState, Clock as _, Desired, Epoch, Provider, StateNumber, SystemClock, Timestamp,
    WorkspaceId,
};

pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) async fn workspace(conn: &mut Conn) -> WorkspaceId {
    let row = WorkspaceRow { id: WorkspaceId::new(), name: "test".into(), created_at: now() };
    workspaces::insert(conn, &row).await.unwrap();
    row.id
}

/// A workspace and an account of it.
pub(crate) async fn account(pool: &Pool) -> (WorkspaceId, AccountId) {
    let mut conn = pool.get().await.unwrap();
    let workspace_id = workspace(&mut conn).await;
    let row = AccountRow {
        id: AccountId::new(),
        workspace_id,
        name: "Sales".into(),
        provider: Provider::Web,
        phone: None,
        lid: None,
        state: AccountState::New,
        state_reason: None,
        state_number: StateNumber::default(),
        state_at: now(),
        desired: Desired::Stopped,
        desired_at: now(),
        node_id: None,
        epoch: Epoch(0),
        linked_at: None,
        created_at: now(),
        device_name: "Blazz".into(),
        proxy: None,
        settings_revision: 0,
        settings_applied: 0,
    };
    accounts::insert(&mut conn, &row).await.unwrap();
    (workspace_id, row.id)
}
