//! `GET /v1/nodes/{node_id}/probe`.

use actix_web::get;
use actix_web::web::{Data, Json};
use blazz_domain::NodeId;
use blazz_services::fleet::{self, NodeProbe};

use crate::examples;
use crate::http::{ApiError, Id, Traced};
use crate::state::AppState;

/// Ask a session node over the signed hop whether it is there, and compare its clock.
///
/// Waits some seconds at most. A node that does not answer is an answer too: `is_reachable` is false, and `problem` says why.
#[utoipa::path(
    operation_id = "probeNode",
    tag = "fleet",
    security(("operator_key" = [])),
    params(("node_id" = NodeId, Path, description = "The node.")),
    responses((status = 200, description = "What came of it.", body = NodeProbe, example = json!(examples::node_probe()))),
)]
#[get("/v1/nodes/{node_id}/probe")]
pub(crate) async fn probe_node(
    state: Data<AppState>,
    Id(node_id): Id<NodeId>,
    Traced(request_id): Traced,
) -> Result<Json<NodeProbe>, ApiError> {
    Ok(Json(fleet::probe(&state.services, &node_id, &request_id).await?))
}
