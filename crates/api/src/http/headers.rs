//! What requests carry in headers: their id, and the idempotency key.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use blazz_domain::ErrorCode;
use blazz_wire::request_id::RequestId;

use super::ApiError;

/// The id that [`super::observe`] gave the request, to be carried on.
pub(crate) struct Traced(pub(crate) RequestId);

impl FromRequest for Traced {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.extensions().get::<RequestId>().cloned();
        ready(Ok(Self(id.unwrap_or_else(RequestId::generate))))
    }
}

/// The `Idempotency-Key` header, where there is one: 1–255 printable ASCII characters.
pub(crate) struct IdempotencyKey(pub(crate) Option<String>);

impl FromRequest for IdempotencyKey {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut values = request.headers().get_all("idempotency-key");
        ready(match (values.next(), values.next()) {
            (None, _) => Ok(Self(None)),
            (Some(value), None) => value
                .to_str()
                .ok()
                .filter(|key| is_good(key))
                .map(|key| Self(Some(key.to_owned())))
                .ok_or_else(|| refused("it must be 1 to 255 printable ASCII characters")),
            _ => Err(refused("it is given more than once")),
        })
    }
}

fn is_good(key: &str) -> bool {
    (1..=255).contains(&key.len()) && key.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

fn refused(detail: &str) -> ApiError {
    ApiError::refused(ErrorCode::InvalidIdempotencyKey, format!("the Idempotency-Key header: {detail}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_short_and_printable() {
        assert!(is_good("order-42 a") && is_good(&"k".repeat(255)));
        assert!(!is_good("") && !is_good(&"k".repeat(256)) && !is_good("a\tb") && !is_good("ü"));
    }
}
