//! `POST /phones/{phone}/messages {to, text, id?}`: the phone sends a text.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path};
use serde::Deserialize;
use serde_json::json;

use crate::error::EmulatorError;
use crate::script;
use crate::server::Server;

#[derive(Deserialize)]
pub(super) struct Body {
    to: String,
    text: String,
    id: Option<String>,
}

pub(super) async fn handle(
    server: Data<Server>,
    phone: Path<String>,
    body: Json<Body>,
) -> Result<HttpResponse, EmulatorError> {
    let Body { to, text, id } = body.into_inner();
    let id = script::send_text(&server.into_inner(), &phone, &to, &text, id).await?;
    Ok(HttpResponse::Created().json(json!({ "id": id })))
}
