//! `GET /version`: what `/sw.js` says, and which clients are refused.

use actix_web::HttpResponse;
use actix_web::web::Data;

use crate::server::Server;

pub(super) async fn handle(server: Data<Server>) -> HttpResponse {
    HttpResponse::Ok().json(server.versions.info())
}
