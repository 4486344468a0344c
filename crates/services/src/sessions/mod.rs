//! Sessions: what the tenant wants of them is stored first, then their node is asked; a node that does not answer catches up by heartbeat.

mod holder;
mod pairing_code;
mod profile;
mod qr;

use blazz_database::Conn;
use blazz_database::accounts::{self, AccountRow};
use blazz_domain::{
    Account, AccountId, AccountState, Desired, Epoch, ErrorCode, NodeId, PhoneNumber, StateReason, Timestamp,
    WorkspaceId,
};
use blazz_wire::CallError;
use blazz_wire::node_api::StartSession;
use blazz_wire::request_id::RequestId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{ServiceError, Services, accounts as account_services, fleet};
pub(crate) use holder::Holder;

pub use crate::qr_image;
pub use pairing_code::pairing_code;
pub use profile::{change_profile, delete_picture, picture, profile, put_picture};
pub use qr::{MAX_WAIT, qr};

/// A session as tenants see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// The account it belongs to.
    pub account_id: AccountId,
    /// Where it stands.
    pub state: AccountState,
    /// Why it stands there.
    pub state_reason: Option<StateReason>,
    /// Since when it stands there.
    pub state_at: Timestamp,
    /// What the tenant wants of it.
    pub desired: Desired,
    /// The linked number.
    pub phone: Option<PhoneNumber>,
    /// When it was linked; absent while it is not.
    pub linked_at: Option<Timestamp>,
    /// The node that holds it; absent until first started.
    pub node_id: Option<NodeId>,
}

impl From<AccountRow> for Session {
    fn from(row: AccountRow) -> Self {
        let account = Account::from(row);
        Self {
            account_id: account.id,
            state: account.state,
            state_reason: account.state_reason,
            state_at: account.state_at,
            desired: account.desired,
            phone: account.phone,
            linked_at: account.linked_at,
            node_id: account.node_id,
        }
    }
}

/// Where the session stands, as last heard.
///
/// # Errors
/// When the workspace has no such account.
pub async fn get(
    services: &Services,
    workspace_id: WorkspaceId,
    id: AccountId,
) -> Result<Session, ServiceError> {
    account_services::find(services, workspace_id, id).await.map(Session::from)
}

/// Wants the session to run, on the node that holds it or, the first time, on the one that the router chooses. Starting one that runs
/// changes nothing.
///
/// # Errors
/// `no_capacity` when no node has room (nothing is stored), `node_unreachable` when the node does not answer (it will start the session when it is
/// back), or what the node says.
pub async fn start(
    services: &Services,
    workspace_id: WorkspaceId,
    id: AccountId,
    request_id: &RequestId,
) -> Result<Session, ServiceError> {
    let account = want_running(services, workspace_id, id).await?;
    let holder = Holder::find(services, &account).await?;
    let status = holder.client.start(&holder.lease, &start_of(&account), request_id).await;
    holder.settle(services, status).await
}

/// Wants the session to run and connects it anew.
///
/// # Errors
/// As [`start`].
pub async fn restart(
    services: &Services,
    workspace_id: WorkspaceId,
    id: AccountId,
    request_id: &RequestId,
) -> Result<Session, ServiceError> {
    let account = want_running(services, workspace_id, id).await?;
    let holder = Holder::find(services, &account).await?;
    let status = match holder.client.restart(&holder.lease, request_id).await {
        Err(CallError::Refused(problem)) if does_not_run(problem.code) => {
            holder.client.start(&holder.lease, &start_of(&account), request_id).await
        }
        answer => answer,
    };
    holder.settle(services, status).await
}

/// Wants the session to be at rest; its link stays. Stopping one that rests changes nothing.
///
/// # Errors
/// `node_unreachable` when the node does not answer (it will stop the session when it is back).
pub async fn stop(
    services: &Services,
    workspace_id: WorkspaceId,
    id: AccountId,
    request_id: &RequestId,
) -> Result<Session, ServiceError> {
    let mut conn = services.pool.get().await?;
    let account =
        accounts::set_desired(&mut conn, workspace_id, id, Desired::Stopped, services.clock.now()).await?;
    let account = account.ok_or_else(ServiceError::account_not_found)?;
    drop(conn);
    if account.node_id.is_none() {
        return Ok(account.into());
    }
    let holder = Holder::find(services, &account).await?;
    match holder.client.stop(&holder.lease, request_id).await {
        Err(CallError::Refused(problem)) if does_not_run(problem.code) => {
            fleet::rest(services, &account).await.map(Session::from)
        }
        answer => holder.settle(services, answer).await,
    }
}

/// Removes the linked device at WhatsApp and deletes the credentials.
///
/// # Errors
/// `account_not_linked` when there is nothing to log out, `node_unreachable` when the node does not answer.
pub async fn logout(
    services: &Services,
    workspace_id: WorkspaceId,
    id: AccountId,
    request_id: &RequestId,
) -> Result<Session, ServiceError> {
    let account = account_services::find(services, workspace_id, id).await?;
    if account.state == AccountState::LoggedOut {
        return Ok(account.into());
    }
    if account.node_id.is_none() || (account.linked_at.is_none() && !account.state.is_live()) {
        return Err(ServiceError::refused(ErrorCode::AccountNotLinked, "there is no link to end"));
    }
    let holder = Holder::find(services, &account).await?;
    let status = holder.client.logout(&holder.lease, request_id).await;
    holder.settle(services, status).await
}

/// Ends the session for good and deletes its directory. Whether its node has said so; one that is away has to be told again.
pub(crate) async fn delete(
    services: &Services,
    account: &AccountRow,
    request_id: &RequestId,
) -> Result<bool, ServiceError> {
    if account.node_id.is_none() {
        return Ok(false);
    }
    let holder = Holder::find(services, account).await?;
    match holder.client.delete(&holder.lease, request_id).await {
        Ok(_) => Ok(true),
        Err(CallError::Refused(problem)) if does_not_run(problem.code) => Ok(true),
        Err(error) => {
            tracing::warn!(%error, node.id = %holder.node_id, account.id = %account.id, "a node will hear later of a deleted account");
            Ok(false)
        }
    }
}

async fn want_running(
    services: &Services,
    workspace_id: WorkspaceId,
    id: AccountId,
) -> Result<AccountRow, ServiceError> {
    let mut conn = services.pool.get().await?;
    conn.transaction(async |conn| want_running_in(services, conn, workspace_id, id).await).await
}

async fn want_running_in(
    services: &Services,
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    id: AccountId,
) -> Result<AccountRow, ServiceError> {
    let account = accounts::find_for_update(conn, workspace_id, id).await?;
    let account = account.ok_or_else(ServiceError::account_not_found)?;
    if account.node_id.is_none() {
        let node_id = fleet::choose_node(conn, services.clock.now(), workspace_id).await?;
        accounts::place(conn, workspace_id, id, &node_id, Epoch(1)).await?;
        tracing::info!(workspace.id = %workspace_id, account.id = %id, node.id = %node_id, "session placed");
    }
    let account =
        accounts::set_desired(conn, workspace_id, id, Desired::Running, services.clock.now()).await?;
    account.ok_or_else(ServiceError::account_not_found)
}

fn start_of(account: &AccountRow) -> StartSession {
    StartSession { linked: account.linked_at.is_some(), settings: account.settings() }
}

fn does_not_run(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::SessionNotRunning | ErrorCode::NotFound | ErrorCode::AccountNotFound)
}
