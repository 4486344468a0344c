//! `GET /stats`: what happened so far.

use actix_web::HttpResponse;
use actix_web::web::Data;

use crate::server::Server;

pub(super) async fn handle(server: Data<Server>) -> HttpResponse {
    HttpResponse::Ok().json(server.stats.snapshot())
}
