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
        resident_bytes_in(&std::fs::read_to_string("/proc/self/status").ok()?)
    }
}

/// In KiB on every machine, whatever the size of its pages: proc_pid_status(5).
fn resident_bytes_in(status: &str) -> Option<u64> {
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = resident.trim().strip_suffix(" kB")?.parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_from_the_status() {
        let status = "Name:\tblazz\nVmHWM:\t   99999 kB\nVmRSS:\t   12345 kB\nThreads:\t4\n";
        assert_eq!(resident_bytes_in(status), Some(12_345 * 1024));
        assert_eq!(resident_bytes_in("Name:\tkthread\n"), None);
    }

    #[test]
    fn rendering_names_the_program_and_its_memory() {
        let metrics = Metrics::new("test", "1.2.3").unwrap();
        let text = metrics.render();
        assert!(text.contains("blazz_build_info{service=\"test\",version=\"1.2.3\"} 1"), "{text}");
        let resident = text.lines().find_map(|l| l.strip_prefix("blazz_process_resident_bytes ")).unwrap();
        assert!(resident.parse::<u64>().unwrap() > 100_000, "{resident}");
    }
}
