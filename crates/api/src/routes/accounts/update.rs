//! `PATCH /v1/accounts/{account_id}`.

use actix_web::patch;
use actix_web::web::{Data, Json};
use blazz_domain::{Account, AccountId};
use blazz_services::accounts::{self, AccountPatch};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use crate::examples;
use crate::http::{ApiError, Body, Id, Tenant, promise};
use crate::state::AppState;

/// What to change of an account. What is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "Support", "proxy": null }))]
pub(crate) struct UpdateAccount {
    /// Your name for it.
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    /// What the phone is to show in its list of linked devices, from the next linking on.
    #[schema(min_length = 1, max_length = 50)]
    device_name: Option<String>,
    /// The proxy through which alone the session may connect; `null`: none any more. A session that runs connects anew within seconds.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 500)]
    proxy: Option<Option<String>>,
}

/// Tells `null` from what is left out.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Change an account's name, the name of its linked device, or its proxy.
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
    let UpdateAccount { name, device_name, proxy } = body;
    let patch = AccountPatch { name, device_name, proxy };
    let work = |state: Data<AppState>| async move {
        accounts::update(&state.services, workspace_id, account_id, patch).await
    };
    Ok(Json(promise(state, work).await?))
}
