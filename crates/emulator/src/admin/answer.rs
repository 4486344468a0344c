//! Answers: JSON, and errors as `{code, detail}`.

use actix_web::error::{InternalError, JsonPayloadError, PathError};
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde_json::json;

use crate::error::EmulatorError;

impl ResponseError for EmulatorError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        problem(self.status_code(), self.code(), &self.to_string())
    }
}

pub(super) fn problem(status: StatusCode, code: &str, detail: &str) -> HttpResponse {
    HttpResponse::build(status).json(json!({ "code": code, "detail": detail }))
}

/// What a fault wants to be answered.
pub(super) fn refusal(status: u16) -> HttpResponse {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    problem(status, "fault", "a fault is on")
}

pub(super) fn bad_body(error: JsonPayloadError, _: &HttpRequest) -> actix_web::Error {
    let (status, code) = match &error {
        JsonPayloadError::OverflowKnownLength { .. } | JsonPayloadError::Overflow { .. } => {
            (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large")
        }
        _ => (StatusCode::BAD_REQUEST, "bad_json"),
    };
    let answer = problem(status, code, &error.to_string());
    InternalError::from_response(error, answer).into()
}

pub(super) fn bad_path(error: PathError, _: &HttpRequest) -> actix_web::Error {
    let answer = problem(StatusCode::NOT_FOUND, "no_such_route", &error.to_string());
    InternalError::from_response(error, answer).into()
}

pub(super) async fn no_such_route() -> HttpResponse {
    problem(StatusCode::NOT_FOUND, "no_such_route", "see docs/emulator.md for what there is")
}
