//! The figures of this process.

use blazz_domain::{AccountState, MediaOutcome, SendOutcome};
use blazz_telemetry::Metrics;
use prometheus::{Gauge, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts};

/// Counters and gauges, registered once.
#[derive(Debug)]
pub(crate) struct NodeMetrics {
    metrics: Metrics,
    sessions: IntGaugeVec,
    outbox_pending: IntGauge,
    heartbeat_age: Gauge,
    version_refused: IntGauge,
    sends: IntCounterVec,
    files: IntCounterVec,
    pub(crate) pump_batches: IntCounter,
    pub(crate) pump_failures: IntCounter,
    pub(crate) pump_refusals: IntCounter,
    pub(crate) pump_entries: IntCounter,
    pub(crate) crashes: IntCounter,
}

/// What is true just now, counted when somebody asks.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) states: Vec<AccountState>,
    pub(crate) outbox_pending: u64,
    pub(crate) heartbeat_age_seconds: f64,
    /// Whether WhatsApp refuses the version that sessions claim.
    pub(crate) version_refused: bool,
}

impl NodeMetrics {
    pub(crate) fn new() -> Result<Self, prometheus::Error> {
        let metrics = Metrics::new("session-node", env!("CARGO_PKG_VERSION"))?;
        let new = Self {
            sessions: IntGaugeVec::new(
                Opts::new("blazz_node_sessions", "Sessions by the state they are in"),
                &["state"],
            )?,
            outbox_pending: IntGauge::new(
                "blazz_node_outbox_pending",
                "Entries that wait for the API to take them",
            )?,
            heartbeat_age: Gauge::new(
                "blazz_node_heartbeat_age_seconds",
                "Time since the last acknowledged heartbeat was sent; -1 before the first",
            )?,
            version_refused: IntGauge::new(
                "blazz_node_client_version_refused",
                "1 while WhatsApp refuses the version that sessions claim as too old",
            )?,
            sends: IntCounterVec::new(
                Opts::new("blazz_node_sends_total", "Messages handed to sessions, by outcome"),
                &["outcome"],
            )?,
            files: IntCounterVec::new(
                Opts::new("blazz_node_files_total", "Files of received messages, by what became of them"),
                &["outcome"],
            )?,
            pump_batches: IntCounter::new("blazz_node_pump_batches_total", "Batches that the API took")?,
            pump_failures: IntCounter::new(
                "blazz_node_pump_failures_total",
                "Batches that the API did not take; each is tried again",
            )?,
            pump_refusals: IntCounter::new(
                "blazz_node_pump_refusals_total",
                "Batches that the API refused though it ought to take them; somebody should look",
            )?,
            pump_entries: IntCounter::new("blazz_node_pump_entries_total", "Entries that the API took")?,
            crashes: IntCounter::new(
                "blazz_node_session_crashes_total",
                "Sessions that ended by a fault of their own code",
            )?,
            metrics,
        };
        new.register()?;
        // What has not happened yet is 0, not missing: an alert on its growth would not see the first time.
        for outcome in ["acknowledged", "refused", "not_connected", "unacknowledged"] {
            new.sends.with_label_values(&[outcome]);
        }
        for outcome in ["stored", "failed", "tried_again"] {
            new.files.with_label_values(&[outcome]);
        }
        Ok(new)
    }

    fn register(&self) -> Result<(), prometheus::Error> {
        let registry = self.metrics.registry();
        registry.register(Box::new(self.sessions.clone()))?;
        registry.register(Box::new(self.outbox_pending.clone()))?;
        registry.register(Box::new(self.heartbeat_age.clone()))?;
        registry.register(Box::new(self.version_refused.clone()))?;
        registry.register(Box::new(self.sends.clone()))?;
        registry.register(Box::new(self.files.clone()))?;
        let pump = [&self.pump_batches, &self.pump_failures, &self.pump_refusals, &self.pump_entries];
        for counter in pump.into_iter().chain([&self.crashes]) {
            registry.register(Box::new(counter.clone()))?;
        }
        Ok(())
    }

    pub(crate) fn sent(&self, outcome: &SendOutcome) {
        let name = match outcome {
            SendOutcome::Acknowledged { .. } => "acknowledged",
            SendOutcome::Refused { .. } => "refused",
            SendOutcome::NotConnected => "not_connected",
            SendOutcome::Unacknowledged => "unacknowledged",
        };
        self.sends.with_label_values(&[name]).inc();
    }

    /// `None`: it is tried again.
    pub(crate) fn file(&self, outcome: Option<&MediaOutcome>) {
        let name = match outcome {
            Some(MediaOutcome::Stored { .. }) => "stored",
            Some(MediaOutcome::Failed { .. }) => "failed",
            None => "tried_again",
        };
        self.files.with_label_values(&[name]).inc();
    }

    pub(crate) fn render(&self, snapshot: &Snapshot) -> String {
        for state in AccountState::ALL {
            let count = snapshot.states.iter().filter(|other| **other == state).count();
            let gauge = self.sessions.with_label_values(&[state.as_str()]);
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        self.outbox_pending.set(i64::try_from(snapshot.outbox_pending).unwrap_or(i64::MAX));
        self.heartbeat_age.set(snapshot.heartbeat_age_seconds);
        self.version_refused.set(i64::from(snapshot.version_refused));
        self.metrics.render()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_and_sends_are_counted_by_name() {
        let metrics = NodeMetrics::new().unwrap();
        metrics.sent(&SendOutcome::NotConnected);
        metrics.file(None);
        let states = vec![AccountState::Connected, AccountState::Connected, AccountState::Qr];
        let text = metrics.render(&Snapshot {
            states,
            outbox_pending: 3,
            heartbeat_age_seconds: 0.5,
            version_refused: true,
        });
        for line in [
            "blazz_node_sessions{state=\"connected\"} 2",
            "blazz_node_sessions{state=\"qr\"} 1",
            "blazz_node_sessions{state=\"failed\"} 0",
            "blazz_node_outbox_pending 3",
            "blazz_node_heartbeat_age_seconds 0.5",
            "blazz_node_client_version_refused 1",
            "blazz_node_sends_total{outcome=\"not_connected\"} 1",
            "blazz_node_files_total{outcome=\"tried_again\"} 1",
        ] {
            assert!(text.lines().any(|other| other == line), "{line} is missing in\n{text}");
        }
    }
}
