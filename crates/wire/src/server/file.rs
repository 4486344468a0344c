//! Files over the hop, the server's half: a file that comes is checked while it is read, one that goes is signed by its digest.

use std::future::{Ready, ready};
use std::time::Duration;

use actix_web::body::SizedStream;
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, HttpResponse};
use blazz_domain::ErrorCode;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};

use super::answer::InternalError;
use super::extract::outside_of_scope;
use super::verifier::Verifier;
use crate::problem::Problem;
use crate::signature::{RunningDigest, digest_field};

/// How long the next piece of a file may take to arrive.
const PIECE_TIME: Duration = Duration::from_secs(30);

/// The file that a verified request carries. To be read to its end: only then is it known to be the one that was signed.
pub struct SignedFile {
    payload: Payload,
    digest: Option<RunningDigest>,
    expected: Unread,
}

/// What is left to be verified of a request whose body nobody has read yet: that the body has the digest that was signed, and then that it comes
/// for the first time.
#[derive(Clone)]
pub(super) struct Unread {
    pub(super) verifier: Verifier,
    pub(super) nonce: Option<String>,
    /// The `content-digest` field.
    pub(super) digest: String,
}

impl SignedFile {
    /// The next piece; `None` at the end of a file that is the one that was signed.
    ///
    /// # Errors
    /// When the file breaks off, takes too long, or is another one.
    pub async fn next(&mut self) -> Result<Option<Bytes>, InternalError> {
        let invalid = |detail: &str| InternalError::new(400, ErrorCode::InvalidRequest, detail);
        match tokio::time::timeout(PIECE_TIME, self.payload.next()).await {
            Err(_) => {
                Err(InternalError::new(408, ErrorCode::InvalidRequest, "the file did not arrive in time"))
            }
            Ok(Some(Err(_))) => Err(invalid("the file broke off")),
            Ok(Some(Ok(piece))) => {
                if let Some(digest) = &mut self.digest {
                    digest.update(&piece);
                }
                Ok(Some(piece))
            }
            Ok(None) => {
                let Unread { verifier, nonce, digest: expected } = &self.expected;
                let is_it = self.digest.take().is_some_and(|digest| digest.is(expected));
                if is_it && verifier.is_first_nonce(nonce.as_deref()).await {
                    return Ok(None);
                }
                tracing::warn!(is_it, "refused a file of the signed hop: another one, or played before");
                Err(InternalError(Problem::new(401, ErrorCode::BadSignature)))
            }
        }
    }
}

impl FromRequest for SignedFile {
    type Error = InternalError;
    type Future = Ready<Result<Self, InternalError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let expected = request.extensions().get::<Unread>().cloned();
        let (payload, digest) = (payload.take(), Some(RunningDigest::default()));
        ready(expected.map(|expected| Self { payload, digest, expected }).ok_or_else(outside_of_scope))
    }
}

/// The digest of an answer whose body is not in memory.
pub(super) struct KnownDigest(pub(super) String);

/// A SHA-256 written in hex.
#[must_use]
pub fn sha256_of_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).ok().map(|()| bytes)
}

/// An answer that is a file of this SHA-256 and length.
#[must_use]
pub fn file_response<E: Into<Box<dyn std::error::Error>> + 'static>(
    sha256: &[u8; 32],
    size: u64,
    body: impl Stream<Item = Result<Bytes, E>> + 'static,
) -> HttpResponse {
    let mut response = HttpResponse::Ok()
        .content_type("application/octet-stream")
        .body(SizedStream::new(size, Box::pin(body)));
    response.extensions_mut().insert(KnownDigest(digest_field(sha256)));
    response
}
