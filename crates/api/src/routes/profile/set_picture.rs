//! `PUT /v1/accounts/{account_id}/profile/picture`.

use actix_web::web::Data;
use actix_web::{HttpResponse, put};
use blazz_domain::AccountId;
use blazz_services::sessions;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::{ApiError, Id, Jpeg, Tenant, Traced, promise};
use crate::openapi::codes;
use crate::state::AppState;

codes!(SessionNotRunning, NodeUnreachable, ProfileRefused);

/// The bytes of a JPEG.
#[derive(Serialize, ToSchema)]
#[schema(value_type = String, format = Binary)]
pub(crate) struct JpegPicture(Vec<u8>);

/// Set the picture that others see: a square JPEG, best of 640 pixels, of at most 350 KiB.
///
/// It is set at WhatsApp: the session must be connected.
#[utoipa::path(
    operation_id = "setProfilePicture",
    tag = "profile",
    security(("workspace_key" = ["accounts:write"])),
    params(("account_id" = AccountId, Path, description = "The account.")),
    request_body(content = JpegPicture, content_type = "image/jpeg"),
    responses((status = 204, description = "It is set."), Refusals),
)]
#[put("/v1/accounts/{account_id}/profile/picture")]
pub(crate) async fn set_profile_picture(
    state: Data<AppState>,
    Tenant(workspace_id): Tenant,
    Id(account_id): Id<AccountId>,
    Traced(request_id): Traced,
    Jpeg(jpeg): Jpeg,
) -> Result<HttpResponse, ApiError> {
    let work = |state: Data<AppState>| async move {
        sessions::put_picture(&state.services, workspace_id, account_id, &jpeg, &request_id).await
    };
    promise(state, work).await?;
    Ok(HttpResponse::NoContent().finish())
}
