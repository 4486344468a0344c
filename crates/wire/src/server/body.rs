//! Reads the body of an authenticated head, within a limit of bytes and of time.

use std::time::Duration;

use actix_web::HttpMessage as _;
use actix_web::dev::ServiceRequest;
use actix_web::http::header::CONTENT_LENGTH;
use blazz_domain::ErrorCode;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;

use crate::problem::Problem;

/// How long a body may take to arrive.
const TIME_LIMIT: Duration = Duration::from_secs(20);

/// The whole body, or the problem to answer with.
pub(super) async fn read(request: &mut ServiceRequest, limit: usize) -> Result<Bytes, Problem> {
    if declared_length(request).is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    match tokio::time::timeout(TIME_LIMIT, collect(request, limit)).await {
        Ok(body) => body,
        Err(_) => {
            Err(Problem::new(408, ErrorCode::InvalidRequest).with_detail("the body did not arrive in time"))
        }
    }
}

async fn collect(request: &mut ServiceRequest, limit: usize) -> Result<Bytes, Problem> {
    let mut payload = request.take_payload();
    let mut body = BytesMut::with_capacity(declared_length(request).unwrap_or_default());
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| {
            Problem::new(400, ErrorCode::InvalidRequest).with_detail(format!("the body broke off: {error}"))
        })?;
        if chunk.len() > limit - body.len() {
            return Err(too_large(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn declared_length(request: &ServiceRequest) -> Option<usize> {
    request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn too_large(limit: usize) -> Problem {
    Problem::new(413, ErrorCode::BodyTooLarge).with_detail(format!("at most {limit} bytes"))
}
