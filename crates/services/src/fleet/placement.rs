//! Which node a session lands on the first time it is started.

use blazz_database::{Conn, accounts, nodes};
use blazz_domain::{ErrorCode, NodeId, Timestamp, WorkspaceId};

use super::{Candidate, InstanceRouter};
use crate::ServiceError;

/// The workspace's first choice among the ready nodes with room. Its row stays locked until the transaction ends, so that two placements
/// cannot take the same last place.
pub(crate) async fn choose_node(
    conn: &mut Conn,
    now: Timestamp,
    workspace_id: WorkspaceId,
) -> Result<NodeId, ServiceError> {
    let mut candidates = candidates(conn, now).await?;
    while let Some(chosen) = InstanceRouter::choose(workspace_id, candidates.clone()) {
        nodes::lock(conn, &chosen.node_id).await?;
        let assigned = accounts::count_of_node(conn, &chosen.node_id).await?;
        if assigned < chosen.capacity {
            return Ok(chosen.node_id);
        }
        candidates.retain(|candidate| candidate.node_id != chosen.node_id);
    }
    Err(ServiceError::refused(ErrorCode::NoCapacity, "no session node is ready and has room"))
}

async fn candidates(conn: &mut Conn, now: Timestamp) -> Result<Vec<Candidate>, ServiceError> {
    let assigned = accounts::count_by_node(conn).await?;
    let ready = nodes::list_ready(conn, now).await?;
    let candidate = |node: nodes::NodeRow| Candidate {
        assigned: assigned.get(&node.id).copied().unwrap_or(0),
        node_id: node.id,
        capacity: node.capacity,
    };
    Ok(ready.into_iter().map(candidate).collect())
}
