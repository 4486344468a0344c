//! Decides whether a request comes from whom it says, is for this process, fresh, and unaltered.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServiceRequest;
use actix_web::http::header::HeaderMap;
use blazz_domain::{Clock, NodeId, Timestamp};

use super::refusal::Refusal;
use crate::keys::{FleetSecret, NodeKeys};
use crate::nonces::NonceStore;
use crate::routes::{self, API_NAME, Subject};
use crate::signature::{RequestParts, ResponseParts, SignatureInput, Signed, SigningKey, field};

/// How far `created` may be from now, in seconds, either way.
const WINDOW_SECONDS: u64 = 60;
/// A signature made at the far end of the window is fresh until the near end: remember its nonce for both halves.
const NONCE_TTL: Duration = Duration::from_secs(2 * WINDOW_SECONDS + 1);

/// Which keys of a node the API accepts, current first.
pub trait ControlKeys: Send + Sync {
    /// The keys of every generation; empty when the node can have none.
    fn keys(&self, node_id: &NodeId) -> Vec<NodeKeys>;
}

/// Keys derived from fleet secrets, current first; more than two are pointless.
#[derive(Debug, Clone)]
pub struct FleetKeys(pub Vec<FleetSecret>);

impl ControlKeys for FleetKeys {
    fn keys(&self, node_id: &NodeId) -> Vec<NodeKeys> {
        self.0.iter().map(|secret| secret.node_secret(node_id).keys(node_id)).collect()
    }
}

/// Verifies requests and signs answers, for one process. Cheap to clone.
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    side: Side,
    clock: Arc<dyn Clock>,
    /// When the memory of the nonces began, if it began with this process.
    remembers_since: Option<Timestamp>,
    nonces: Arc<dyn NonceStore>,
}

enum Side {
    Node { node: NodeId, keys: Vec<NodeKeys> },
    Control { keys: Arc<dyn ControlKeys> },
}

/// The parts of a verified request that the rest of the hop needs.
pub(super) struct Verified {
    pub(super) keys: NodeKeys,
    pub(super) content_digest: String,
    /// What to remember against replay; `None` on idempotent routes.
    pub(super) nonce: Option<String>,
}

impl Verifier {
    /// For a node: believes the API, under any generation of its own keys, if signed no earlier than `started_at`.
    #[must_use]
    pub fn for_node(
        node: NodeId,
        keys: Vec<NodeKeys>,
        clock: Arc<dyn Clock>,
        started_at: Timestamp,
        nonces: Arc<dyn NonceStore>,
    ) -> Self {
        let remembers_since = Some(started_at);
        Self(Arc::new(Inner { side: Side::Node { node, keys }, clock, remembers_since, nonces }))
    }

    /// For the API: believes each node under that node's keys. Where `nonces` ends with the process, `remembers_since` is its start, and
    /// what was signed before that is refused.
    #[must_use]
    pub fn for_control(
        keys: Arc<dyn ControlKeys>,
        clock: Arc<dyn Clock>,
        remembers_since: Option<Timestamp>,
        nonces: Arc<dyn NonceStore>,
    ) -> Self {
        Self(Arc::new(Inner { side: Side::Control { keys }, clock, remembers_since, nonces }))
    }

    /// Verifies everything but the body, which the digest stands for, and the nonce.
    pub(super) fn verify(&self, request: &ServiceRequest) -> Result<Verified, Refusal> {
        let headers = request.headers();
        let input_field = one(headers, field::SIGNATURE_INPUT)?;
        let signature = one(headers, field::SIGNATURE)?;
        let parts = parts(request)?;
        let input = SignatureInput::parse(input_field, parts.covered())?;
        let nonce = input.nonce.filter(|n| (16..=64).contains(&n.len())).ok_or(Refusal::Nonce)?;
        let keys = self.keys(input.key_id).ok_or(Refusal::UnknownKey)?;
        if !self.listens_to(&keys).verifies(&parts.base(input.params), signature) {
            return Err(Refusal::Signature);
        }

        // From here on the holder of the key is speaking.
        self.check_parties(&keys, &parts)?;
        let remember = !routes::is_idempotent(parts.path);
        self.check_time(input.created, remember)?;
        if routes::subject(parts.path) != Subject::Node && parts.lease.is_none() {
            return Err(Refusal::LeaseMissing);
        }
        Ok(Verified {
            content_digest: parts.content_digest.to_owned(),
            nonce: remember.then(|| format!("{}:{nonce}", input.key_id)),
            keys,
        })
    }

    /// Whether the request is played for the first time. To be asked last, when all else is right: a nonce is spent only by its owner.
    pub(super) async fn is_first(&self, verified: &Verified) -> bool {
        self.is_first_nonce(verified.nonce.as_deref()).await
    }

    /// The same of a request of which only that is left.
    pub(super) async fn is_first_nonce(&self, nonce: Option<&str>) -> bool {
        match nonce {
            Some(nonce) => self.0.nonces.remember(nonce, NONCE_TTL).await,
            None => true,
        }
    }

    /// The keys under which a request asks to be believed, though it may not be: its refusal is signed with them.
    pub(super) fn claimed_keys(&self, headers: &HeaderMap) -> Option<NodeKeys> {
        let input = one(headers, field::SIGNATURE_INPUT).ok()?;
        self.keys(SignatureInput::claimed_key_id(input)?)
    }

    /// Signs an answer to the request that carried `request_signature`.
    pub(super) fn sign(
        &self,
        keys: &NodeKeys,
        status: u16,
        content_digest: &str,
        request_signature: &str,
    ) -> Signed {
        ResponseParts { status, content_digest, request_signature }
            .sign(self.speaks_with(keys), self.0.clock.now().unix_seconds())
    }

    fn keys(&self, key_id: &str) -> Option<NodeKeys> {
        let find = |keys: &[NodeKeys]| keys.iter().find(|k| self.listens_to(k).id() == key_id).cloned();
        match &self.0.side {
            Side::Node { keys, .. } => find(keys),
            Side::Control { keys } => find(&keys.keys(&key_id.split('/').next()?.parse().ok()?)),
        }
    }

    fn listens_to<'k>(&self, keys: &'k NodeKeys) -> &'k SigningKey {
        match self.0.side {
            Side::Node { .. } => keys.api_to_node(),
            Side::Control { .. } => keys.node_to_api(),
        }
    }

    fn speaks_with<'k>(&self, keys: &'k NodeKeys) -> &'k SigningKey {
        match self.0.side {
            Side::Node { .. } => keys.node_to_api(),
            Side::Control { .. } => keys.api_to_node(),
        }
    }

    fn check_parties(&self, keys: &NodeKeys, parts: &RequestParts<'_>) -> Result<(), Refusal> {
        let (from, to) = match &self.0.side {
            Side::Node { node, .. } => (API_NAME, node.as_str()),
            Side::Control { .. } => (keys.node_id().as_str(), API_NAME),
        };
        if parts.from == from && parts.to == to { Ok(()) } else { Err(Refusal::Parties) }
    }

    fn check_time(&self, created: i64, counts_once: bool) -> Result<(), Refusal> {
        if created.abs_diff(self.0.clock.now().unix_seconds()) > WINDOW_SECONDS {
            return Err(Refusal::Window);
        }
        match self.0.remembers_since {
            // Nonces of before the start are forgotten. The second of the start itself is let in: what was signed in it was
            // hardly for the process before.
            Some(start) if counts_once && created < start.unix_seconds() => Err(Refusal::BeforeStart),
            _ => Ok(()),
        }
    }
}

fn parts(request: &ServiceRequest) -> Result<RequestParts<'_>, Refusal> {
    let headers = request.headers();
    let path = request.uri().path();
    // Routing would unescape it, and the rules that look at the path as signed would miss.
    if path.contains('%') {
        return Err(Refusal::EscapedPath);
    }
    Ok(RequestParts {
        method: request.method().as_str(),
        path,
        query: request.uri().query().unwrap_or_default(),
        content_type: one(headers, field::CONTENT_TYPE)?,
        content_digest: one(headers, field::CONTENT_DIGEST)?,
        from: one(headers, field::FROM)?,
        to: one(headers, field::TO)?,
        lease: headers.contains_key(field::LEASE).then(|| one(headers, field::LEASE)).transpose()?,
    })
}

/// The value of a field that occurs exactly once.
pub(super) fn one<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, Refusal> {
    let mut values = headers.get_all(name);
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().map_err(|_| Refusal::Field(name)),
        _ => Err(Refusal::Field(name)),
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.side {
            Side::Node { node, keys, .. } => write!(f, "Verifier(node {node}, {keys:?})"),
            Side::Control { .. } => f.write_str("Verifier(control)"),
        }
    }
}
