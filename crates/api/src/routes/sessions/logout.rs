//! `POST /v1/accounts/{account_id}/session/logout`.

use actix_web::post;
use actix_web::web::{Data, Json};
use blazz_domain::AccountId;
use blazz_services::sessions::{self, Session};

use crate::examples;
use crate::http::{ApiError, Id, Tenant, Traced, promise};
use crate::openapi::codes;
use crate::state::AppState;

codes!(AccountNotLinked, SessionNotRunning, ProxyFailed, NodeUnreachable);

/// Log a session out.
///
/// Remove the linked device from the phone and delete its credentials.
#[utoipa::path(
    operation_id = "logoutSession",
    tag = "sessions",
    security(("workspace_key" = ["sessions:write"])),
    params(("account_id" = AccountId, Path, description = "The account.")),
    responses(
        (status = 200, description = "The session as its node now reports it.", body = Session,
            example = json!(examples::session("logged_out", Some("requested"), "stopped"))),
        Refusals,
    ),
)]
#[post("/v1/accounts/{account_id}/session/logout")]
pub(crate) async fn logout_session(
    state: Data<AppState>,
    Tenant(workspace_id): Tenant,
    Id(account_id): Id<AccountId>,
    Traced(request_id): Traced,
) -> Result<Json<Session>, ApiError> {
    let work = |state: Data<AppState>| async move {
        sessions::logout(&state.services, workspace_id, account_id, &request_id).await
    };
    Ok(Json(promise(state, work).await?))
}
