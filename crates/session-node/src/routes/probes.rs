//! `/healthz`, `/readyz` and `/metrics`.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use blazz_telemetry::Metrics;
use serde_json::json;

use crate::node::Node;

/// The process is alive, and this is what it is.
pub(super) async fn healthz(node: web::Data<Node>) -> HttpResponse {
    HttpResponse::Ok().json(json!({
        "status": "ok",
        "service": "session-node",
        "version": env!("CARGO_PKG_VERSION"),
        "node_id": node.id,
        "sandbox": blazz_whatsapp::is_sandbox(),
    }))
}

/// The API knows the node, and has heard of it lately.
pub(super) async fn readyz(node: web::Data<Node>) -> HttpResponse {
    let is_registered = node.context.incarnation.get().is_some();
    let is_ready = is_registered && node.pulse.is_alive();
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    HttpResponse::build(status).json(json!({
        "ready": is_ready,
        "registered": is_registered,
        "heartbeat_age_ms": node.pulse.age().map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX)),
    }))
}

pub(super) async fn metrics(node: web::Data<Node>) -> HttpResponse {
    HttpResponse::Ok().content_type(Metrics::CONTENT_TYPE).body(node.metrics())
}
