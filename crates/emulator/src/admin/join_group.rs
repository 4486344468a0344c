//! `POST /phones/{phone}/join {code}`: a phone follows the invite link of a group.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path};
use serde::Deserialize;

use crate::error::EmulatorError;
use crate::groups;
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
    Ok(HttpResponse::Ok().json(groups::join(&server, &phone, &body.code)?))
}
