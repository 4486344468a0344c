//! `GET /v/{kind}/{hash}`: hands an uploaded ciphertext out again.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};

use super::answer::problem;
use crate::server::Server;

pub(super) async fn handle(server: Data<Server>, path: Path<String>) -> HttpResponse {
    match server.media.get(&format!("/v/{path}")) {
        Some(blob) => HttpResponse::Ok().content_type("application/octet-stream").body(blob),
        None => problem(StatusCode::NOT_FOUND, "no_such_media", "nothing was uploaded there"),
    }
}
