//! `GET /phones`: every phone.

use actix_web::HttpResponse;
use actix_web::web::Data;

use crate::script;
use crate::server::Server;

pub(super) async fn handle(server: Data<Server>) -> HttpResponse {
    HttpResponse::Ok().json(script::phones(&server))
}
