//! What every request can reach.

use blazz_bus::Quota;
use blazz_services::Services;
use blazz_services::audit::Audit;
use blazz_telemetry::Shutdown;
use ipnet::IpNet;
use tokio::runtime::Handle;

use crate::http::{Guesses, OperatorKey, RouteTable};
use crate::metrics::Metrics;

/// Shared by every worker.
pub(crate) struct AppState {
    /// The use cases.
    pub(crate) services: Services,
    /// Who the operator is.
    pub(crate) operator: OperatorKey,
    /// Who comes with bad keys.
    pub(crate) guesses: Guesses,
    /// The proxies that are believed.
    pub(crate) proxies: Vec<IpNet>,
    /// How much a workspace may call; none when that is not counted.
    pub(crate) requests_per_minute: Option<Quota>,
    /// Who does what.
    pub(crate) audit: Audit,
    /// The routes, as documented.
    pub(crate) routes: RouteTable,
    /// The OpenAPI document, as it is served.
    pub(crate) document: String,
    /// Which program this is, as its health and its metrics say.
    pub(crate) service: &'static str,
    /// What this process counts.
    pub(crate) metrics: Metrics,
    /// The process's own runtime, which outlives every connection.
    pub(crate) runtime: Handle,
    /// The end of the process.
    pub(crate) shutdown: Shutdown,
}
