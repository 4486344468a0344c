//! `POST /v1/accounts/{account_id}/session/pairing-code`.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Data;
use actix_web::{HttpResponse, post};
use blazz_domain::{AccountId, Timestamp};
use blazz_services::sessions;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::{ApiError, Body, Id, Tenant, Traced, promise};
use crate::openapi::codes;
use crate::state::AppState;

codes!(
    InvalidPhone,
    AlreadyLinked,
    PairingRefused,
    ProxyFailed,
    PairingRateLimited,
    NoCapacity,
    NodeUnreachable,
    SessionNotRunning,
    StorageMissing,
);

/// The phone that is to be linked.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "phone": "+15550000001" }))]
pub(crate) struct RequestPairingCode {
    /// Its number, with the country code.
    #[schema(max_length = 40)]
    phone: String,
}

/// A code to type into the phone: linked devices, link a device, link with phone number instead. Whoever types it there links the
/// number: treat it as a secret.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "code": "7K2MZ9QX", "expires_at": "2026-01-31T12:03:00.000000Z" }))]
pub(crate) struct PairingCodeAnswer {
    /// Eight letters and digits.
    code: String,
    /// When it runs out.
    expires_at: Timestamp,
}

/// Ask WhatsApp for a code that links a phone, instead of a QR code.
///
/// Starts the session if it does not run. A code that was given before no longer counts.
#[utoipa::path(
    operation_id = "createPairingCode",
    tag = "sessions",
    security(("workspace_key" = ["sessions:write"])),
    params(("account_id" = AccountId, Path, description = "The account.")),
    request_body = RequestPairingCode,
    responses((status = 200, description = "The code.", body = PairingCodeAnswer), Refusals),
)]
#[post("/v1/accounts/{account_id}/session/pairing-code")]
pub(crate) async fn create_pairing_code(
    state: Data<AppState>,
    Tenant(workspace_id): Tenant,
    Id(account_id): Id<AccountId>,
    Traced(request_id): Traced,
    Body(body): Body<RequestPairingCode>,
) -> Result<HttpResponse, ApiError> {
    let work = |state: Data<AppState>| async move {
        sessions::pairing_code(&state.services, workspace_id, account_id, &body.phone, &request_id).await
    };
    let code = promise(state, work).await?;
    let answer = PairingCodeAnswer { code: code.code, expires_at: code.expires_at };
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(answer))
}
