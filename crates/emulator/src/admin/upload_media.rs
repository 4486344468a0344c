//! `POST /mms/{kind}/{token}`: takes the ciphertext of a media file, as WhatsApp's upload hosts do.
//!
//! The token is the ciphertext's SHA-256, base64url; with `?resume=1` a client asks whether the file is there already.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path, Payload, Query};
use actix_web::{Error, HttpResponse};
use serde::Deserialize;
use serde_json::json;

use super::answer::{problem, refusal};
use crate::media::{self, LARGEST_UPLOAD};
use crate::server::Server;

#[derive(Deserialize)]
pub(super) struct Parameters {
    resume: Option<String>,
}

pub(super) async fn handle(
    server: Data<Server>,
    path: Path<String>,
    parameters: Query<Parameters>,
    body: Payload,
) -> Result<HttpResponse, Error> {
    if let Some(status) = server.faults.refused_upload() {
        return Ok(refusal(status));
    }
    let direct_path = format!("/v/{path}");
    let url = server.media_url(&direct_path);
    if parameters.resume.is_some() {
        return Ok(HttpResponse::Ok().json(match server.media.get(&direct_path) {
            Some(_) => json!({ "resume": "complete", "url": url, "direct_path": direct_path }),
            None => json!({ "resume": "0" }),
        }));
    }
    let Ok(body) = body.to_bytes_limited(LARGEST_UPLOAD).await else {
        return Ok(problem(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "the upload is too large"));
    };
    let body = body?;
    let token = path.rsplit('/').next().unwrap_or_default();
    if !media::is_token_of(token, &body) {
        let detail = "the path does not end in the SHA-256 of what was uploaded (base64url)";
        return Ok(problem(StatusCode::BAD_REQUEST, "bad_upload", detail));
    }
    if !server.media.put(&direct_path, body) {
        return Ok(problem(StatusCode::INSUFFICIENT_STORAGE, "media_full", "the media store is full"));
    }
    Ok(HttpResponse::Ok().json(json!({ "url": url, "direct_path": direct_path })))
}
