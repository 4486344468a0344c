//! The node that holds a session, and what its answers mean.

use blazz_database::accounts::AccountRow;
use blazz_database::nodes;
use blazz_domain::{ErrorCode, Lease, NodeId};
use blazz_wire::node_api::SessionStatus;
use blazz_wire::{CallError, NodeClient};

use super::Session;
use crate::nodes::call_failed;
use crate::{ServiceError, Services, fleet};

/// A session's node, ready to be called.
pub(crate) struct Holder {
    pub(crate) lease: Lease,
    pub(crate) node_id: NodeId,
    pub(crate) client: NodeClient,
}

impl Holder {
    /// The node that holds the session of `account`.
    ///
    /// # Errors
    /// `session_not_running` when it was never placed.
    pub(crate) async fn find(services: &Services, account: &AccountRow) -> Result<Self, ServiceError> {
        let never = || ServiceError::refused(ErrorCode::SessionNotRunning, "the session was never started");
        let node_id = account.node_id.clone().ok_or_else(never)?;
        let mut conn = services.pool.get().await?;
        let node = nodes::find(&mut conn, &node_id).await?.ok_or_else(never)?;
        let client = services.nodes.client(&node_id, &node.url).map_err(ServiceError::Internal)?;
        Ok(Self { lease: account.lease(), node_id, client })
    }

    /// Takes in what the node reports of the session after a command.
    pub(crate) async fn settle(
        &self,
        services: &Services,
        answer: Result<SessionStatus, CallError>,
    ) -> Result<Session, ServiceError> {
        let status = answer.map_err(|error| call_failed(&self.node_id, error))?;
        fleet::take_report(services, &self.node_id, &self.lease, &status).await?;
        super::get(services, self.lease.workspace_id, self.lease.account_id).await
    }
}
