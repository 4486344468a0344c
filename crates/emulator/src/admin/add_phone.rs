//! `POST /phones {phone, name?}`: adds a phone; 201 when it is new, 200 when it was there.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json};
use serde::Deserialize;

use crate::error::EmulatorError;
use crate::script;
use crate::server::Server;

#[derive(Deserialize)]
pub(super) struct Body {
    phone: String,
    #[serde(default)]
    name: String,
}

pub(super) async fn handle(server: Data<Server>, body: Json<Body>) -> Result<HttpResponse, EmulatorError> {
    let (is_new, info) = script::add_phone(&server.into_inner(), &body.phone, &body.name)?;
    Ok(if is_new { HttpResponse::Created().json(info) } else { HttpResponse::Ok().json(info) })
}
