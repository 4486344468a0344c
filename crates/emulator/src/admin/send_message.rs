//! `POST /phones/{phone}/messages {to, text | reaction | image | video | audio | document | sticker, …}`: the phone sends a message.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path};
use serde::Deserialize;
use serde_json::json;

use crate::compose::{self, Content};
use crate::error::EmulatorError;
use crate::server::Server;

#[derive(Deserialize)]
pub(super) struct Body {
    to: String,
    id: Option<String>,
    #[serde(flatten)]
    content: Content,
}

pub(super) async fn handle(
    server: Data<Server>,
    phone: Path<String>,
    body: Json<Body>,
) -> Result<HttpResponse, EmulatorError> {
    let Body { to, id, content } = body.into_inner();
    let id = compose::send(&server.into_inner(), &phone, &to, content, id).await?;
    Ok(HttpResponse::Created().json(json!({ "id": id })))
}
