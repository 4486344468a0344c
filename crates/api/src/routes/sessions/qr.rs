//! `GET /v1/accounts/{account_id}/session/qr`: as a picture, as text, or as JSON with both.

use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, VARY};
use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use blazz_domain::{AccountId, ErrorCode, QrCode, Timestamp};
use blazz_services::{ServiceError, qr_image, sessions};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::http::{Accept, ApiError, Id, Query, Tenant, Traced};
use crate::openapi::codes;
use crate::state::AppState;

const JSON: &str = "application/json";
const PNG: &str = "image/png";
const SVG: &str = "image/svg+xml";
const TEXT: &str = "text/plain";
const EXPIRES_AT: &str = "x-qr-expires-at";
const ROUND_ENDS_AT: &str = "x-qr-round-ends-at";
const MAX_WAIT_SECONDS: u64 = 60;

codes!(QrNotAvailable, NodeUnreachable, NotAcceptable);

/// How to ask for a code.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct QrParams {
    /// How many seconds to wait for a code to appear, at most 60.
    #[serde(default)]
    #[param(minimum = 0, maximum = 60, default = 0)]
    wait: u64,
}

/// A QR code to scan with the phone that is to be linked. Whoever scans it links their number: treat it as a secret.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "text": "2@AbC…,dEf…,gHi…,jKl…",
    "data_url": "data:image/png;base64,iVBORw0KGgo…",
    "expires_at": "2026-01-31T12:00:20.000000Z",
    "round_ends_at": "2026-01-31T12:02:00.000000Z",
}))]
pub(crate) struct QrAnswer {
    /// What the code says.
    text: String,
    /// The code as a PNG, ready for an `<img>`.
    data_url: String,
    /// When it runs out; another follows until the round ends.
    expires_at: Timestamp,
    /// When the round ends; after that, start the session again.
    round_ends_at: Timestamp,
}

/// The code as a picture: the bytes of a PNG.
#[derive(Serialize, ToSchema)]
#[schema(value_type = String, format = Binary)]
pub(crate) struct QrPicture(Vec<u8>);

/// Get the QR code to scan, as PNG, SVG, plain text, or JSON with a data URL.
#[utoipa::path(
    operation_id = "getSessionQr",
    tag = "sessions",
    security(("workspace_key" = ["sessions:read"])),
    params(("account_id" = AccountId, Path, description = "The account."), QrParams),
    responses(
        (status = 200, description = "The code, in the form that `Accept` asks for.", content(
            (QrAnswer = "application/json"),
            (QrPicture = "image/png"),
            (String = "image/svg+xml"),
            (String = "text/plain"),
        ), headers(
            ("x-qr-expires-at" = String, description = "When the code runs out; another follows until the round ends."),
            ("x-qr-round-ends-at" = String, description = "When the round ends; after that, start the session again."),
        )),
        Refusals,
    ),
)]
#[get("/v1/accounts/{account_id}/session/qr")]
pub(crate) async fn get_session_qr(
    state: Data<AppState>,
    Tenant(workspace_id): Tenant,
    Id(account_id): Id<AccountId>,
    Query(params): Query<QrParams>,
    accept: Accept,
    Traced(request_id): Traced,
) -> Result<HttpResponse, ApiError> {
    if params.wait > MAX_WAIT_SECONDS {
        let detail = format!("wait must be at most {MAX_WAIT_SECONDS} seconds");
        return Err(ApiError::refused(ErrorCode::InvalidRequest, detail));
    }
    let form = accept.choose(&[JSON, PNG, SVG, TEXT])?;
    let wait = Duration::from_secs(params.wait);
    let code = sessions::qr(&state.services, workspace_id, account_id, wait, &request_id);
    let ends = state.shutdown.soft();
    tokio::select! {
        code = code => Ok(answer(form, code?)?),
        // Whoever waits for a code must not hold up the end of the process.
        () = ends.cancelled() => Err(ApiError::unavailable("the API is about to end")),
    }
}

fn answer(form: &str, code: QrCode) -> Result<HttpResponse, ServiceError> {
    let mut answer = HttpResponse::Ok();
    answer.insert_header((CACHE_CONTROL, "no-store")).insert_header((VARY, "Accept"));
    // A picture cannot say until when it counts.
    answer.insert_header((EXPIRES_AT, code.expires_at.to_string()));
    answer.insert_header((ROUND_ENDS_AT, code.round_ends_at.to_string()));
    Ok(match form {
        PNG => answer.content_type(PNG).body(qr_image::png(&code)?),
        SVG => answer.content_type(SVG).body(qr_image::svg(&code)?),
        TEXT => answer.content_type("text/plain; charset=utf-8").body(code.text),
        _ => answer.json(QrAnswer {
            data_url: format!("data:image/png;base64,{}", STANDARD.encode(qr_image::png(&code)?)),
            text: code.text,
            expires_at: code.expires_at,
            round_ends_at: code.round_ends_at,
        }),
    })
}
