//! What handlers take from a verified request.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use blazz_domain::{ErrorCode, Lease, NodeId};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::answer::InternalError;
use crate::request_id::RequestId;

/// Who is at the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Whose keys signed the request: on the API the calling node, on a node its own id, for the API speaks with that node's keys.
    pub node_id: NodeId,
    /// The id of the request in the logs of both.
    pub request_id: RequestId,
}

/// The lease under which the call is made, from its signed `blazz-lease` field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallLease(pub Lease);

/// The verified body, read as JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedJson<T>(pub T);

/// The body whose digest was signed.
#[derive(Debug, Clone)]
pub(super) struct VerifiedBody(pub(super) Bytes);

impl FromRequest for Caller {
    type Error = InternalError;
    type Future = Ready<Result<Self, InternalError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(request.extensions().get::<Self>().cloned().ok_or_else(outside_of_scope))
    }
}

impl FromRequest for CallLease {
    type Error = InternalError;
    type Future = Ready<Result<Self, InternalError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let lease = request.extensions().get::<Self>().copied();
        ready(lease.ok_or_else(|| {
            InternalError::new(400, ErrorCode::InvalidRequest, "the call carries no blazz-lease field")
        }))
    }
}

impl<T: DeserializeOwned> FromRequest for SignedJson<T> {
    type Error = InternalError;
    type Future = Ready<Result<Self, InternalError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let extensions = request.extensions();
        let body = extensions.get::<VerifiedBody>().ok_or_else(outside_of_scope);
        ready(body.and_then(|body| read(&body.0)))
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<SignedJson<T>, InternalError> {
    serde_json::from_slice(body).map(SignedJson).map_err(|error| {
        // Not the parser's own words: they may quote what somebody wrote.
        let (code, what) = match error.classify() {
            Category::Data => (ErrorCode::InvalidRequest, "the body is not of the route's form"),
            Category::Io | Category::Syntax => (ErrorCode::MalformedJson, "the body is no JSON"),
            Category::Eof => (ErrorCode::MalformedJson, "the body ends too early"),
        };
        let place = format!("line {}, column {}", error.line(), error.column());
        InternalError::new(400, code, format!("{what} ({place})"))
    })
}

pub(super) fn outside_of_scope() -> InternalError {
    tracing::error!("a handler of the signed hop is routed outside of its scope");
    InternalError(crate::problem::Problem::new(500, ErrorCode::Internal))
}
