//! `DELETE /v1/media/{media_id}`.

use actix_web::web::Data;
use actix_web::{HttpResponse, delete};
use blazz_domain::MediaId;
use blazz_services::media;

use crate::http::{ApiError, Id, Tenant, promise};
use crate::state::AppState;

/// Delete a file.
///
/// Messages that carried it still name it. One that waits to be sent with it fails.
#[utoipa::path(
    operation_id = "deleteMedia",
    tag = "media",
    security(("workspace_key" = ["media:write"])),
    params(("media_id" = MediaId, Path, description = "The file.")),
    responses((status = 204, description = "It is gone.")),
)]
#[delete("/v1/media/{media_id}")]
pub(crate) async fn delete_media(
    state: Data<AppState>,
    Tenant(workspace_id): Tenant,
    Id(media_id): Id<MediaId>,
) -> Result<HttpResponse, ApiError> {
    let work =
        |state: Data<AppState>| async move { media::delete(&state.services, workspace_id, media_id).await };
    promise(state, work).await?;
    Ok(HttpResponse::NoContent().finish())
}
