//! `POST /v1/workspaces/{workspace_id}/keys/{key_id}/rotate`.

use std::time::Duration;

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use blazz_domain::{ApiKeyId, Timestamp, WorkspaceId};
use blazz_services::api_keys::{self, CreatedKey, Rotation};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::examples;
use crate::http::{ApiError, Body, Id, promise};
use crate::openapi::codes;
use crate::state::AppState;

codes!(Conflict);

/// How to replace a key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "overlap_seconds": 86400, "expires_at": "2127-01-31T12:00:00Z" }))]
pub(crate) struct RotateKey {
    /// How long the old key goes on beside the new one, at most 30 days. 0 ends it at once.
    #[schema(maximum = 2_592_000)]
    overlap_seconds: u32,
    /// When the new key expires. Unless told it lives as long as the old one was given.
    #[schema(nullable = false)]
    expires_at: Option<Timestamp>,
}

/// Replace a key by a new one with the same name, scopes and quota.
///
/// The new secret is shown this once. The old key goes on for the overlap, so that callers can change over without an outage. A key is
/// replaced once: asking again is a conflict.
#[utoipa::path(
    operation_id = "rotateKey",
    tag = "workspaces",
    security(("operator_key" = [])),
    params(
        ("workspace_id" = WorkspaceId, Path, description = "The workspace."),
        ("key_id" = ApiKeyId, Path, description = "The key to replace."),
    ),
    request_body = RotateKey,
    responses(
        (status = 201, description = "The new key with its secret.", body = CreatedKey, example = json!(examples::created_key())),
        Refusals,
    ),
)]
#[post("/v1/workspaces/{workspace_id}/keys/{key_id}/rotate")]
pub(crate) async fn rotate_key(
    state: Data<AppState>,
    Id(workspace_id): Id<WorkspaceId>,
    Id(key_id): Id<ApiKeyId>,
    Body(body): Body<RotateKey>,
) -> Result<HttpResponse, ApiError> {
    let overlap = Duration::from_secs(body.overlap_seconds.into());
    let rotation = Rotation { overlap, expires_at: body.expires_at };
    let work = |state: Data<AppState>| async move {
        api_keys::rotate(&state.services, workspace_id, key_id, rotation).await
    };
    let created = promise(state, work).await?;
    Ok(HttpResponse::Created().insert_header((CACHE_CONTROL, "no-store")).json(created))
}
