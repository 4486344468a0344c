//! `POST /v1/accounts`.

use actix_web::http::header::LOCATION;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use blazz_domain::Account;
use blazz_services::accounts::{self, NewAccount};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::examples;
use crate::http::{ApiError, Body, Tenant, promise};
use crate::state::AppState;

/// An account to create.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "Sales", "device_name": "Acme CRM" }))]
pub(crate) struct CreateAccount {
    /// Your name for it.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// What the phone is to show in its list of linked devices; `Blazz` unless the installation says otherwise.
    #[schema(min_length = 1, max_length = 50)]
    device_name: Option<String>,
    /// The proxy through which alone the session may connect, `http://` or `socks5://` with host and port, and with `user:password@` where it
    /// wants them. The password is never shown again.
    #[schema(max_length = 500)]
    proxy: Option<String>,
}

/// Create an account, linked to no phone yet.
///
/// Start its session to link one.
#[utoipa::path(
    operation_id = "createAccount",
    tag = "accounts",
    security(("workspace_key" = ["accounts:write"])),
    request_body = CreateAccount,
    responses(
        (status = 201, description = "The account.",
            headers(("Location" = String, description = "Where it is found.")),
            body = Account, example = json!(examples::new_account())),
    ),
)]
#[post("/v1/accounts")]
pub(crate) async fn create_account(
    state: Data<AppState>,
    Tenant(workspace_id): Tenant,
    Body(body): Body<CreateAccount>,
) -> Result<HttpResponse, ApiError> {
    let CreateAccount { name, device_name, proxy } = body;
    let new = NewAccount { name, device_name, proxy };
    let work =
        |state: Data<AppState>| async move { accounts::create(&state.services, workspace_id, new).await };
    let account = promise(state, work).await?;
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, format!("/v1/accounts/{}", account.id)))
        .json(account))
}
