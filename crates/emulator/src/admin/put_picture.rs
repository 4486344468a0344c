//! `PUT /phones/{phone}/picture`, the body a JPEG: the phone takes this picture.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{Error, HttpResponse};
use serde_json::json;

use super::answer::problem;
use crate::profile;
use crate::server::Server;

pub(super) async fn handle(
    server: Data<Server>,
    phone: Path<String>,
    body: Payload,
) -> Result<HttpResponse, Error> {
    let Ok(body) = body.to_bytes_limited(profile::LARGEST).await else {
        return Ok(problem(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "the picture is too large"));
    };
    let id = profile::put_picture(&server, &phone, body?.to_vec())?;
    Ok(HttpResponse::Ok().json(json!({ "id": id })))
}
