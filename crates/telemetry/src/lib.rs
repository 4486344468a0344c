//! What every process needs around its work: logging, a metric registry, an orderly end, and what systemd hears of it.
//!
//! What may be logged, and how, is written in `docs/LOGGING.md`.

mod logging;
mod metrics;
mod shutdown;
pub mod systemd;

pub use logging::{LogFormat, UnknownLogFormat, init};
pub use metrics::Metrics;
pub use shutdown::Shutdown;
