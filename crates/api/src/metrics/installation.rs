//! The figures of the whole installation: every process that is asked says the same.

use std::time::Duration;

use blazz_services::fleet::Figures;
use prometheus::{Gauge, IntGauge, IntGaugeVec, Opts, Registry};

/// The gauges.
pub(super) struct Installation {
    nodes: IntGaugeVec,
    heartbeat_age: Gauge,
    sessions: IntGaugeVec,
    jobs_due: IntGauge,
    jobs_late: Gauge,
    jobs_dead: IntGauge,
}

impl Installation {
    /// Registers them.
    pub(super) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let new = Self {
            nodes: IntGaugeVec::new(Opts::new("blazz_nodes", "Registered session nodes"), &["state"])?,
            heartbeat_age: Gauge::new(
                "blazz_node_silence_seconds",
                "Time since the most silent node was heard of, of those that do not count as lost",
            )?,
            sessions: IntGaugeVec::new(
                Opts::new("blazz_sessions", "Accounts of every workspace by the state of their session"),
                &["state"],
            )?,
            jobs_due: IntGauge::new("blazz_jobs_due", "Jobs that are due and that nobody has claimed")?,
            jobs_late: Gauge::new("blazz_jobs_late_seconds", "How long the oldest job has been due")?,
            jobs_dead: IntGauge::new("blazz_jobs_dead", "Jobs that have failed for good; kept for 30 days")?,
        };
        registry.register(Box::new(new.nodes.clone()))?;
        registry.register(Box::new(new.heartbeat_age.clone()))?;
        registry.register(Box::new(new.sessions.clone()))?;
        registry.register(Box::new(new.jobs_due.clone()))?;
        registry.register(Box::new(new.jobs_late.clone()))?;
        registry.register(Box::new(new.jobs_dead.clone()))?;
        Ok(new)
    }

    pub(super) fn show(&self, figures: &Figures) {
        let Figures { nodes, heartbeat_age, sessions, jobs_due, jobs_late, jobs_dead } = figures;
        for (state, count) in nodes {
            self.nodes.with_label_values(&[state.as_str()]).set(whole(*count));
        }
        for (state, count) in sessions {
            self.sessions.with_label_values(&[state.as_str()]).set(whole(*count));
        }
        self.heartbeat_age.set(Duration::as_secs_f64(heartbeat_age));
        self.jobs_due.set(whole(*jobs_due));
        self.jobs_late.set(Duration::as_secs_f64(jobs_late));
        self.jobs_dead.set(whole(*jobs_dead));
    }
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
