//! `DELETE /v1/accounts/{account_id}/profile/picture`.

use actix_web::web::Data;
use actix_web::{HttpResponse, delete};
use blazz_domain::AccountId;
use blazz_services::sessions;

use crate::http::{ApiError, Id, Tenant, Traced, promise};
use crate::openapi::codes;
use crate::state::AppState;

codes!(SessionNotRunning, NodeUnreachable, ProfileRefused);

/// Take the picture away. Without one nothing changes.
///
/// It is taken away at WhatsApp: the session must be connected.
#[utoipa::path(
    operation_id = "deleteProfilePicture",
    tag = "profile",
    security(("workspace_key" = ["accounts:write"])),
    params(("account_id" = AccountId, Path, description = "The account.")),
    responses((status = 204, description = "There is none any more."), Refusals),
)]
#[delete("/v1/accounts/{account_id}/profile/picture")]
pub(crate) async fn delete_profile_picture(
    state: Data<AppState>,
    Tenant(workspace_id): Tenant,
    Id(account_id): Id<AccountId>,
    Traced(request_id): Traced,
) -> Result<HttpResponse, ApiError> {
    let work = |state: Data<AppState>| async move {
        sessions::delete_picture(&state.services, workspace_id, account_id, &request_id).await
    };
    promise(state, work).await?;
    Ok(HttpResponse::NoContent().finish())
}
