//! `DELETE /faults`: turns every fault off.

use actix_web::HttpResponse;
use actix_web::web::Data;

use crate::server::Server;

pub(super) async fn handle(server: Data<Server>) -> HttpResponse {
    server.faults.clear();
    HttpResponse::NoContent().finish()
}
