//! The fleet as operators see it.

use blazz_database::accounts::{self, AccountRow};
use blazz_database::nodes::{self, NodeRow};
use blazz_domain::{
    AccountId, AccountState, Desired, Incarnation, NodeId, Page, StateReason, Timestamp, WorkspaceId,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::cursor::{PageQuery, id_cursor, page_of};
use crate::{ServiceError, Services};

/// Whether a node is heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// Its heartbeats come in time.
    Ready,
    /// It has not been heard of in time.
    Lost,
}

impl NodeState {
    /// Its name, as it is written everywhere.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Lost => "lost",
        }
    }
}

/// A session node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeView {
    /// Its name.
    pub id: NodeId,
    /// Where it is reached.
    pub url: String,
    /// Whether it is heard of.
    pub state: NodeState,
    /// How many sessions it may hold.
    pub capacity: u32,
    /// How many sessions it ran at its last heartbeat.
    pub sessions: u32,
    /// Resident memory at its last heartbeat, in bytes.
    pub memory_bytes: u64,
    /// The version of its binary.
    pub version: String,
    /// Whether it is the sandbox build.
    pub sandbox: bool,
    /// The number of its current start.
    pub incarnation: Incarnation,
    /// When it started to count.
    pub registered_at: Timestamp,
    /// When it was last heard of.
    pub heartbeat_at: Timestamp,
}

/// A session as operators see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionView {
    /// The account it belongs to.
    pub account_id: AccountId,
    /// The workspace of that account.
    pub workspace_id: WorkspaceId,
    /// The node that holds it.
    pub node_id: Option<NodeId>,
    /// How often it has been granted.
    pub epoch: i64,
    /// Where it stands.
    pub state: AccountState,
    /// Why it stands there.
    pub state_reason: Option<StateReason>,
    /// Since when it stands there.
    pub state_at: Timestamp,
    /// What its tenant wants of it.
    pub desired: Desired,
}

/// Every node, by name.
///
/// # Errors
/// When the database is not there.
pub async fn nodes(services: &Services) -> Result<Vec<NodeView>, ServiceError> {
    let mut conn = services.pool.get().await?;
    let now = services.clock.now();
    let rows = nodes::list(&mut conn).await?;
    Ok(rows.into_iter().map(|row| node_view(row, now)).collect())
}

/// The sessions of every workspace that a node holds, newest account first.
///
/// # Errors
/// When the page is not one.
pub async fn sessions(services: &Services, page: &PageQuery) -> Result<Page<SessionView>, ServiceError> {
    let (after, limit) = (page.after_id()?, page.limit()?);
    let mut conn = services.pool.get().await?;
    let rows = accounts::list_placed(&mut conn, after, limit + 1).await?;
    Ok(page_of(rows, limit, |row| id_cursor(row.id.0), session_view))
}

fn node_view(row: NodeRow, now: Timestamp) -> NodeView {
    NodeView {
        state: if row.lost || row.expires_at <= now { NodeState::Lost } else { NodeState::Ready },
        id: row.id,
        url: row.url,
        capacity: row.capacity,
        sessions: row.sessions,
        memory_bytes: row.memory_bytes,
        version: row.version,
        sandbox: row.sandbox,
        incarnation: row.incarnation,
        registered_at: row.registered_at,
        heartbeat_at: row.heartbeat_at,
    }
}

fn session_view(row: AccountRow) -> SessionView {
    SessionView {
        account_id: row.id,
        workspace_id: row.workspace_id,
        node_id: row.node_id,
        epoch: row.epoch.0,
        state: row.state,
        state_reason: row.state_reason,
        state_at: row.state_at,
        desired: row.desired,
    }
}
