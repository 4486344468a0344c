//! What happens around every handler: verify, read, run, sign.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpResponse, error};
use blazz_domain::{ErrorCode, Lease};
use bytes::Bytes;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::answer::{Signer, problem_response, with_request_id};
use super::body;
use super::extract::{CallLease, Caller, VerifiedBody};
use super::file::Unread;
use super::refusal::Refusal;
use super::verifier::{Verified, Verifier, one};
use crate::keys::NodeKeys;
use crate::problem::Problem;
use crate::request_id::{self, RequestId};
use crate::routes::{self, Subject};
use crate::signature::{field, is_digest_of};

/// Lets `request` through to `next` if it is to be believed, and signs what comes back.
pub(super) async fn guard<B: MessageBody + 'static>(
    verifier: Verifier,
    limit: usize,
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let request_id = request_id(&request);
    let verified = match verifier.verify(&request) {
        Ok(verified) => verified,
        Err(refusal) => return Ok(refuse(&verifier, request, refusal, &request_id).await),
    };
    let signer = signer(&verifier, &request, verified.keys.clone());
    match admit(&verifier, &verified, limit, &mut request, &request_id).await {
        Ok(()) => {}
        Err(Denied::Untrusted(refusal)) => {
            return Ok(refuse(&verifier, request, refusal, &request_id).await);
        }
        Err(Denied::Problem(problem)) => {
            // It is answered under its own key: that must not happen twice.
            if !verifier.is_first(&verified).await {
                return Ok(refuse(&verifier, request, Refusal::Replayed, &request_id).await);
            }
            let response = problem_response(&with_request_id(problem, &request_id));
            return Ok(request.into_response(signer.sign(response, &request_id).await));
        }
    }

    let node_id = verified.keys.node_id().clone();
    let span = tracing::info_span!("hop", %request_id, node.id = %node_id);
    request.extensions_mut().insert(Caller { node_id, request_id: request_id.clone() });
    let (call, begun) = (Call::of(&request), Instant::now());
    let outcome = next.call(request).instrument(span.clone()).await;
    span.in_scope(|| call.log(&outcome, begun));
    match outcome {
        Ok(response) => {
            let (request, response) = response.into_parts();
            Ok(ServiceResponse::new(request, signer.sign(response, &request_id).await))
        }
        Err(error) => {
            let response = signer.sign(error.error_response(), &request_id).await;
            Err(error::InternalError::from_response(error, response).into())
        }
    }
}

/// A call as the log names it.
struct Call {
    method: Method,
    /// Few enough of its kind that each is worth a line.
    is_rare: bool,
}

impl Call {
    fn of(request: &ServiceRequest) -> Self {
        let method = request.method().clone();
        let is_rare = method != Method::GET && !routes::is_idempotent(request.path());
        Self { method, is_rare }
    }

    fn log<B>(&self, outcome: &Result<ServiceResponse<B>, Error>, begun: Instant) {
        let (route, status) = match outcome {
            Ok(response) => (response.request().match_pattern(), response.status()),
            Err(error) => (None, error.as_response_error().status_code()),
        };
        let (method, route, status) = (&self.method, route.unwrap_or_default(), status.as_u16());
        let elapsed_ms = begun.elapsed().as_millis();
        if self.is_rare {
            tracing::info!(%method, route, status, elapsed_ms, "served a call of the signed hop");
        } else {
            tracing::debug!(%method, route, status, elapsed_ms, "served a call of the signed hop");
        }
    }
}

enum Denied {
    /// Not believed.
    Untrusted(Refusal),
    /// Believed, but not to be served.
    Problem(Problem),
}

/// Reads the body and lays out for the handlers what they may take.
async fn admit(
    verifier: &Verifier,
    verified: &Verified,
    limit: usize,
    request: &mut ServiceRequest,
    request_id: &RequestId,
) -> Result<(), Denied> {
    let is_file = routes::is_file(request.method().as_str(), request.uri().path());
    let body = if is_file { None } else { Some(believed_body(verified, limit, request).await?) };
    let lease = lease(request).map_err(Denied::Problem)?;
    // Of a file that is asked at its end.
    if body.is_some() && !verifier.is_first(verified).await {
        return Err(Denied::Untrusted(Refusal::Replayed));
    }
    tracing::trace!(%request_id, bytes = body.as_ref().map(Bytes::len), "believed a request");
    if let Some(lease) = lease {
        request.extensions_mut().insert(CallLease(lease));
    }
    match body {
        Some(body) => {
            request.extensions_mut().insert(VerifiedBody(body.clone()));
            request.set_payload(Payload::from(body));
        }
        // Its handler reads it, and finds out at the end whether it is the one that was signed.
        None => {
            request.extensions_mut().insert(Unread {
                verifier: verifier.clone(),
                nonce: verified.nonce.clone(),
                digest: verified.content_digest.clone(),
            });
        }
    }
    Ok(())
}

/// The whole body, if it is the one that was signed.
async fn believed_body(
    verified: &Verified,
    limit: usize,
    request: &mut ServiceRequest,
) -> Result<Bytes, Denied> {
    let body = body::read(request, limit).await.map_err(Denied::Problem)?;
    if is_digest_of(&verified.content_digest, &body) {
        Ok(body)
    } else {
        Err(Denied::Untrusted(Refusal::Digest))
    }
}

/// The lease of a verified request, which speaks of the session that the path speaks of.
fn lease(request: &ServiceRequest) -> Result<Option<Lease>, Problem> {
    let Ok(text) = one(request.headers(), field::LEASE) else {
        return Ok(None);
    };
    let invalid = |detail: &str| Problem::new(400, ErrorCode::InvalidRequest).with_detail(detail);
    let lease: Lease = text.parse().map_err(|error| invalid(&format!("blazz-lease: {error}")))?;
    match routes::subject(request.uri().path()) {
        Subject::Account(id) if id.parse() != Ok(lease.account_id) => {
            Err(invalid("blazz-lease is for another account than the path"))
        }
        _ => Ok(Some(lease)),
    }
}

/// A refusal that tells nothing; signed when the key that the request claims exists.
async fn refuse(
    verifier: &Verifier,
    request: ServiceRequest,
    refusal: Refusal,
    request_id: &RequestId,
) -> ServiceResponse<BoxBody> {
    let path = request.uri().path();
    tracing::warn!(%request_id, path, reason = %refusal, "refused a request of the signed hop");
    let problem = Problem::new(401, ErrorCode::BadSignature);
    let response: HttpResponse = problem_response(&with_request_id(problem, request_id));
    let response = match verifier.claimed_keys(request.headers()) {
        Some(keys) => signer(verifier, &request, keys).sign(response, request_id).await,
        None => response,
    };
    request.into_response(response)
}

fn signer(verifier: &Verifier, request: &ServiceRequest, keys: NodeKeys) -> Signer {
    let request_signature = one(request.headers(), field::SIGNATURE).unwrap_or_default().to_owned();
    Signer { verifier: verifier.clone(), keys, request_signature }
}

fn request_id(request: &ServiceRequest) -> RequestId {
    let given = one(request.headers(), request_id::HEADER).ok().and_then(RequestId::parse);
    given.unwrap_or_else(RequestId::generate)
}
