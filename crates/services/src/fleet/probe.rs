//! Probing a node: does the API reach it, and does it believe the API?

use blazz_database::nodes;
use blazz_domain::{ErrorCode, NodeId, Timestamp};
use blazz_wire::RequestId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{ServiceError, Services};

/// What came of asking a node over the signed hop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeProbe {
    /// The node that was asked.
    pub node_id: NodeId,
    /// Whether it answered as it must.
    pub is_reachable: bool,
    /// How long that took, in milliseconds.
    pub duration_ms: u64,
    /// The version that it says it is.
    pub version: Option<String>,
    /// How far its clock is ahead of this process's, in milliseconds; negative when behind. Exact to `duration_ms`.
    pub clock_ahead_ms: Option<i64>,
    /// Why it is not reachable.
    pub problem: Option<String>,
}

/// Asks a node what it is, and waits some seconds for the answer.
///
/// # Errors
/// `not_found` when no such node has registered. A node that does not answer is no error.
pub async fn probe(
    services: &Services,
    node_id: &NodeId,
    request_id: &RequestId,
) -> Result<NodeProbe, ServiceError> {
    let mut conn = services.pool.get().await?;
    let node = nodes::find(&mut conn, node_id).await?;
    drop(conn);
    let node =
        node.ok_or_else(|| ServiceError::refused(ErrorCode::NotFound, "no such node has registered"))?;
    let client = services.nodes.client(node_id, &node.url).map_err(ServiceError::Internal)?;
    let asked_at = services.clock.now();
    let answer = client.probe(request_id).await;
    let answered_at = services.clock.now();
    let duration_ms = u64::try_from(answered_at.since(asked_at).as_millis()).unwrap_or(u64::MAX);
    let (status, problem) = match answer {
        Ok(status) => (Some(status), None),
        Err(error) => (None, Some(error.to_string())),
    };
    Ok(NodeProbe {
        node_id: node_id.clone(),
        is_reachable: status.is_some(),
        duration_ms,
        clock_ahead_ms: status.as_ref().map(|status| ahead_ms(status.now, asked_at, answered_at)),
        version: status.map(|status| status.version),
        problem,
    })
}

/// How far `theirs`, which was read between `before` and `after`, is ahead of the middle of the two.
fn ahead_ms(theirs: Timestamp, before: Timestamp, after: Timestamp) -> i64 {
    let middle = before.unix_micros().midpoint(after.unix_micros());
    (theirs.unix_micros() - middle) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_compared_with_the_middle_of_the_call() {
        let at = |micros| Timestamp::from_unix_micros(micros).unwrap();
        assert_eq!(ahead_ms(at(5_000_000), at(4_000_000), at(6_000_000)), 0);
        assert_eq!(ahead_ms(at(66_000_000), at(4_000_000), at(6_000_000)), 61_000);
        assert_eq!(ahead_ms(at(1_000_000), at(4_000_000), at(6_000_000)), -4_000);
    }
}
