//! `PUT /phones/{phone}/history [{chat, from?, text, at, id?}, …]`: what the phone hands over to its next companions.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path};
use serde_json::json;

use crate::error::EmulatorError;
use crate::phone::{self, PastMessage};
use crate::server::Server;

pub(super) async fn handle(
    server: Data<Server>,
    phone: Path<String>,
    body: Json<Vec<PastMessage>>,
) -> Result<HttpResponse, EmulatorError> {
    let count = phone::put_history(&server.into_inner(), &phone, body.into_inner())?;
    Ok(HttpResponse::Ok().json(json!({ "messages": count })))
}
