//! The one error of the edge, written as `application/problem+json` (RFC 9457).

use std::fmt;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use blazz_domain::ErrorCode;
use blazz_services::ServiceError;
use blazz_wire::problem::{self, Problem};

use super::status_of;

/// Why a request was not served.
#[derive(Debug)]
pub(crate) struct ApiError {
    code: ErrorCode,
    detail: Option<String>,
    /// A header that the status asks for, such as `Allow`.
    header: Option<(header::HeaderName, header::HeaderValue)>,
    /// For the log, never for the caller.
    cause: Option<anyhow::Error>,
}

impl ApiError {
    /// A refusal that the caller can act on.
    pub(crate) fn refused(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self { code, detail: Some(detail.into()), header: None, cause: None }
    }

    /// A fault of ours.
    pub(crate) fn internal(cause: anyhow::Error) -> Self {
        Self { code: ErrorCode::Internal, detail: None, header: None, cause: Some(cause) }
    }

    /// What another moment, or another process, will serve.
    pub(crate) fn unavailable(detail: &str) -> Self {
        Self::refused(ErrorCode::Unavailable, detail).with_header(header::RETRY_AFTER, "1")
    }

    /// The same with a header that the status asks for. A value that cannot be a header is left out.
    pub(crate) fn with_header(mut self, name: header::HeaderName, value: &str) -> Self {
        self.header = header::HeaderValue::from_str(value).ok().map(|value| (name, value));
        self
    }

    /// The stable name.
    pub(crate) const fn code(&self) -> ErrorCode {
        self.code
    }

    /// What only the log may know, with its whole chain.
    pub(crate) const fn cause(&self) -> Option<&anyhow::Error> {
        self.cause.as_ref()
    }

    /// The answer, which names the request so that the logs can be searched for it.
    pub(crate) fn answer(&self, request_id: Option<&str>) -> HttpResponse {
        let mut problem = Problem::new(self.status_code().as_u16(), self.code).explained();
        problem.detail.clone_from(&self.detail);
        problem.request_id = request_id.map(str::to_owned);
        let mut answer = HttpResponse::build(self.status_code());
        if let Some(header) = self.header.clone() {
            answer.insert_header(header);
        }
        // Serialising strings and numbers cannot fail.
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        answer
            .content_type(problem::CONTENT_TYPE)
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .body(body)
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code.as_str())
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        status_of(self.code)
    }

    fn error_response(&self) -> HttpResponse {
        self.answer(None)
    }
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Code { code, detail } => Self::refused(code, detail),
            ServiceError::Unavailable(cause) => Self {
                code: ErrorCode::Unavailable,
                detail: Some("try again in a moment".to_owned()),
                header: Some((header::RETRY_AFTER, header::HeaderValue::from_static("1"))),
                cause: Some(cause),
            },
            ServiceError::Internal(cause) => Self::internal(cause),
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;

    use super::*;

    async fn body(answer: HttpResponse) -> serde_json::Value {
        serde_json::from_slice(&to_bytes(answer.into_body()).await.unwrap()).unwrap()
    }

    #[actix_web::test]
    async fn a_problem_names_its_code_and_its_request() {
        let error = ApiError::from(ServiceError::refused(ErrorCode::AccountNotFound, "no such"));
        let answer = error.answer(Some("r-1"));
        assert_eq!(answer.headers().get("content-type").unwrap(), "application/problem+json");
        let expected = serde_json::json!({
            "type": "/docs/errors#account_not_found", "code": "account_not_found", "title": "No such account", "status": 404,
            "detail": "no such", "request_id": "r-1",
        });
        assert_eq!(body(answer).await, expected);
    }

    #[actix_web::test]
    async fn causes_stay_in_the_house() {
        let internal = ApiError::from(ServiceError::Internal(anyhow::anyhow!("secret table is gone")));
        let unavailable = ApiError::from(ServiceError::Unavailable(anyhow::anyhow!("secret host is gone")));
        assert_eq!(unavailable.answer(None).headers().get("retry-after").unwrap(), "1");
        for error in [internal, unavailable] {
            assert!(error.cause().is_some());
            let text = body(error.answer(None)).await.to_string();
            assert!(!text.contains("secret"), "{text}");
        }
    }
}
