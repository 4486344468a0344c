//! `/internal/v1/media`: files that came with messages, and files that messages are to carry.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path};
use blazz_domain::{ErrorCode, MediaId};
use blazz_media::MediaError;
use blazz_services::{ServiceError, media};
use blazz_wire::control_api::{MediaSlot, OfferMedia};
use blazz_wire::server::{CallLease, Caller, InternalError, SignedFile, SignedJson, file_response};

use super::refused;
use crate::state::AppState;

/// `POST`: a node has a file.
pub(crate) async fn offer(
    state: Data<AppState>,
    caller: Caller,
    CallLease(lease): CallLease,
    SignedJson(offer): SignedJson<OfferMedia>,
) -> Result<Json<MediaSlot>, InternalError> {
    media::offer(&state.services, &caller.node_id, &lease, &offer).await.map(Json).map_err(refused)
}

/// `PUT`: the bytes of it.
pub(crate) async fn put(
    state: Data<AppState>,
    caller: Caller,
    CallLease(lease): CallLease,
    id: Path<String>,
    mut file: SignedFile,
) -> Result<Json<MediaSlot>, InternalError> {
    let id = media_id(&id)?;
    let failed = |error: MediaError| refused(ServiceError::from(error));
    let mut arrival = media::begin(&state.services).await.map_err(refused)?;
    while let Some(piece) = file.next().await? {
        arrival.write(&piece).await.map_err(failed)?;
    }
    let arrived = arrival.finish().await.map_err(failed)?;
    media::put(&state.services, &caller.node_id, &lease, id, arrived).await.map(Json).map_err(refused)
}

/// `GET`: a file to send.
pub(crate) async fn fetch(
    state: Data<AppState>,
    caller: Caller,
    CallLease(lease): CallLease,
    id: Path<String>,
) -> Result<HttpResponse, InternalError> {
    let found =
        media::fetch(&state.services, &caller.node_id, &lease, media_id(&id)?).await.map_err(refused)?;
    let sha256 = blazz_wire::server::sha256_of_hex(&found.file.sha256);
    let sha256 =
        sha256.ok_or_else(|| InternalError::new(500, ErrorCode::Internal, "the file has no digest"))?;
    Ok(file_response(&sha256, found.file.size, found.bytes))
}

fn media_id(text: &str) -> Result<MediaId, InternalError> {
    let detail = "the path does not name a file by its id";
    text.parse().map_err(|_| InternalError::new(404, ErrorCode::MediaNotFound, detail))
}
