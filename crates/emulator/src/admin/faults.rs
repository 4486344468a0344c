//! `GET /faults`: the faults that are on.

use actix_web::HttpResponse;
use actix_web::web::Data;

use crate::server::Server;

pub(super) async fn handle(server: Data<Server>) -> HttpResponse {
    HttpResponse::Ok().json(server.faults.list())
}
