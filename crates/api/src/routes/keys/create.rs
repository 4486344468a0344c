//! `POST /v1/workspaces/{workspace_id}/keys`.

use actix_web::http::header::{CACHE_CONTROL, LOCATION};
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use blazz_domain::{Timestamp, WorkspaceId};
use blazz_services::api_keys::{self, CreatedKey, NewKey};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::examples;
use crate::http::{ApiError, Body, Id, promise};
use crate::state::AppState;

/// A key to create.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "production", "scopes": ["accounts:read", "messages:*"], "expires_at": "2127-01-31T12:00:00Z" }))]
pub(crate) struct CreateKey {
    /// The operator's name for it.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// What it may do: scopes, areas (`messages:*`), or all (`*`), which it is unless told.
    #[schema(nullable = false)]
    scopes: Option<Vec<String>>,
    /// From when on it opens nothing. Never, unless told.
    #[schema(nullable = false)]
    expires_at: Option<Timestamp>,
    /// How many requests a minute it may make, apart from all others. Unless told it shares those of its workspace.
    #[schema(nullable = false, minimum = 1, maximum = 1_000_000)]
    requests_per_minute: Option<u32>,
}

/// Create a key of a workspace.
///
/// Its secret is shown this once.
#[utoipa::path(
    operation_id = "createKey",
    tag = "workspaces",
    security(("operator_key" = [])),
    params(("workspace_id" = WorkspaceId, Path, description = "The workspace.")),
    request_body = CreateKey,
    responses(
        (status = 201, description = "The key with its secret.",
            headers(("Location" = String, description = "Where it is changed and revoked.")),
            body = CreatedKey, example = json!(examples::created_key())),
    ),
)]
#[post("/v1/workspaces/{workspace_id}/keys")]
pub(crate) async fn create_key(
    state: Data<AppState>,
    Id(workspace_id): Id<WorkspaceId>,
    Body(body): Body<CreateKey>,
) -> Result<HttpResponse, ApiError> {
    let new = NewKey {
        name: body.name,
        scopes: body.scopes,
        expires_at: body.expires_at,
        requests_per_minute: body.requests_per_minute,
    };
    let work =
        |state: Data<AppState>| async move { api_keys::create(&state.services, workspace_id, &new).await };
    let created = promise(state, work).await?;
    let location = format!("/v1/workspaces/{workspace_id}/keys/{}", created.key.id);
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, location))
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(created))
}
