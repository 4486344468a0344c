//! Answers: problems as HTTP, and the signature over whatever goes out.

use std::fmt;

use actix_web::body::{BoxBody, MessageBody, to_bytes};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use blazz_domain::ErrorCode;

use super::file::KnownDigest;
use super::verifier::Verifier;
use crate::keys::NodeKeys;
use crate::problem::{self, Problem};
use crate::request_id::{self, RequestId};
use crate::signature::{content_digest, field};

/// A problem as an HTTP answer.
#[must_use]
pub fn problem_response(problem: &Problem) -> HttpResponse {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    HttpResponse::build(status).insert_header((header::CONTENT_TYPE, problem::CONTENT_TYPE)).json(problem)
}

/// What a handler of the hop fails with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InternalError(pub Problem);

impl InternalError {
    /// A failure of `status` and `code`.
    #[must_use]
    pub fn new(status: u16, code: ErrorCode, detail: impl Into<String>) -> Self {
        Self(Problem::new(status, code).with_detail(detail))
    }
}

impl From<Problem> for InternalError {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl fmt::Display for InternalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.detail.as_deref().unwrap_or(&self.0.title))
    }
}

impl ResponseError for InternalError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        problem_response(&self.0)
    }
}

/// What it takes to sign the answer to one request.
pub(super) struct Signer {
    pub(super) verifier: Verifier,
    pub(super) keys: NodeKeys,
    /// The `signature` field of the request.
    pub(super) request_signature: String,
}

impl Signer {
    /// The same answer, buffered and signed; a bare error becomes a problem.
    pub(super) async fn sign<B: MessageBody + 'static>(
        &self,
        response: HttpResponse<B>,
        request_id: &RequestId,
    ) -> HttpResponse {
        let known = response.extensions().get::<KnownDigest>().map(|digest| digest.0.clone());
        if let Some(digest) = known {
            return self.seal(response.map_into_boxed_body(), digest, request_id);
        }
        let (response, body) = response.into_parts();
        let Ok(body) = to_bytes(body).await else {
            tracing::error!(%request_id, "the body of an answer could not be made");
            let response = problem_response(&Problem::new(500, ErrorCode::Internal));
            return self.finish(response, request_id).await;
        };
        if let Some(problem) = bare_error(response.status(), response.headers().get(header::CONTENT_TYPE)) {
            let mut plain = problem_response(&with_request_id(problem, request_id));
            if let Some(allow) = response.headers().get(header::ALLOW) {
                plain.headers_mut().insert(header::ALLOW, allow.clone());
            }
            return self.finish(plain, request_id).await;
        }
        let digest = content_digest(&body);
        self.seal(response.set_body(body).map_into_boxed_body(), digest, request_id)
    }

    /// For a problem that we made ourselves: its body is in memory.
    async fn finish(&self, response: HttpResponse, request_id: &RequestId) -> HttpResponse {
        let (response, body) = response.into_parts();
        let body = to_bytes(body).await.unwrap_or_default();
        let digest = content_digest(&body);
        self.seal(response.set_body(body).map_into_boxed_body(), digest, request_id)
    }

    fn seal(&self, mut response: HttpResponse, digest: String, request_id: &RequestId) -> HttpResponse {
        let status = response.status().as_u16();
        let signed = self.verifier.sign(&self.keys, status, &digest, &self.request_signature);
        set(&mut response, field::CONTENT_DIGEST, digest);
        set(&mut response, field::SIGNATURE_INPUT, signed.input);
        set(&mut response, field::SIGNATURE, signed.signature);
        set(&mut response, request_id::HEADER, request_id.to_string());
        response
    }
}

/// The problem that stands for an error without one, such as those that actix makes itself.
fn bare_error(status: StatusCode, content_type: Option<&HeaderValue>) -> Option<Problem> {
    let is_problem = content_type.is_some_and(|value| value.as_bytes() == problem::CONTENT_TYPE.as_bytes());
    if is_problem || !(status.is_client_error() || status.is_server_error()) {
        return None;
    }
    let code = match status.as_u16() {
        404 => ErrorCode::RouteNotFound,
        405 => ErrorCode::MethodNotAllowed,
        413 => ErrorCode::BodyTooLarge,
        415 => ErrorCode::UnsupportedMediaType,
        400..500 => ErrorCode::InvalidRequest,
        503 => ErrorCode::Unavailable,
        _ => ErrorCode::Internal,
    };
    Some(Problem::new(status.as_u16(), code))
}

pub(super) fn with_request_id(problem: Problem, request_id: &RequestId) -> Problem {
    Problem { request_id: Some(request_id.to_string()), ..problem }
}

fn set(response: &mut HttpResponse<BoxBody>, name: &'static str, value: String) {
    // Every value that comes here is visible ASCII: base64, numbers, key ids and request ids.
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().insert(HeaderName::from_static(name), value);
    }
}
