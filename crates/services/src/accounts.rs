//! Accounts: the WhatsApp numbers of a workspace.

use blazz_database::accounts::{self, AccountRow};
use blazz_database::removals::{self, RemovalRow};
use blazz_database::{Conn, messages};
use blazz_domain::{
    Account, AccountId, AccountState, Desired, Epoch, EventPayload, Lease, Page, Provider, StateNumber,
    WorkspaceId,
};
use blazz_wire::request_id::RequestId;

use crate::cursor::{PageQuery, id_cursor, page_of};
use crate::workspaces::checked_name;
use crate::{ServiceError, Services, events, sessions};

/// How many messages of a deleted account one statement deletes.
const MESSAGES_AT_ONCE: u32 = 2000;

/// An account to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAccount {
    /// The tenant's name for it.
    pub name: String,
}

/// What to change of an account; `None` leaves a field as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountPatch {
    /// The tenant's name for it.
    pub name: Option<String>,
}

/// Creates an account that is linked to no phone yet.
///
/// # Errors
/// When the name is empty or too long.
pub async fn create(
    services: &Services,
    workspace_id: WorkspaceId,
    new: NewAccount,
) -> Result<Account, ServiceError> {
    let now = services.clock.now();
    let row = AccountRow {
        id: AccountId::new(),
        workspace_id,
        name: checked_name(&new.name)?,
        provider: Provider::Web,
        phone: None,
        lid: None,
        state: AccountState::New,
        state_reason: None,
        state_number: StateNumber::default(),
        state_at: now,
        desired: Desired::Stopped,
        desired_at: now,
        node_id: None,
        epoch: Epoch(0),
        linked_at: None,
        created_at: now,
    };
    let account = Account::from(row.clone());
    events::record(services, workspace_id, async |conn| {
        accounts::insert(conn, &row).await?;
        Ok((account.clone(), vec![EventPayload::AccountCreated(account)]))
    })
    .await
}

/// The accounts of a workspace, newest first.
///
/// # Errors
/// When the page is not one.
pub async fn list(
    services: &Services,
    workspace_id: WorkspaceId,
    page: &PageQuery,
) -> Result<Page<Account>, ServiceError> {
    let (after, limit) = (page.after_id()?, page.limit()?);
    let mut conn = services.pool.get().await?;
    let rows = accounts::list(&mut conn, workspace_id, after, limit + 1).await?;
    Ok(page_of(rows, limit, |row| id_cursor(row.id.0), Account::from))
}

/// One account.
///
/// # Errors
/// When the workspace has none with this id.
pub async fn get(
    services: &Services,
    workspace_id: WorkspaceId,
    id: AccountId,
) -> Result<Account, ServiceError> {
    find(services, workspace_id, id).await.map(Account::from)
}

/// Changes an account's name.
///
/// # Errors
/// When the name is bad or the workspace has no such account.
pub async fn rename(
    services: &Services,
    workspace_id: WorkspaceId,
    id: AccountId,
    patch: AccountPatch,
) -> Result<Account, ServiceError> {
    let Some(name) = patch.name else { return get(services, workspace_id, id).await };
    let name = checked_name(&name)?;
    events::record(services, workspace_id, async |conn| {
        let row = accounts::rename(conn, workspace_id, id, &name).await?;
        let account = Account::from(row.ok_or_else(ServiceError::account_not_found)?);
        Ok((account.clone(), vec![EventPayload::AccountUpdated(account)]))
    })
    .await
}

/// Deletes an account with its conversations and messages. A session that a node holds is logged out and its credentials are deleted;
/// a node that does not answer is told when it is heard of again.
///
/// # Errors
/// When the workspace has no such account.
pub async fn delete(
    services: &Services,
    workspace_id: WorkspaceId,
    id: AccountId,
    request_id: &RequestId,
) -> Result<(), ServiceError> {
    let account = find(services, workspace_id, id).await?;
    let is_removed = sessions::delete(services, &account, request_id).await?;
    delete_messages(services, workspace_id, id).await?;
    events::record(services, workspace_id, async |conn| {
        let row = accounts::delete(conn, workspace_id, id).await?;
        let row = row.ok_or_else(ServiceError::account_not_found)?;
        if !is_removed {
            remember_removal(services, conn, &row).await?;
        }
        let account = Account::from(row);
        Ok(((), vec![EventPayload::AccountDeleted(account)]))
    })
    .await?;
    tracing::info!(workspace.id = %workspace_id, account.id = %id, "account deleted");
    Ok(())
}

/// Its node removes the session as soon as it is heard of.
async fn remember_removal(
    services: &Services,
    conn: &mut Conn,
    account: &AccountRow,
) -> Result<(), ServiceError> {
    let Some(node_id) = account.node_id.clone() else { return Ok(()) };
    let Lease { workspace_id, account_id, epoch } = account.lease();
    let created_at = services.clock.now();
    removals::insert(conn, &RemovalRow { account_id, workspace_id, node_id, epoch, created_at }).await?;
    Ok(())
}

/// A long history goes piece by piece: one statement over all of it would run into its time limit.
async fn delete_messages(
    services: &Services,
    workspace_id: WorkspaceId,
    id: AccountId,
) -> Result<(), ServiceError> {
    let mut conn = services.pool.get().await?;
    while messages::delete_some(&mut conn, workspace_id, id, MESSAGES_AT_ONCE).await? == MESSAGES_AT_ONCE {}
    Ok(())
}

pub(crate) async fn find(
    services: &Services,
    workspace_id: WorkspaceId,
    id: AccountId,
) -> Result<AccountRow, ServiceError> {
    let mut conn = services.pool.get().await?;
    accounts::find(&mut conn, workspace_id, id).await?.ok_or_else(ServiceError::account_not_found)
}
