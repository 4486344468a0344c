//! Accounts: the WhatsApp numbers of a workspace.

use blazz_database::accounts::{self, AccountRow};
use blazz_database::removals::{self, RemovalRow};
use blazz_database::{Conn, messages};
use blazz_domain::session_settings::{MAX_DEVICE_NAME_CHARS, checked_device_name};
use blazz_domain::{
    Account, AccountId, AccountState, Desired, Epoch, ErrorCode, EventPayload, Lease, Page, Provider, Proxy,
    StateNumber, WorkspaceId,
};
use blazz_wire::request_id::RequestId;

use crate::cursor::{PageQuery, id_cursor, page_of};
use crate::workspaces::checked_name;
use crate::{ServiceError, Services, events, sessions};

/// How many messages of a deleted account one statement deletes.
const MESSAGES_AT_ONCE: u32 = 2000;

/// An account to create.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct NewAccount {
    /// The tenant's name for it.
    pub name: String,
    /// What the phone is to show in its list of linked devices; the installation's default unless told.
    pub device_name: Option<String>,
    /// The proxy, as a URL that may hold a password.
    pub proxy: Option<String>,
}

/// What to change of an account; `None` leaves a field as it is.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct AccountPatch {
    /// The tenant's name for it.
    pub name: Option<String>,
    /// What the phone is to show in its list of linked devices.
    pub device_name: Option<String>,
    /// The proxy, as a URL that may hold a password; `Some(None)`: none any more.
    pub proxy: Option<Option<String>>,
}

/// Creates an account that is linked to no phone yet.
///
/// # Errors
/// When the name is empty or too long, or a setting is none.
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
        device_name: match &new.device_name {
            Some(name) => device_name(name)?,
            None => services.settings.device_name.clone(),
        },
        proxy: new.proxy.as_deref().map(proxy).transpose()?,
        settings_revision: 0,
        settings_applied: 0,
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

/// Changes an account's name and settings. Its node learns of new settings with its next heartbeat, and a session that runs connects anew
/// when its proxy is another.
///
/// # Errors
/// When a value is bad or the workspace has no such account.
pub async fn update(
    services: &Services,
    workspace_id: WorkspaceId,
    id: AccountId,
    patch: AccountPatch,
) -> Result<Account, ServiceError> {
    let name = patch.name.as_deref().map(checked_name).transpose()?;
    let device_name = patch.device_name.as_deref().map(device_name).transpose()?;
    let proxy = match &patch.proxy {
        Some(Some(text)) => Some(Some(proxy(text)?)),
        Some(None) => Some(None),
        None => None,
    };
    events::record(services, workspace_id, async |conn| {
        let row = accounts::find_for_update(conn, workspace_id, id).await?;
        let before = row.ok_or_else(ServiceError::account_not_found)?;
        let mut after = before.clone();
        after.name = name.unwrap_or(after.name);
        after.device_name = device_name.unwrap_or(after.device_name);
        after.proxy = proxy.unwrap_or(after.proxy);
        if (&after.device_name, &after.proxy) != (&before.device_name, &before.proxy) {
            after.settings_revision += 1;
        }
        let account = Account::from(after.clone());
        if after == before {
            return Ok((account, vec![]));
        }
        accounts::save_settings(conn, &after).await?;
        Ok((account.clone(), vec![EventPayload::AccountUpdated(account)]))
    })
    .await
}

fn device_name(name: &str) -> Result<String, ServiceError> {
    checked_device_name(name).ok_or_else(|| {
        let detail =
            format!("device_name must have 1 to {MAX_DEVICE_NAME_CHARS} characters that can be shown");
        ServiceError::refused(ErrorCode::InvalidRequest, detail)
    })
}

fn proxy(text: &str) -> Result<Proxy, ServiceError> {
    // The error never holds the text: there may be a password in it.
    text.parse().map_err(|error| ServiceError::refused(ErrorCode::InvalidRequest, format!("proxy: {error}")))
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
