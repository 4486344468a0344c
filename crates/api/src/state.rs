//! What every request can reach.

use blazz_services::Services;
use blazz_telemetry::Shutdown;
use tokio::runtime::Handle;

use crate::http::{OperatorKey, RouteTable};
use crate::metrics::Metrics;

/// Shared by every worker.
pub(crate) struct AppState {
    /// The use cases.
    pub(crate) services: Services,
    /// Who the operator is.
    pub(crate) operator: OperatorKey,
    /// The routes, as documented.
    pub(crate) routes: RouteTable,
    /// The OpenAPI document, as it is served.
    pub(crate) document: String,
    /// What this process counts.
    pub(crate) metrics: Metrics,
    /// The process's own runtime, which outlives every connection.
    pub(crate) runtime: Handle,
    /// The end of the process.
    pub(crate) shutdown: Shutdown,
}
