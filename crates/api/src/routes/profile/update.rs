//! `PUT /v1/accounts/{account_id}/profile`.

use actix_web::put;
use actix_web::web::{Data, Json};
use blazz_domain::{AccountId, Profile, ProfileChange};
use blazz_services::sessions;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::examples;
use crate::http::{ApiError, Body, Id, Tenant, Traced, promise};
use crate::openapi::codes;
use crate::state::AppState;

codes!(SessionNotRunning, NodeUnreachable, ProfileRefused);

/// What others are to see. What is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "Acme Sales", "about": "Mon–Fri, 9 to 5" }))]
pub(crate) struct UpdateProfile {
    /// The name beside the number.
    #[schema(min_length = 1, max_length = 25)]
    name: Option<String>,
    /// The about text; an empty one takes it away.
    #[schema(max_length = 139)]
    about: Option<String>,
}

/// Change the name or the about text that others see.
///
/// It is changed at WhatsApp: the session must be connected, and the phone shows it too.
#[utoipa::path(
    operation_id = "updateProfile",
    tag = "profile",
    security(("workspace_key" = ["accounts:write"])),
    params(("account_id" = AccountId, Path, description = "The account.")),
    request_body = UpdateProfile,
    responses(
        (status = 200, description = "The profile as it is now.", body = Profile, example = json!(examples::profile())),
        Refusals,
    ),
)]
#[put("/v1/accounts/{account_id}/profile")]
pub(crate) async fn update_profile(
    state: Data<AppState>,
    Tenant(workspace_id): Tenant,
    Id(account_id): Id<AccountId>,
    Traced(request_id): Traced,
    Body(body): Body<UpdateProfile>,
) -> Result<Json<Profile>, ApiError> {
    let change = ProfileChange { name: body.name, about: body.about };
    let work = |state: Data<AppState>| async move {
        sessions::change_profile(&state.services, workspace_id, account_id, change, &request_id).await
    };
    Ok(Json(promise(state, work).await?))
}
