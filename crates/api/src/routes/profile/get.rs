//! `GET /v1/accounts/{account_id}/profile`.

use actix_web::get;
use actix_web::web::{Data, Json};
use blazz_domain::{AccountId, Profile};
use blazz_services::sessions;

use crate::examples;
use crate::http::{ApiError, Id, Tenant, Traced};
use crate::openapi::codes;
use crate::state::AppState;

codes!(SessionNotRunning, NodeUnreachable, ProfileRefused);

/// Get the name and the about text that others see.
///
/// WhatsApp is asked: the session must be connected.
#[utoipa::path(
    operation_id = "getProfile",
    tag = "profile",
    security(("workspace_key" = ["accounts:read"])),
    params(("account_id" = AccountId, Path, description = "The account.")),
    responses(
        (status = 200, description = "The profile.", body = Profile, example = json!(examples::profile())),
        Refusals,
    ),
)]
#[get("/v1/accounts/{account_id}/profile")]
pub(crate) async fn get_profile(
    state: Data<AppState>,
    Tenant(workspace_id): Tenant,
    Id(account_id): Id<AccountId>,
    Traced(request_id): Traced,
) -> Result<Json<Profile>, ApiError> {
    Ok(Json(sessions::profile(&state.services, workspace_id, account_id, &request_id).await?))
}
