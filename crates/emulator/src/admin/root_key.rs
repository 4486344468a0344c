//! `GET /root-key`: the public key that vouches for the emulator's certificates, for clients that check the chain.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde_json::json;

use crate::script;
use crate::server::Server;

pub(super) async fn handle(server: Data<Server>) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "root_key": script::root_key(&server) }))
}
