//! The outermost layer: a request's id, its span, its place in the metrics, and the one log line of a failure.

use std::time::Instant;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage as _};
use blazz_wire::request_id::{self, RequestId};
use tracing::Instrument as _;

use super::ApiError;
use crate::state::AppState;

const REQUEST_ID: HeaderName = HeaderName::from_static(request_id::HEADER);

/// Serves a request under its id.
pub(crate) async fn observe(
    state: Data<AppState>,
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse, Error> {
    let started = Instant::now();
    let request_id = accept(&request);
    if let Ok(value) = HeaderValue::from_str(request_id.as_str()) {
        // The signed scope reads it from there.
        request.headers_mut().insert(REQUEST_ID, value);
    }
    let route = request.match_pattern().unwrap_or_else(|| "unmatched".to_owned());
    let method = label(request.method());
    let span = tracing::info_span!("request", %request_id, method, route);
    request.extensions_mut().insert(request_id.clone());
    let answer = next.call(request).instrument(span.clone()).await?;
    let answer = named(answer, &request_id);
    let status = answer.status();
    state.metrics.answered(method, &route, status, started.elapsed());
    span.in_scope(|| log(&answer, status, started));
    Ok(answer)
}

/// The caller's id if it is sane, else a new one.
fn accept(request: &ServiceRequest) -> RequestId {
    let given = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
    given.and_then(RequestId::parse).unwrap_or_else(RequestId::generate)
}

/// The method as a metric label: callers choose it, so only the usual ones get their own.
fn label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// The answer with the request's id in its header and, when it is one of our problems, in its body.
fn named(answer: ServiceResponse, request_id: &RequestId) -> ServiceResponse {
    let (request, mut response) = answer.into_parts();
    let error = response.error().and_then(|error| error.as_error::<ApiError>());
    if let Some(error) = error {
        let body = error.answer(Some(request_id.as_str())).into_body();
        response = response.set_body(body);
    }
    if let Ok(value) = HeaderValue::from_str(request_id.as_str()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    ServiceResponse::new(request, response)
}

fn log(answer: &ServiceResponse, status: StatusCode, started: Instant) {
    let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let error = answer.response().error().and_then(|error| error.as_error::<ApiError>());
    match error {
        Some(error) => match (error.cause(), status) {
            (Some(cause), StatusCode::INTERNAL_SERVER_ERROR) => {
                tracing::error!(
                    status = status.as_u16(),
                    elapsed_ms,
                    error = format!("{cause:#}"),
                    "request failed"
                );
            }
            (Some(cause), _) => {
                tracing::warn!(
                    status = status.as_u16(),
                    elapsed_ms,
                    error = format!("{cause:#}"),
                    "request not served"
                );
            }
            (None, _) => {
                tracing::debug!(status = status.as_u16(), elapsed_ms, code = %error.code(), "request refused");
            }
        },
        None => tracing::debug!(status = status.as_u16(), elapsed_ms, "request answered"),
    }
}
