//! `GET /v/{kind}/{hash}`: hands an uploaded ciphertext out again.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};

use super::answer::{problem, refusal};
use crate::server::Server;

pub(super) async fn handle(server: Data<Server>, path: Path<String>) -> HttpResponse {
    if let Some(delay) = server.faults.download_delay() {
        tokio::time::sleep(delay).await;
    }
    if let Some(status) = server.faults.refused_download() {
        return refusal(status);
    }
    match server.media.get(&format!("/v/{path}")) {
        Some(blob) => HttpResponse::Ok().content_type("application/octet-stream").body(blob),
        None => problem(StatusCode::NOT_FOUND, "no_such_media", "nothing was uploaded there"),
    }
}
