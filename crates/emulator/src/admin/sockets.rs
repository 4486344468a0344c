//! `GET /sockets`: every socket of a companion, and what came on one after a newer one had logged in.

use actix_web::HttpResponse;
use actix_web::web::Data;

use crate::server::Server;

pub(super) async fn handle(server: Data<Server>) -> HttpResponse {
    HttpResponse::Ok().json(server.sockets.snapshot())
}
