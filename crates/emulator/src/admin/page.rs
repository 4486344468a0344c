//! `GET /sw.js`: the page of WhatsApp Web that names its version.

use actix_web::HttpResponse;
use actix_web::web::Data;

use crate::server::Server;
use crate::version;

pub(super) async fn handle(server: Data<Server>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/javascript").body(version::page(&server))
}
