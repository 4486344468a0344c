//! The parts of a running node, and what the probes say of them.

use std::sync::Arc;
use std::time::Duration;

use blazz_domain::{NodeId, Timestamp};
use blazz_wire::control_api::Register;

use crate::context::Context;
use crate::metrics::Snapshot;
use crate::pulse::Pulse;
use crate::supervisor::Supervisor;

/// A running node.
pub(crate) struct Node {
    pub(crate) id: NodeId,
    pub(crate) context: Arc<Context>,
    pub(crate) supervisor: Supervisor,
    pub(crate) pulse: Pulse,
    pub(crate) capacity: u32,
    pub(crate) started_at: Timestamp,
}

impl Node {
    /// What the node says of itself when it registers.
    pub(crate) fn introduction(&self, url: &str) -> Register {
        Register {
            node_id: self.id.clone(),
            url: url.to_owned(),
            root_id: self.context.root.id(),
            capacity: self.capacity,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: self.started_at,
            sandbox: blazz_whatsapp::is_sandbox(),
        }
    }

    /// The metrics as they stand now.
    pub(crate) fn metrics(&self) -> String {
        let snapshot = Snapshot {
            states: self.supervisor.states(),
            outbox_pending: self.supervisor.outbox_pending(),
            version_refused: self.context.version.refused().is_some(),
            heartbeat_age_seconds: self.pulse.age().map_or(-1.0, |age: Duration| age.as_secs_f64()),
        };
        self.context.metrics.render(&snapshot)
    }
}
