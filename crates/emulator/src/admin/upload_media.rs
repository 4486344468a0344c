//! `POST /mms/{kind}/{hash}`: takes the ciphertext of a media file, as WhatsApp's upload hosts do.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload};
use actix_web::{Error, HttpResponse};
use serde_json::json;

use super::answer::problem;
use crate::media::LARGEST_UPLOAD;
use crate::server::Server;

pub(super) async fn handle(
    server: Data<Server>,
    path: Path<String>,
    body: Payload,
) -> Result<HttpResponse, Error> {
    let Ok(body) = body.to_bytes_limited(LARGEST_UPLOAD).await else {
        return Ok(problem(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "the upload is too large"));
    };
    let direct_path = format!("/v/{path}");
    if !server.media.put(&direct_path, body?) {
        return Ok(problem(StatusCode::INSUFFICIENT_STORAGE, "media_full", "the media store is full"));
    }
    let url = format!("https://{}{direct_path}", server.media_host);
    Ok(HttpResponse::Ok().json(json!({ "url": url, "direct_path": direct_path })))
}
