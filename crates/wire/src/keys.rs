//! The keys of the hop: one secret for the fleet, from it one per node, from that one per direction.
//!
//! Each step is HKDF-SHA256 (RFC 5869) and cannot be turned back, so a stolen node secret speaks for that node alone, and a
//! request can never be reflected as if its receiver had made it. Both ends accept two generations. To rotate without a gap: nodes
//! get the new secret as their *previous* one, then the API takes the new as current and the old as previous, then the nodes do,
//! then the old one is dropped.

use std::fmt;
use std::sync::Arc;

use blazz_domain::{NodeId, random};
use hkdf::Hkdf;
use sha2::Sha256;

use crate::signature::SigningKey;

/// The fewest bytes a fleet secret may have.
pub const MIN_SECRET_BYTES: usize = 32;
/// The most bytes a secret may have.
const MAX_SECRET_BYTES: usize = 1024;

/// Why a text is not a secret. Says nothing of the text itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It holds something else than pairs of hex digits.
    #[error("a secret is written in hex digits, two per byte")]
    NotHex,
    /// It could be guessed.
    #[error("a secret has at least 32 bytes (64 hex digits)")]
    TooShort,
    /// It is no secret but a mistake.
    #[error("a secret has at most 1024 bytes")]
    TooLong,
}

/// The secret that every key of the fleet comes from. Only the API and the operator have it.
#[derive(Clone)]
pub struct FleetSecret(Vec<u8>);

/// The secret of one node, from which it makes its keys.
#[derive(Clone)]
pub struct NodeSecret([u8; 32]);

/// Both keys between the API and one node, of one generation. Cheap to clone.
#[derive(Clone)]
pub struct NodeKeys {
    node_id: NodeId,
    pair: Arc<KeyPair>,
}

struct KeyPair {
    api_to_node: SigningKey,
    node_to_api: SigningKey,
}

impl FleetSecret {
    /// Reads it from hex digits.
    ///
    /// # Errors
    /// When it is not hex, or shorter than 32 bytes.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        parse_hex(text).map(Self)
    }

    /// A fresh one.
    #[must_use]
    pub fn generate() -> Self {
        Self(random::bytes::<32>().to_vec())
    }

    /// Its hex digits, for the one place where the operator keeps it.
    #[must_use]
    pub fn to_hex(&self) -> String {
        hex::encode(&self.0)
    }

    /// The secret of one node.
    #[must_use]
    pub fn node_secret(&self, node_id: &NodeId) -> NodeSecret {
        NodeSecret(derive(&self.0, &["blazz node secret v1 ", node_id.as_str()]))
    }
}

impl NodeSecret {
    /// Reads it from hex digits.
    ///
    /// # Errors
    /// When it is not hex, or not 32 bytes.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        parse_hex(text)?.try_into().map(Self).map_err(|_| KeyError::TooLong)
    }

    /// Its hex digits, as the node's configuration takes them.
    #[must_use]
    pub fn to_hex(&self) -> String {
        hex::encode(self.0)
    }

    /// The keys of this generation.
    #[must_use]
    pub fn keys(&self, node_id: &NodeId) -> NodeKeys {
        let pair = KeyPair {
            api_to_node: direction_key(&self.0, node_id, "api-to-node"),
            node_to_api: direction_key(&self.0, node_id, "node-to-api"),
        };
        NodeKeys { node_id: node_id.clone(), pair: Arc::new(pair) }
    }
}

impl NodeKeys {
    /// Whose keys they are.
    #[must_use]
    pub fn node_id(&self) -> &NodeId {
        &self.node_id
    }

    /// The key that everything the API says to the node is signed with: its requests and its answers.
    pub(crate) fn api_to_node(&self) -> &SigningKey {
        &self.pair.api_to_node
    }

    /// The key that everything the node says to the API is signed with: its requests and its answers.
    pub(crate) fn node_to_api(&self) -> &SigningKey {
        &self.pair.node_to_api
    }
}

fn direction_key(secret: &[u8], node_id: &NodeId, direction: &str) -> SigningKey {
    let id = node_id.as_str();
    let key: [u8; 32] = derive(secret, &["blazz hop key v1 ", direction, " ", id]);
    let fingerprint: [u8; 4] = derive(&key, &["blazz key id v1"]);
    SigningKey::new(format!("{id}/{direction}/{}", hex::encode(fingerprint)), &key)
}

/// HKDF-SHA256 without salt; `info` is the parts joined.
#[expect(clippy::expect_used, reason = "HKDF-SHA256 gives up to 8,160 bytes; N is at most 32")]
fn derive<const N: usize>(secret: &[u8], info: &[&str]) -> [u8; N] {
    let mut out = [0; N];
    Hkdf::<Sha256>::new(None, secret)
        .expand(info.concat().as_bytes(), &mut out)
        .expect("HKDF-SHA256 gives N bytes");
    out
}

fn parse_hex(text: &str) -> Result<Vec<u8>, KeyError> {
    if text.len() > 2 * MAX_SECRET_BYTES {
        return Err(KeyError::TooLong);
    }
    let bytes = hex::decode(text.trim()).map_err(|_| KeyError::NotHex)?;
    if bytes.len() < MIN_SECRET_BYTES { Err(KeyError::TooShort) } else { Ok(bytes) }
}

impl fmt::Debug for FleetSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FleetSecret(hidden)")
    }
}

impl fmt::Debug for NodeSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NodeSecret(hidden)")
    }
}

impl fmt::Debug for NodeKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeKeys({}, {})", self.pair.api_to_node.id(), self.pair.node_to_api.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(id: &str) -> NodeId {
        id.parse().unwrap()
    }

    #[test]
    fn secrets_survive_their_text_and_weak_ones_are_refused() {
        let fleet = FleetSecret::generate();
        let again = FleetSecret::parse(&fleet.to_hex()).unwrap();
        assert_eq!(fleet.to_hex(), again.to_hex());
        let secret = fleet.node_secret(&node("a"));
        assert_eq!(NodeSecret::parse(&secret.to_hex()).unwrap().to_hex(), secret.to_hex());

        assert_eq!(FleetSecret::parse("zz").unwrap_err(), KeyError::NotHex);
        assert_eq!(FleetSecret::parse(&"ab".repeat(31)).unwrap_err(), KeyError::TooShort);
        assert_eq!(FleetSecret::parse(&"ab".repeat(2000)).unwrap_err(), KeyError::TooLong);
        assert_eq!(NodeSecret::parse(&"ab".repeat(33)).unwrap_err(), KeyError::TooLong);
    }

    #[test]
    fn every_node_direction_and_generation_has_its_own_key() {
        let (fleet, next) = (FleetSecret::generate(), FleetSecret::generate());
        let mut ids = std::collections::HashSet::new();
        for secret in [&fleet, &next] {
            for name in ["a", "b"] {
                let keys = secret.node_secret(&node(name)).keys(&node(name));
                for key in [keys.api_to_node(), keys.node_to_api()] {
                    assert!(ids.insert(key.id().to_owned()), "{} twice", key.id());
                }
            }
        }
        let again = fleet.node_secret(&node("a")).keys(&node("a"));
        assert!(ids.contains(again.api_to_node().id()), "derivation is stable");
    }

    #[test]
    fn debug_shows_no_secret() {
        let fleet = FleetSecret::generate();
        let secret = fleet.node_secret(&node("a"));
        let shown = format!("{fleet:?} {secret:?} {:?}", secret.keys(&node("a")));
        assert!(!shown.contains(&fleet.to_hex()) && !shown.contains(&secret.to_hex()));
    }
}
