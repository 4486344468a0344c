//! `GET /v1/workspaces/{workspace_id}`.

use actix_web::get;
use actix_web::web::{Data, Json};
use blazz_domain::WorkspaceId;
use blazz_services::workspaces::{self, Workspace};

use crate::examples;
use crate::http::{ApiError, Id};
use crate::state::AppState;

/// Get a workspace.
#[utoipa::path(
    operation_id = "getWorkspace",
    tag = "workspaces",
    security(("operator_key" = [])),
    params(("workspace_id" = WorkspaceId, Path, description = "The workspace.")),
    responses((status = 200, description = "The workspace.", body = Workspace, example = json!(examples::workspace()))),
)]
#[get("/v1/workspaces/{workspace_id}")]
pub(crate) async fn get_workspace(
    state: Data<AppState>,
    Id(workspace_id): Id<WorkspaceId>,
) -> Result<Json<Workspace>, ApiError> {
    Ok(Json(workspaces::get(&state.services, workspace_id).await?))
}
