//! `GET /groups`: every group.

use actix_web::HttpResponse;
use actix_web::web::Data;

use crate::groups;
use crate::server::Server;

pub(super) async fn handle(server: Data<Server>) -> HttpResponse {
    HttpResponse::Ok().json(groups::list(&server))
}
