//! One end of the hop, as a client: signs, sends, verifies, reads.

use std::sync::Arc;
use std::time::Duration;

use blazz_domain::{Clock, ErrorCode, Lease, random};
use bytes::{Bytes, BytesMut};
use reqwest::header::{CONTENT_LENGTH, HeaderMap};
use reqwest::{Method, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::CallError;
use super::file::{FileToSend, OCTETS};
use crate::keys::NodeKeys;
use crate::problem::Problem;
use crate::request_id::{self, RequestId};
use crate::signature::{
    RequestParts, ResponseParts, SigningKey, content_digest, digest_field, field, is_digest_of,
};

/// The most bytes an answer may have: room for the list of 20,000 sessions.
const MAX_ANSWER_BYTES: usize = 8 << 20;
pub(super) const JSON: &str = "application/json";

/// Who speaks, who listens.
#[derive(Debug, Clone, Copy)]
pub(super) enum Direction {
    ApiToNode,
    NodeToApi,
}

#[derive(Debug, Clone)]
pub(super) struct Hop {
    pub(super) http: reqwest::Client,
    pub(super) base_url: Url,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) keys: NodeKeys,
    pub(super) direction: Direction,
    pub(super) clock: Arc<dyn Clock>,
}

/// One call.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) query: Option<String>,
    pub(super) lease: Option<&'a Lease>,
    pub(super) body: Bytes,
    /// A file instead of the body.
    pub(super) file: Option<FileToSend>,
    /// Instead of the client's own time limit.
    pub(super) timeout: Option<Duration>,
    pub(super) request_id: &'a RequestId,
}

impl<'a> Call<'a> {
    pub(super) fn new(method: Method, path: &'a str, request_id: &'a RequestId) -> Self {
        Self {
            method,
            path,
            query: None,
            lease: None,
            body: Bytes::new(),
            file: None,
            timeout: None,
            request_id,
        }
    }

    pub(super) fn under(self, lease: &'a Lease) -> Self {
        Self { lease: Some(lease), ..self }
    }

    pub(super) fn json(self, body: &impl Serialize) -> Result<Self, CallError> {
        let body = serde_json::to_vec(body)
            .map_err(|error| CallError::Unreachable(format!("the request cannot be written: {error}")))?;
        Ok(Self { body: body.into(), ..self })
    }
}

impl Hop {
    pub(super) async fn call<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, CallError> {
        let (response, signature) = self.send(call).await?;
        let status = response.status();
        let body = self.whole(response, &signature).await?;
        if status.is_success() { parse(&body) } else { Err(refused(problem(status, &body))) }
    }

    /// Sends the request; its answer, of which nothing is believed yet, and the `signature` field of the request.
    pub(super) async fn send(&self, call: Call<'_>) -> Result<(Response, String), CallError> {
        let (request, signature) = self.request(call);
        let response = request.send().await.map_err(not_sent)?;
        let status = response.status();
        if status.is_server_error() && !response.headers().contains_key(field::SIGNATURE) {
            return Err(CallError::Interrupted(format!("an unsigned answer with status {status}")));
        }
        Ok((response, signature))
    }

    /// The body of a refusal, as the error that it is.
    pub(super) async fn refusal(&self, response: Response, signature: &str) -> CallError {
        let status = response.status();
        match self.whole(response, signature).await {
            Ok(body) => refused(problem(status, &body)),
            Err(error) => error,
        }
    }

    /// The whole body of an answer, believed.
    async fn whole(&self, response: Response, signature: &str) -> Result<BytesMut, CallError> {
        let status = response.status();
        let content_digest = self.verify(status, response.headers(), signature)?;
        let body = read(response).await?;
        if is_digest_of(&content_digest, &body) { Ok(body) } else { Err(another_digest(status)) }
    }

    /// The signed request, and its `signature` field.
    fn request(&self, call: Call<'_>) -> (reqwest::RequestBuilder, String) {
        let mut url = self.base_url.clone();
        url.set_path(call.path);
        url.set_query(call.query.as_deref());
        let (content_type, digest) = match &call.file {
            Some(file) => (OCTETS, digest_field(&file.sha256)),
            None => (JSON, content_digest(&call.body)),
        };
        let lease = call.lease.map(ToString::to_string);
        let parts = RequestParts {
            method: call.method.as_str(),
            path: url.path(),
            query: url.query().unwrap_or_default(),
            content_type,
            content_digest: &digest,
            from: &self.from,
            to: &self.to,
            lease: lease.as_deref(),
        };
        let nonce = hex::encode(random::bytes::<16>());
        let signed = parts.sign(self.speaker(), self.clock.now().unix_seconds(), &nonce);

        let mut request = self
            .http
            .request(call.method, url)
            .header(field::CONTENT_TYPE, content_type)
            .header(field::CONTENT_DIGEST, digest)
            .header(field::FROM, &self.from)
            .header(field::TO, &self.to)
            .header(field::SIGNATURE_INPUT, signed.input)
            .header(field::SIGNATURE, &signed.signature)
            .header(request_id::HEADER, call.request_id.as_str());
        request = match call.file {
            Some(file) => request.header(CONTENT_LENGTH, file.size).body(file.body),
            None => request.body(call.body),
        };
        if let Some(lease) = lease {
            request = request.header(field::LEASE, lease);
        }
        if let Some(timeout) = call.timeout {
            request = request.timeout(timeout);
        }
        (request, signed.signature)
    }

    /// Verifies everything but the body; the digest that the body must have.
    pub(super) fn verify(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        request_signature: &str,
    ) -> Result<String, CallError> {
        let unsigned =
            |name| CallError::BadAnswer(format!("status {status}, without exactly one {name} field"));
        let one = |name: &'static str| one(headers, name).ok_or_else(|| unsigned(name));
        let content_digest = one(field::CONTENT_DIGEST)?;
        let (input, signature) = (one(field::SIGNATURE_INPUT)?, one(field::SIGNATURE)?);
        ResponseParts { status: status.as_u16(), content_digest, request_signature }
            .verify(self.listener(), input, signature)
            .map_err(|forged| CallError::BadAnswer(format!("status {status}: {forged}")))?;
        Ok(content_digest.to_owned())
    }

    fn speaker(&self) -> &SigningKey {
        match self.direction {
            Direction::ApiToNode => self.keys.api_to_node(),
            Direction::NodeToApi => self.keys.node_to_api(),
        }
    }

    fn listener(&self) -> &SigningKey {
        match self.direction {
            Direction::ApiToNode => self.keys.node_to_api(),
            Direction::NodeToApi => self.keys.api_to_node(),
        }
    }
}

pub(super) fn another_digest(status: StatusCode) -> CallError {
    CallError::BadAnswer(format!("status {status}: the body has another digest"))
}

/// The value of a field that occurs exactly once.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

fn not_sent(error: reqwest::Error) -> CallError {
    // Neither happens after the first byte of the request is out.
    let unsent = error.is_connect() || error.is_builder();
    let text = chain(&error.without_url());
    if unsent { CallError::Unreachable(text) } else { CallError::Interrupted(text) }
}

async fn read(mut response: Response) -> Result<BytesMut, CallError> {
    let mut body = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if chunk.len() > MAX_ANSWER_BYTES - body.len() => {
                return Err(CallError::BadAnswer("the answer is too large".to_owned()));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Err(error) => return Err(CallError::Interrupted(chain(&error.without_url()))),
        }
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, CallError> {
    // The position and the expectation, never the value: that may be a message.
    serde_json::from_slice(body).map_err(|error| {
        let (category, column) = (error.classify(), error.column());
        CallError::BadAnswer(format!("the answer has another shape ({category:?} error at column {column})"))
    })
}

/// The problem in a signed refusal. A code that only a newer version knows is read by its status.
fn problem(status: StatusCode, body: &[u8]) -> Problem {
    serde_json::from_slice(body).unwrap_or_else(|_| {
        let code = if status.is_server_error() { ErrorCode::Internal } else { ErrorCode::InvalidRequest };
        Problem::new(status.as_u16(), code).with_detail("refused with a code that this version does not know")
    })
}

fn refused(problem: Problem) -> CallError {
    // Proves only that one copy of the request was not believed. Somebody in the middle may have played it a second time, and
    // passed on the refusal of that one.
    if problem.code == ErrorCode::BadSignature {
        return CallError::BadAnswer(
            "it does not believe our signature; compare clocks and secrets".to_owned(),
        );
    }
    CallError::Refused(problem)
}

/// An error and its causes in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
