//! `GET /metrics`.

use std::time::Duration;

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use blazz_services::fleet;

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
    if let Ok(Ok(figures)) = tokio::time::timeout(PATIENCE, fleet::figures(&state.services)).await {
        state.metrics.show(&figures);
    }
    state.metrics.count_alone(state.services.bus.counted_alone());
    state.metrics.count_audit_lost(state.audit.lost());
    HttpResponse::Ok().content_type(Metrics::CONTENT_TYPE).body(state.metrics.render())
}
