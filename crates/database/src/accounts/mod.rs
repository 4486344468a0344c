//! Accounts: the numbers of a workspace, where their sessions stand and which node holds them.

mod fleet;
mod states;

use blazz_domain::{
    Account, AccountId, AccountState, Desired, Epoch, Jid, Lease, NodeId, PhoneNumber, Provider, Proxy,
    SessionSettings, StateNumber, StateReason, Timestamp, WorkspaceId,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::row::rows;
use crate::schema::accounts;
use crate::types::{Id, UtcTime, Word};
use crate::{Conn, DatabaseError};

pub use fleet::{
    count_by_node, count_by_reason, count_of_node, list_of_node, list_placed, list_stranded,
    list_unsettled_of_node,
};
pub use states::count_by_state;

row! {
    /// An account.
    pub struct AccountRow as KeptAccount in accounts {
        /// Its id.
        id: AccountId as Id,
        /// The workspace it belongs to.
        workspace_id: WorkspaceId as Id,
        /// The tenant's name for it.
        name: String as String,
        /// How it reaches WhatsApp.
        provider: Provider as Word<Provider>,
        /// The linked number.
        phone: Option<PhoneNumber> as Option<Word<PhoneNumber>>,
        /// The linked id of the account itself.
        lid: Option<Jid> as Option<Word<Jid>>,
        /// Where its session stands.
        state: AccountState as Word<AccountState>,
        /// Why it stands there.
        state_reason: Option<StateReason> as Option<Word<StateReason>>,
        /// The number of the report that said so.
        state_number: StateNumber as i64,
        /// Since when it stands there.
        state_at: Timestamp as UtcTime,
        /// What the tenant wants of it.
        desired: Desired as Word<Desired>,
        /// Since when the tenant has wanted that.
        desired_at: Timestamp as UtcTime,
        /// The node that holds it.
        node_id: Option<NodeId> as Option<Word<NodeId>>,
        /// How often it has been granted.
        epoch: Epoch as i64,
        /// When it was linked; `None` while it is not.
        linked_at: Option<Timestamp> as Option<UtcTime>,
        /// When it was created.
        created_at: Timestamp as UtcTime,
        /// What the phone shows in its list of linked devices.
        device_name: String as String,
        /// The proxy through which alone its session connects.
        proxy: Option<Proxy> as Option<Word<Proxy>>,
        /// Counts the changes of these two.
        settings_revision: i64 as i64,
        /// The revision that its node is known to have.
        settings_applied: i64 as i64,
    }
}

impl AccountRow {
    /// The right to run its session, as last granted.
    #[must_use]
    pub const fn lease(&self) -> Lease {
        Lease { workspace_id: self.workspace_id, account_id: self.id, epoch: self.epoch }
    }

    /// What its node has to know of its tenant's choices.
    #[must_use]
    pub fn settings(&self) -> SessionSettings {
        SessionSettings {
            revision: self.settings_revision,
            device_name: self.device_name.clone(),
            proxy: self.proxy.clone(),
        }
    }
}

impl From<AccountRow> for Account {
    fn from(row: AccountRow) -> Self {
        Self {
            id: row.id,
            workspace_id: row.workspace_id,
            name: row.name,
            provider: row.provider,
            device_name: row.device_name,
            proxy: row.proxy.as_ref().map(Proxy::view),
            phone: row.phone,
            state: row.state,
            state_reason: row.state_reason,
            state_at: row.state_at,
            desired: row.desired,
            node_id: row.node_id,
            linked_at: row.linked_at,
            created_at: row.created_at,
        }
    }
}

/// One account of a workspace.
#[diesel::dsl::auto_type(no_type_alias)]
fn of(workspace_id: WorkspaceId, id: AccountId) -> _ {
    let (id, workspace_id): (Id, Id) = (Id(id.0), Id(workspace_id.0));
    accounts::table.find(id).filter(accounts::workspace_id.eq(workspace_id))
}

/// Stores a new account.
///
/// # Errors
/// When the id is taken, or the workspace is not there.
pub async fn insert(conn: &mut Conn, row: &AccountRow) -> Result<(), DatabaseError> {
    let kept = KeptAccount::from(row);
    on!(conn, c => diesel::insert_into(accounts::table).values(kept).execute(c).await)?;
    Ok(())
}

/// One account.
///
/// # Errors
/// When the database is not there.
pub async fn find(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    id: AccountId,
) -> Result<Option<AccountRow>, DatabaseError> {
    let query = of(workspace_id, id);
    let kept: Option<KeptAccount> = on!(conn, c => query.first(c).await.optional())?;
    Ok(kept.map(AccountRow::from))
}

/// One account, locked until the transaction ends.
///
/// # Errors
/// When the database is not there.
pub async fn find_for_update(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    id: AccountId,
) -> Result<Option<AccountRow>, DatabaseError> {
    let query = of(workspace_id, id);
    let kept: Option<KeptAccount> = locked!(conn, query, c, q => q.first(c).await.optional())?;
    Ok(kept.map(AccountRow::from))
}

/// Several accounts of a workspace, locked until the transaction ends, in one order for everybody.
///
/// # Errors
/// When the database is not there.
pub async fn list_for_update(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    ids: &[AccountId],
) -> Result<Vec<AccountRow>, DatabaseError> {
    let ids: Vec<Id> = ids.iter().map(|id| Id(id.0)).collect();
    let own = accounts::table.filter(accounts::workspace_id.eq(Id(workspace_id.0)));
    let query = own.filter(accounts::id.eq_any(ids)).order(accounts::id);
    let kept: Vec<KeptAccount> = locked!(conn, query, c, q => q.load(c).await)?;
    Ok(rows(kept))
}

/// The accounts of a workspace, newest first, those after `after`.
///
/// # Errors
/// When the database is not there.
pub async fn list(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    after: Option<AccountId>,
    limit: u32,
) -> Result<Vec<AccountRow>, DatabaseError> {
    let kept: Vec<KeptAccount> = on!(conn, c => {
        let query = accounts::table.filter(accounts::workspace_id.eq(Id(workspace_id.0)));
        let query = query.order(accounts::id.desc()).limit(limit.into());
        let mut query = query.into_boxed();
        if let Some(after) = after {
            query = query.filter(accounts::id.lt(Id(after.0)));
        }
        query.load(c).await
    })?;
    Ok(rows(kept))
}

/// Stores an account's name and settings, as the caller has changed them under the account's lock.
///
/// # Errors
/// `NotFound` when the account is gone.
pub async fn save_settings(conn: &mut Conn, row: &AccountRow) -> Result<(), DatabaseError> {
    let kept = KeptAccount::from(row);
    let settings = (
        accounts::name.eq(kept.name),
        accounts::device_name.eq(kept.device_name),
        accounts::proxy.eq(kept.proxy),
        accounts::settings_revision.eq(kept.settings_revision),
    );
    let update = diesel::update(of(row.workspace_id, row.id)).set(settings);
    let changed = on!(conn, c => update.execute(c).await)?;
    if changed == 0 { Err(DatabaseError::NotFound) } else { Ok(()) }
}

/// Notes which revision of the settings the node has.
///
/// # Errors
/// When the database is not there.
pub async fn set_settings_applied(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    id: AccountId,
    revision: i64,
) -> Result<(), DatabaseError> {
    let update = diesel::update(of(workspace_id, id)).set(accounts::settings_applied.eq(revision));
    on!(conn, c => update.execute(c).await)?;
    Ok(())
}

/// Deletes an account with its conversations and messages, and gives what it was.
///
/// # Errors
/// When the database is not there.
pub async fn delete(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    id: AccountId,
) -> Result<Option<AccountRow>, DatabaseError> {
    let delete = diesel::delete(of(workspace_id, id)).returning(accounts::all_columns);
    let kept: Option<KeptAccount> = on!(conn, c => delete.get_result(c).await.optional())?;
    Ok(kept.map(AccountRow::from))
}

/// Notes what the tenant wants of the session.
///
/// # Errors
/// When the database is not there.
pub async fn set_desired(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    id: AccountId,
    desired: Desired,
    now: Timestamp,
) -> Result<Option<AccountRow>, DatabaseError> {
    conn.in_turn(async |conn| {
        let change = (accounts::desired.eq(Word(desired)), accounts::desired_at.eq(UtcTime(now)));
        let update = diesel::update(of(workspace_id, id)).set(change).returning(accounts::all_columns);
        let kept: Option<KeptAccount> = on!(conn, c => update.get_result(c).await.optional())?;
        Ok(kept.map(AccountRow::from))
    })
    .await
}

/// Gives the session to a node.
///
/// # Errors
/// When the database or the node is not there.
pub async fn place(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    id: AccountId,
    node_id: &NodeId,
    epoch: Epoch,
) -> Result<Option<AccountRow>, DatabaseError> {
    let grant = (accounts::node_id.eq(Some(node_id.as_str())), accounts::epoch.eq(epoch.0));
    let update = diesel::update(of(workspace_id, id)).set(grant).returning(accounts::all_columns);
    let kept: Option<KeptAccount> = on!(conn, c => update.get_result(c).await.optional())?;
    Ok(kept.map(AccountRow::from))
}

/// Stores what is known of the session: its state with reason, number and time, what is wanted of it, and what it is linked to.
/// Name and placement stay. The caller holds the account's lock, and has compared the number.
///
/// # Errors
/// `NotFound` when the account is gone.
pub async fn save_session(conn: &mut Conn, row: &AccountRow) -> Result<(), DatabaseError> {
    let kept = KeptAccount::from(row);
    let session = (
        accounts::state.eq(kept.state),
        accounts::state_reason.eq(kept.state_reason),
        accounts::state_number.eq(kept.state_number),
        accounts::state_at.eq(kept.state_at),
        accounts::desired.eq(kept.desired),
        accounts::desired_at.eq(kept.desired_at),
        accounts::phone.eq(kept.phone),
        accounts::lid.eq(kept.lid),
        accounts::linked_at.eq(kept.linked_at),
    );
    let update = diesel::update(of(row.workspace_id, row.id)).set(session);
    let changed = on!(conn, c => update.execute(c).await)?;
    if changed == 0 { Err(DatabaseError::NotFound) } else { Ok(()) }
}
