//! `GET /v1/accounts`.

use actix_web::get;
use actix_web::web::{Data, Json};
use blazz_domain::{Account, Page};
use blazz_services::accounts;

use crate::examples;
use crate::http::{ApiError, PageParams, Query, Tenant};
use crate::state::AppState;

/// List the accounts, newest first.
#[utoipa::path(
    operation_id = "listAccounts",
    tag = "accounts",
    security(("workspace_key" = ["accounts:read"])),
    params(PageParams),
    responses((status = 200, description = "A page of accounts.", body = Page<Account>, example = json!(examples::page(examples::account())))),
)]
#[get("/v1/accounts")]
pub(crate) async fn list_accounts(
    state: Data<AppState>,
    Tenant(workspace_id): Tenant,
    Query(page): Query<PageParams>,
) -> Result<Json<Page<Account>>, ApiError> {
    Ok(Json(accounts::list(&state.services, workspace_id, &page.into()).await?))
}
