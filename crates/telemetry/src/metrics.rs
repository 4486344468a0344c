//! The metric registry of a process.

use prometheus::{Encoder as _, IntGauge, Opts, Registry, TextEncoder};

/// The metrics of this process, in Prometheus's text format. Never labelled by tenant, chat or number.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    memory: IntGauge,
}

impl Metrics {
    /// The content type of [`Metrics::render`].
    pub const CONTENT_TYPE: &'static str = prometheus::TEXT_FORMAT;

    /// A registry that knows which program it belongs to.
    ///
    /// # Errors
    /// When `service` or `version` cannot be a label value.
    pub fn new(service: &str, version: &str) -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let build = IntGauge::with_opts(
            Opts::new("blazz_build_info", "Always 1; the labels name the program")
                .const_label("service", service)
                .const_label("version", version),
        )?;
        build.set(1);
        let memory = IntGauge::new("blazz_process_resident_bytes", "Resident memory of the process")?;
        registry.register(Box::new(build))?;
        registry.register(Box::new(memory.clone()))?;
        Ok(Self { registry, memory })
    }

    /// Where to register counters, gauges and histograms.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Every metric as it stands now.
    #[must_use]
    pub fn render(&self) -> String {
        if let Some(bytes) = Self::resident_bytes() {
            self.memory.set(i64::try_from(bytes).unwrap_or(i64::MAX));
        }
        let mut out = Vec::new();
        match TextEncoder::new().encode(&self.registry.gather(), &mut out) {
            Ok(()) => String::from_utf8(out).unwrap_or_default(),
            Err(error) => {
                tracing::error!(%error, "cannot write the metrics");
                String::new()
            }
        }
    }

    /// Resident memory of this process in bytes; `None` where `/proc` does not tell.
    #[must_use]
    pub fn resident_bytes() -> Option<u64> {
        const PAGE: u64 = 4096;
        // The second field counts pages: proc_pid_statm(5).
        let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
        let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
        Some(pages * PAGE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rendering_names_the_program_and_its_memory() {
        let metrics = Metrics::new("test", "1.2.3").unwrap();
        let text = metrics.render();
        assert!(text.contains("blazz_build_info{service=\"test\",version=\"1.2.3\"} 1"), "{text}");
        let resident = text.lines().find_map(|l| l.strip_prefix("blazz_process_resident_bytes ")).unwrap();
        assert!(resident.parse::<u64>().unwrap() > 100_000, "{resident}");
    }
}
