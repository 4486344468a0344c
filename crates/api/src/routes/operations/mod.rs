//! For those who run the process: the document, its health, its metrics.

mod healthz;
mod metrics;
mod openapi;
mod readyz;

pub(crate) use healthz::get_health;
pub(crate) use metrics::get_metrics;
pub(crate) use openapi::get_openapi;
pub(crate) use readyz::get_readiness;
