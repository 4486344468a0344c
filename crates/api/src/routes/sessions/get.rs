//! `GET /v1/accounts/{account_id}/session`.

use actix_web::get;
use actix_web::web::{Data, Json};
use blazz_domain::AccountId;
use blazz_services::sessions::{self, Session};

use crate::examples;
use crate::http::{ApiError, Id, Tenant};
use crate::state::AppState;

/// Get an account's session, as last heard of.
#[utoipa::path(
    operation_id = "getSession",
    tag = "sessions",
    security(("workspace_key" = ["sessions:read"])),
    params(("account_id" = AccountId, Path, description = "The account.")),
    responses((status = 200, description = "The session.", body = Session, example = json!(examples::session("connected", None, "running")))),
)]
#[get("/v1/accounts/{account_id}/session")]
pub(crate) async fn get_session(
    state: Data<AppState>,
    Tenant(workspace_id): Tenant,
    Id(account_id): Id<AccountId>,
) -> Result<Json<Session>, ApiError> {
    Ok(Json(sessions::get(&state.services, workspace_id, account_id).await?))
}
