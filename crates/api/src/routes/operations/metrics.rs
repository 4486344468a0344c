//! `GET /metrics`.

use std::time::Duration;

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use blazz_services::fleet::{self, NodeState};

use crate::metrics::Metrics;
use crate::state::AppState;

/// A scrape must not hang on a database that is away.
const PATIENCE: Duration = Duration::from_secs(2);

/// Get the process's metrics, in Prometheus's text format.
#[utoipa::path(
    operation_id = "getMetrics",
    tag = "operations",
    security(()),
    responses((status = 200, description = "The metrics.", body = String, content_type = "text/plain")),
)]
#[get("/metrics")]
pub(crate) async fn get_metrics(state: Data<AppState>) -> HttpResponse {
    if let Ok(Ok(nodes)) = tokio::time::timeout(PATIENCE, fleet::nodes(&state.services)).await {
        let ready = nodes.iter().filter(|node| node.state == NodeState::Ready).count();
        state.metrics.count_nodes(ready, nodes.len() - ready);
    }
    state.metrics.count_alone(state.services.bus.counted_alone());
    state.metrics.count_audit_lost(state.audit.lost());
    HttpResponse::Ok().content_type(Metrics::CONTENT_TYPE).body(state.metrics.render())
}
