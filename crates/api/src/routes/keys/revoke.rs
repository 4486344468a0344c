//! `DELETE /v1/workspaces/{workspace_id}/keys/{key_id}`.

use actix_web::delete;
use actix_web::web::{Data, Json};
use blazz_domain::{ApiKeyId, WorkspaceId};
use blazz_services::api_keys::{self, ApiKey};

use crate::examples;
use crate::http::{ApiError, Id, promise};
use crate::state::AppState;

/// Revoke a key, at once and for good.
#[utoipa::path(
    operation_id = "revokeKey",
    tag = "workspaces",
    security(("operator_key" = [])),
    params(
        ("workspace_id" = WorkspaceId, Path, description = "The workspace."),
        ("key_id" = ApiKeyId, Path, description = "The key."),
    ),
    responses((status = 200, description = "The revoked key.", body = ApiKey, example = json!(examples::revoked_key()))),
)]
#[delete("/v1/workspaces/{workspace_id}/keys/{key_id}")]
pub(crate) async fn revoke_key(
    state: Data<AppState>,
    Id(workspace_id): Id<WorkspaceId>,
    Id(key_id): Id<ApiKeyId>,
) -> Result<Json<ApiKey>, ApiError> {
    let work =
        |state: Data<AppState>| async move { api_keys::revoke(&state.services, workspace_id, key_id).await };
    Ok(Json(promise(state, work).await?))
}
