//! The secrets of one fleet.

use blazz_domain::random;
use blazz_wire::keys::FleetSecret;

/// Fresh ones; nobody outside this machine's loopback meets them.
pub(super) struct Secrets {
    pub(super) operator_key: String,
    pub(super) fleet: FleetSecret,
    /// What the sessions of every node are sealed with, in hex.
    pub(super) storage_key: String,
}

impl Secrets {
    pub(super) fn make() -> Self {
        Self {
            operator_key: format!("blzop_{}", hex::encode(random::bytes::<32>())),
            fleet: FleetSecret::generate(),
            storage_key: hex::encode(random::bytes::<32>()),
        }
    }
}
