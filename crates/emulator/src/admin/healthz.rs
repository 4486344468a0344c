//! `GET /healthz`: the emulator runs.

use actix_web::HttpResponse;
use serde_json::json;

pub(super) async fn handle() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok", "emulator": true }))
}
