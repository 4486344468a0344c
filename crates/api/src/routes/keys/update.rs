//! `PATCH /v1/workspaces/{workspace_id}/keys/{key_id}`.

use actix_web::patch;
use actix_web::web::{Data, Json};
use blazz_domain::{ApiKeyId, WorkspaceId};
use blazz_services::api_keys::{self, ApiKey, ApiKeyPatch};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use crate::examples;
use crate::http::{ApiError, Body, Id, promise};
use crate::state::AppState;

/// What to change of a key. What is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "requests_per_minute": 60 }))]
pub(crate) struct UpdateKey {
    /// How many requests a minute it may make, apart from all others; `null` lets it share those of its workspace.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 1_000_000)]
    requests_per_minute: Option<Option<u32>>,
}

/// A field that is there, be it `null`.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<u32>>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

/// Change a key, from its next call on.
#[utoipa::path(
    operation_id = "updateKey",
    tag = "workspaces",
    security(("operator_key" = [])),
    params(
        ("workspace_id" = WorkspaceId, Path, description = "The workspace."),
        ("key_id" = ApiKeyId, Path, description = "The key."),
    ),
    request_body = UpdateKey,
    responses((status = 200, description = "The key as it is now.", body = ApiKey, example = json!(examples::api_key()))),
)]
#[patch("/v1/workspaces/{workspace_id}/keys/{key_id}")]
pub(crate) async fn update_key(
    state: Data<AppState>,
    Id(workspace_id): Id<WorkspaceId>,
    Id(key_id): Id<ApiKeyId>,
    Body(body): Body<UpdateKey>,
) -> Result<Json<ApiKey>, ApiError> {
    let patch = ApiKeyPatch { requests_per_minute: body.requests_per_minute };
    let work = |state: Data<AppState>| async move {
        api_keys::update(&state.services, workspace_id, key_id, patch).await
    };
    Ok(Json(promise(state, work).await?))
}
