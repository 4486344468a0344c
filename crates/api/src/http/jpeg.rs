//! Bodies that are pictures.

use actix_web::dev::Payload;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use blazz_domain::ErrorCode;
use blazz_domain::profile::MAX_PICTURE_BYTES;
use futures_util::future::{FutureExt as _, LocalBoxFuture};

use super::ApiError;
use super::body::{drain, read_within};

/// The content type of a picture.
pub(crate) const JPEG: &str = "image/jpeg";

/// The bytes of a body that says it is a JPEG.
pub(crate) struct Jpeg(pub(crate) Bytes);

impl FromRequest for Jpeg {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let typed = matches!(request.mime_type(), Ok(Some(mime)) if mime.essence_str() == JPEG);
        let mut payload = payload.take();
        async move {
            if !typed {
                drain(&mut payload).await;
                let detail = "the body must be sent as image/jpeg";
                return Err(ApiError::refused(ErrorCode::UnsupportedMediaType, detail));
            }
            read_within(&mut payload, MAX_PICTURE_BYTES).await.map(Self)
        }
        .boxed_local()
    }
}
