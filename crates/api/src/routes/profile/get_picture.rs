//! `GET /v1/accounts/{account_id}/profile/picture`.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use blazz_domain::AccountId;
use blazz_services::sessions;

use super::set_picture::JpegPicture;
use crate::http::{ApiError, Id, JPEG, Tenant, Traced};
use crate::openapi::codes;
use crate::state::AppState;

codes!(NotFound, SessionNotRunning, NodeUnreachable, ProfileRefused);

/// Get the picture that others see.
///
/// WhatsApp is asked: the session must be connected.
#[utoipa::path(
    operation_id = "getProfilePicture",
    tag = "profile",
    security(("workspace_key" = ["accounts:read"])),
    params(("account_id" = AccountId, Path, description = "The account.")),
    responses(
        (status = 200, description = "The picture.", body = JpegPicture, content_type = "image/jpeg"),
        Refusals,
    ),
)]
#[get("/v1/accounts/{account_id}/profile/picture")]
pub(crate) async fn get_profile_picture(
    state: Data<AppState>,
    Tenant(workspace_id): Tenant,
    Id(account_id): Id<AccountId>,
    Traced(request_id): Traced,
) -> Result<HttpResponse, ApiError> {
    let jpeg = sessions::picture(&state.services, workspace_id, account_id, &request_id).await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).content_type(JPEG).body(jpeg))
}
