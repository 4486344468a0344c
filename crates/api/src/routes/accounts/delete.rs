//! `DELETE /v1/accounts/{account_id}`.

use actix_web::web::Data;
use actix_web::{HttpResponse, delete};
use blazz_domain::AccountId;
use blazz_services::accounts;

use crate::http::{ApiError, Id, Tenant, Traced, promise};
use crate::state::AppState;

/// Delete an account with its conversations and messages.
///
/// A linked phone is logged out. When the session's node does not answer just now, it removes the session once it is back.
#[utoipa::path(
    operation_id = "deleteAccount",
    tag = "accounts",
    security(("workspace_key" = ["accounts:write"])),
    params(("account_id" = AccountId, Path, description = "The account.")),
    responses((status = 204, description = "It is gone.")),
)]
#[delete("/v1/accounts/{account_id}")]
pub(crate) async fn delete_account(
    state: Data<AppState>,
    Tenant(workspace_id): Tenant,
    Id(account_id): Id<AccountId>,
    Traced(request_id): Traced,
) -> Result<HttpResponse, ApiError> {
    let work = |state: Data<AppState>| async move {
        accounts::delete(&state.services, workspace_id, account_id, &request_id).await
    };
    promise(state, work).await?;
    Ok(HttpResponse::NoContent().finish())
}
