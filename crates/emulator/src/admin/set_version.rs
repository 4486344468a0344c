//! `PUT /version`: changes what `/sw.js` says, or which clients are refused.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json};

use crate::server::Server;
use crate::version::VersionChange;

pub(super) async fn handle(server: Data<Server>, change: Json<VersionChange>) -> HttpResponse {
    HttpResponse::Ok().json(server.versions.change(*change))
}
