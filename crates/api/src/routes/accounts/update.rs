//! `PATCH /v1/accounts/{account_id}`.

use actix_web::patch;
use actix_web::web::{Data, Json};
use blazz_domain::{Account, AccountId};
use blazz_services::accounts::{self, AccountPatch};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::examples;
use crate::http::{ApiError, Body, Id, Tenant, promise};
use crate::state::AppState;

/// What to change of an account. What is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "Support" }))]
pub(crate) struct UpdateAccount {
    /// Your name for it.
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
}

/// Rename an account.
#[utoipa::path(
    operation_id = "updateAccount",
    tag = "accounts",
    security(("workspace_key" = ["accounts:write"])),
    params(("account_id" = AccountId, Path, description = "The account.")),
    request_body = UpdateAccount,
    responses((status = 200, description = "The account as it is now.", body = Account, example = json!(examples::account()))),
)]
#[patch("/v1/accounts/{account_id}")]
pub(crate) async fn update_account(
    state: Data<AppState>,
    Tenant(workspace_id): Tenant,
    Id(account_id): Id<AccountId>,
    Body(body): Body<UpdateAccount>,
) -> Result<Json<Account>, ApiError> {
    let patch = AccountPatch { name: body.name };
    let work = |state: Data<AppState>| async move {
        accounts::rename(&state.services, workspace_id, account_id, patch).await
    };
    Ok(Json(promise(state, work).await?))
}
