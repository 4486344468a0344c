//! `GET /v1/media/{media_id}`.

use actix_web::get;
use actix_web::web::{Data, Json};
use blazz_domain::{MediaFile, MediaId};
use blazz_services::media;

use crate::examples;
use crate::http::{ApiError, Id, Tenant};
use crate::state::AppState;

/// Get what is known of a file.
#[utoipa::path(
    operation_id = "getMedia",
    tag = "media",
    security(("workspace_key" = ["media:read"])),
    params(("media_id" = MediaId, Path, description = "The file.")),
    responses((status = 200, description = "The file.", body = MediaFile, example = json!(examples::media()))),
)]
#[get("/v1/media/{media_id}")]
pub(crate) async fn get_media(
    state: Data<AppState>,
    Tenant(workspace_id): Tenant,
    Id(media_id): Id<MediaId>,
) -> Result<Json<MediaFile>, ApiError> {
    Ok(Json(media::get(&state.services, workspace_id, media_id).await?))
}
