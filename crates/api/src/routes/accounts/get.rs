//! `GET /v1/accounts/{account_id}`.

use actix_web::get;
use actix_web::web::{Data, Json};
use blazz_domain::{Account, AccountId};
use blazz_services::accounts;

use crate::examples;
use crate::http::{ApiError, Id, Tenant};
use crate::state::AppState;

/// Get an account.
#[utoipa::path(
    operation_id = "getAccount",
    tag = "accounts",
    security(("workspace_key" = ["accounts:read"])),
    params(("account_id" = AccountId, Path, description = "The account.")),
    responses((status = 200, description = "The account.", body = Account, example = json!(examples::account()))),
)]
#[get("/v1/accounts/{account_id}")]
pub(crate) async fn get_account(
    state: Data<AppState>,
    Tenant(workspace_id): Tenant,
    Id(account_id): Id<AccountId>,
) -> Result<Json<Account>, ApiError> {
    Ok(Json(accounts::get(&state.services, workspace_id, account_id).await?))
}
