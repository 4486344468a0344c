//! `POST /v1/media`.

use std::time::Duration;

use actix_web::dev;
use actix_web::http::header::{CONTENT_TYPE, LOCATION};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse, post};
use blazz_domain::{ErrorCode, MediaFile};
use blazz_media::Arrived;
use blazz_services::ServiceError;
use blazz_services::media::{self, NewFile};
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::examples;
use crate::http::{ApiError, Query, Tenant, drain, promise};
use crate::state::AppState;

/// How long the next piece of a file may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is not in the file itself.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct UploadParams {
    /// The file's name, as the recipient of a document sees it.
    #[param(max_length = 255)]
    filename: Option<String>,
}

/// The bytes of a file.
#[derive(Serialize, ToSchema)]
#[schema(value_type = String, format = Binary)]
pub(crate) struct FileBytes(Vec<u8>);

/// Upload a file.
///
/// The body is the file itself, and `Content-Type` says what it is; `application/octet-stream` leaves that to the file's first bytes. The same file again
/// is stored once and keeps its id. A file may have at most 100 MiB, unless the operator says otherwise.
#[utoipa::path(
    operation_id = "createMedia",
    tag = "media",
    security(("workspace_key" = ["media:write"])),
    params(UploadParams),
    request_body(content = FileBytes, content_type = "application/octet-stream", description = "The bytes of the file; of any type."),
    responses((status = 201, description = "The file.", headers(("Location" = String, description = "Where it is found.")),
        body = MediaFile, example = json!(examples::media()))),
)]
#[post("/v1/media")]
pub(crate) async fn create_media(
    state: Data<AppState>,
    Tenant(workspace_id): Tenant,
    params: Result<Query<UploadParams>, ApiError>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let mut payload = payload.into_inner();
    let received = match (params, mime_type(&request)) {
        (Ok(Query(params)), Ok(mime_type)) => {
            let new = NewFile { mime_type, filename: params.filename };
            receive(&state, &mut payload).await.map(|arrived| (arrived, new))
        }
        (Err(error), _) | (_, Err(error)) => Err(error),
    };
    let (arrived, new) = match received {
        Ok(received) => received,
        Err(error) => {
            drain(&mut payload).await;
            return Err(error);
        }
    };
    let work = |state: Data<AppState>| async move {
        media::create(&state.services, workspace_id, arrived, &new).await
    };
    let file = promise(state, work).await?;
    Ok(HttpResponse::Created().insert_header((LOCATION, format!("/v1/media/{}", file.id))).json(file))
}

fn mime_type(request: &HttpRequest) -> Result<Option<String>, ApiError> {
    let told = request.headers().get(CONTENT_TYPE).map(|value| value.to_str().map(str::to_owned)).transpose();
    told.map_err(|_| {
        ApiError::refused(ErrorCode::UnsupportedMediaType, "the Content-Type is not a MIME type")
    })
}

async fn receive(state: &AppState, payload: &mut dev::Payload) -> Result<Arrived, ApiError> {
    let broken = |detail: &str| ApiError::refused(ErrorCode::InvalidRequest, detail);
    let mut arrival = media::begin(&state.services).await?;
    loop {
        match tokio::time::timeout(PATIENCE, payload.next()).await {
            Err(_) => return Err(broken("the file did not arrive in time")),
            Ok(Some(Err(_))) => return Err(broken("the file broke off")),
            Ok(Some(Ok(piece))) => arrival.write(&piece).await.map_err(ServiceError::from)?,
            Ok(None) => return Ok(arrival.finish().await.map_err(ServiceError::from)?),
        }
    }
}
