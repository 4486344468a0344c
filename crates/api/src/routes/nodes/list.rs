//! `GET /v1/nodes`.

use actix_web::get;
use actix_web::web::{Data, Json};
use blazz_domain::Page;
use blazz_services::fleet::{self, NodeView};

use crate::examples;
use crate::http::ApiError;
use crate::state::AppState;

/// List the session nodes, by name.
#[utoipa::path(
    operation_id = "listNodes",
    tag = "fleet",
    security(("operator_key" = [])),
    responses((status = 200, description = "Every node, on one page.", body = Page<NodeView>,
        example = json!({ "data": [examples::node()] }))),
)]
#[get("/v1/nodes")]
pub(crate) async fn list_nodes(state: Data<AppState>) -> Result<Json<Page<NodeView>>, ApiError> {
    Ok(Json(Page { data: fleet::nodes(&state.services).await?, next: None }))
}
