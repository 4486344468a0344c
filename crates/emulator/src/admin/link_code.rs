//! `POST /phones/{phone}/link-code {code}`: the phone types the code that a companion shows.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path};
use serde::Deserialize;
use serde_json::json;

use crate::error::EmulatorError;
use crate::script;
use crate::server::Server;

#[derive(Deserialize)]
pub(super) struct Body {
    code: String,
}

pub(super) async fn handle(
    server: Data<Server>,
    phone: Path<String>,
    body: Json<Body>,
) -> Result<HttpResponse, EmulatorError> {
    let device = script::enter_code(&server.into_inner(), &phone, &body.code).await?;
    Ok(HttpResponse::Ok().json(json!({ "device": device })))
}
