//! `POST /v1/accounts/{account_id}/session/stop`.

use actix_web::post;
use actix_web::web::{Data, Json};
use blazz_domain::AccountId;
use blazz_services::sessions::{self, Session};

use crate::examples;
use crate::http::{ApiError, Id, Tenant, Traced, promise};
use crate::openapi::codes;
use crate::state::AppState;

codes!(NodeUnreachable);

/// Stop a session.
///
/// Its link stays, and WhatsApp keeps what arrives. Stopping one that rests changes nothing.
#[utoipa::path(
    operation_id = "stopSession",
    tag = "sessions",
    security(("workspace_key" = ["sessions:write"])),
    params(("account_id" = AccountId, Path, description = "The account.")),
    responses(
        (status = 200, description = "The session as its node now reports it.", body = Session,
            example = json!(examples::session("stopped", Some("requested"), "stopped"))),
        Refusals,
    ),
)]
#[post("/v1/accounts/{account_id}/session/stop")]
pub(crate) async fn stop_session(
    state: Data<AppState>,
    Tenant(workspace_id): Tenant,
    Id(account_id): Id<AccountId>,
    Traced(request_id): Traced,
) -> Result<Json<Session>, ApiError> {
    let work = |state: Data<AppState>| async move {
        sessions::stop(&state.services, workspace_id, account_id, &request_id).await
    };
    Ok(Json(promise(state, work).await?))
}
