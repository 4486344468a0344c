//! What the process counts. Labels are route templates, methods, status classes and names of kinds; never a tenant's.

mod installation;

use std::time::Duration;

use actix_web::http::StatusCode;
use blazz_services::fleet::Figures;
use blazz_services::inbox;
use prometheus::{HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts};

use self::installation::Installation;

/// The process's metrics.
pub(crate) struct Metrics {
    all: blazz_telemetry::Metrics,
    requests: IntCounterVec,
    seconds: HistogramVec,
    ingested: IntCounter,
    batches: IntCounterVec,
    rejected: IntGauge,
    installation: Installation,
    version_fetches: IntCounterVec,
    rate_limited: IntCounterVec,
    counts_alone: IntGauge,
    counted_alone: IntGauge,
    audit_lost: IntGauge,
}

impl Metrics {
    /// The content type of [`Metrics::render`].
    pub(crate) const CONTENT_TYPE: &'static str = blazz_telemetry::Metrics::CONTENT_TYPE;

    /// Registers everything.
    ///
    /// # Errors
    /// When a name is taken.
    pub(crate) fn new(service: &str) -> Result<Self, prometheus::Error> {
        let all = blazz_telemetry::Metrics::new(service, env!("CARGO_PKG_VERSION"))?;
        let requests = IntCounterVec::new(
            Opts::new("blazz_http_requests_total", "Requests answered"),
            &["method", "route", "status"],
        )?;
        let seconds = HistogramVec::new(
            HistogramOpts::new("blazz_http_request_seconds", "Time from a request's head to its answer's")
                .buckets(vec![
                    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
                ]),
            &["method", "route"],
        )?;
        let ingested = IntCounter::new("blazz_ingest_entries_total", "Outbox entries acknowledged to nodes")?;
        let batches = IntCounterVec::new(
            Opts::new("blazz_ingest_batches_total", "Batches of outbox entries that nodes delivered"),
            &["outcome"],
        )?;
        let rejected = IntGauge::new(
            "blazz_ingest_rejected_entries",
            "Outbox entries that this process could not take in",
        )?;
        let version_fetches = IntCounterVec::new(
            Opts::new(
                "blazz_client_version_fetches_total",
                "Fetches of WhatsApp Web's version by this process",
            ),
            &["outcome"],
        )?;
        let registry = all.registry();
        registry.register(Box::new(version_fetches.clone()))?;
        let rate_limited = IntCounterVec::new(
            Opts::new("blazz_rate_limited_total", "Requests refused because a quota was used up"),
            &["policy"],
        )?;
        let counts_alone = IntGauge::new(
            "blazz_rate_limit_alone",
            "1 while this process counts requests alone because Redis is away",
        )?;
        let counted_alone =
            IntGauge::new("blazz_rate_limit_alone_requests", "Requests that this process has counted alone")?;
        let audit_lost =
            IntGauge::new("blazz_audit_lost_entries", "Audit entries that this process could not write")?;
        registry.register(Box::new(rate_limited.clone()))?;
        registry.register(Box::new(counts_alone.clone()))?;
        registry.register(Box::new(counted_alone.clone()))?;
        registry.register(Box::new(audit_lost.clone()))?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        registry.register(Box::new(ingested.clone()))?;
        registry.register(Box::new(batches.clone()))?;
        registry.register(Box::new(rejected.clone()))?;
        let installation = Installation::new(registry)?;
        // What has not happened yet is 0, not missing: an alert on its growth would not see the first time.
        for outcome in ["acknowledged", "refused"] {
            batches.with_label_values(&[outcome]);
        }
        for outcome in ["fetched", "failed"] {
            version_fetches.with_label_values(&[outcome]);
        }
        for policy in ["default", "key", "address"] {
            rate_limited.with_label_values(&[policy]);
        }
        Ok(Self {
            all,
            requests,
            seconds,
            ingested,
            batches,
            rejected,
            installation,
            version_fetches,
            rate_limited,
            counts_alone,
            counted_alone,
            audit_lost,
        })
    }

    /// A request was answered.
    pub(crate) fn answered(&self, method: &str, route: &str, status: StatusCode, after: Duration) {
        self.requests.with_label_values(&[method, route, class(status)]).inc();
        self.seconds.with_label_values(&[method, route]).observe(after.as_secs_f64());
    }

    /// A node delivered `entries` outbox entries, and they are stored or were before.
    pub(crate) fn ingested(&self, entries: usize) {
        self.batches.with_label_values(&["acknowledged"]).inc();
        self.ingested.inc_by(u64::try_from(entries).unwrap_or(u64::MAX));
    }

    /// A batch was refused: the node keeps it.
    pub(crate) fn ingest_refused(&self) {
        self.batches.with_label_values(&["refused"]).inc();
    }

    /// This process has asked for WhatsApp Web's version.
    pub(crate) fn fetched_version(&self, outcome: &str) {
        self.version_fetches.with_label_values(&[outcome]).inc();
    }

    /// A request was refused because a quota was used up: `default`, `key`, or `address`.
    pub(crate) fn rate_limited(&self, policy: &str) {
        self.rate_limited.with_label_values(&[policy]).inc();
    }

    /// Whether requests are counted by this process alone just now, and how many were.
    pub(crate) fn count_alone(&self, (is_alone, requests): (bool, u64)) {
        self.counts_alone.set(i64::from(is_alone));
        self.counted_alone.set(i64::try_from(requests).unwrap_or(i64::MAX));
    }

    /// How many entries of the audit log are lost.
    pub(crate) fn count_audit_lost(&self, entries: u64) {
        self.audit_lost.set(i64::try_from(entries).unwrap_or(i64::MAX));
    }

    /// What is true of the whole installation. While the database is away the last ones stand.
    pub(crate) fn show(&self, figures: &Figures) {
        self.installation.show(figures);
    }

    /// Everything, in Prometheus's text format.
    pub(crate) fn render(&self) -> String {
        self.rejected.set(i64::try_from(inbox::rejected_entries()).unwrap_or(i64::MAX));
        self.all.render()
    }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_route_and_class() {
        let metrics = Metrics::new("blazz-api").unwrap();
        metrics.answered("GET", "/v1/accounts", StatusCode::OK, Duration::from_millis(3));
        metrics.answered("GET", "/v1/accounts", StatusCode::NO_CONTENT, Duration::from_millis(3));
        metrics.ingested(5);
        let text = metrics.render();
        for line in [
            "blazz_http_requests_total{method=\"GET\",route=\"/v1/accounts\",status=\"2xx\"} 2",
            "blazz_http_request_seconds_count{method=\"GET\",route=\"/v1/accounts\"} 2",
            "blazz_ingest_entries_total 5",
        ] {
            assert!(text.contains(line), "{text}");
        }
    }
}
