//! `GET /v1/workspaces/{workspace_id}/keys`.

use actix_web::get;
use actix_web::web::{Data, Json};
use blazz_domain::{Page, WorkspaceId};
use blazz_services::api_keys::{self, ApiKey};

use crate::examples;
use crate::http::{ApiError, Id, PageParams, Query};
use crate::state::AppState;

/// List a workspace's keys, newest first, revoked ones too.
#[utoipa::path(
    operation_id = "listKeys",
    tag = "workspaces",
    security(("operator_key" = [])),
    params(("workspace_id" = WorkspaceId, Path, description = "The workspace."), PageParams),
    responses((status = 200, description = "A page of keys.", body = Page<ApiKey>, example = json!(examples::page(examples::api_key())))),
)]
#[get("/v1/workspaces/{workspace_id}/keys")]
pub(crate) async fn list_keys(
    state: Data<AppState>,
    Id(workspace_id): Id<WorkspaceId>,
    Query(page): Query<PageParams>,
) -> Result<Json<Page<ApiKey>>, ApiError> {
    Ok(Json(api_keys::list(&state.services, workspace_id, &page.into()).await?))
}
