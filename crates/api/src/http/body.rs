//! JSON bodies: a limit, a time-out, and an error that names what is wrong.

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::web::{Bytes, BytesMut};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use blazz_domain::ErrorCode;
use futures_util::StreamExt as _;
use futures_util::future::{FutureExt as _, LocalBoxFuture};
use serde::de::DeserializeOwned;

use super::ApiError;

/// The most bytes of a body: a message of the greatest length, every byte of it escaped, fits well.
pub(crate) const MAX_BODY_BYTES: usize = 1024 * 1024;
/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);
/// How much of a body that is too large is read all the same, so that its sender gets to read the answer.
const MAX_DRAINED_BYTES: usize = 64 * 1024 * 1024;
const DRAIN_PATIENCE: Duration = Duration::from_secs(10);

/// A JSON object of the shape `T`.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let typed = is_json(request);
        let mut payload = payload.take();
        async move {
            if !typed {
                drain(&mut payload).await;
                return Err(ApiError::refused(
                    ErrorCode::UnsupportedMediaType,
                    "the body must be sent as application/json",
                ));
            }
            parse(&read_within(&mut payload, MAX_BODY_BYTES).await?).map(Self)
        }
        .boxed_local()
    }
}

/// The refusal of a body beyond its route's limit.
pub(crate) fn too_large(limit: u64) -> ApiError {
    let detail = format!("the body may have at most {limit} bytes");
    ApiError::refused(ErrorCode::BodyTooLarge, detail)
}

/// A whole body of at most `limit` bytes.
///
/// # Errors
/// When it is longer, breaks off or does not arrive in time.
pub(crate) async fn read_within(payload: &mut Payload, limit: usize) -> Result<Bytes, ApiError> {
    let reading = tokio::time::timeout(PATIENCE, read(payload, limit));
    reading.await.unwrap_or_else(|_| Err(invalid("the body did not arrive in time")))
}

/// Reads what is left of a body that is refused. Answering and hanging up at once would reset the connection under a client that is still
/// sending, and the answer would be lost.
pub(crate) async fn drain(payload: &mut Payload) {
    let read = async {
        let mut seen = 0;
        while let Some(Ok(chunk)) = payload.next().await {
            seen += chunk.len();
            if seen > MAX_DRAINED_BYTES {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(DRAIN_PATIENCE, read).await;
}

fn is_json(request: &HttpRequest) -> bool {
    matches!(request.mime_type(), Ok(Some(mime)) if mime.essence_str() == "application/json")
}

async fn read(payload: &mut Payload, limit: usize) -> Result<Bytes, ApiError> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| invalid("the body broke off"))?;
        if bytes.len() + chunk.len() > limit {
            drain(payload).await;
            return Err(too_large(u64::try_from(limit).unwrap_or(u64::MAX)));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    if bytes.trim_ascii().is_empty() {
        return Err(malformed("the body is empty; send a JSON object"));
    }
    // Serde would take an array for a struct; the documents promise objects.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return match serde_json::from_slice::<serde::de::IgnoredAny>(bytes) {
            Ok(_) => Err(invalid("the body must be a JSON object")),
            Err(error) => Err(malformed(&error.to_string())),
        };
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let parsed = serde_path_to_error::deserialize(&mut deserializer);
    let value = parsed.map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        match inner.classify() {
            serde_json::error::Category::Data => invalid(&named(&path, &inner.to_string())),
            _ => malformed(&inner.to_string()),
        }
    })?;
    deserializer.end().map_err(|error| malformed(&error.to_string()))?;
    Ok(value)
}

/// `what`, preceded by the field it is about unless it is about the whole.
pub(super) fn named(path: &str, what: &str) -> String {
    if path == "." || path == "?" { what.to_owned() } else { format!("{path}: {what}") }
}

fn malformed(detail: &str) -> ApiError {
    ApiError::refused(ErrorCode::MalformedJson, detail)
}

fn invalid(detail: &str) -> ApiError {
    ApiError::refused(ErrorCode::InvalidRequest, detail)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Shape {
        name: String,
    }

    fn refusal(text: &str) -> (ErrorCode, String) {
        let error = parse::<Shape>(text.as_bytes()).unwrap_err();
        let problem = error.answer(None);
        assert!(problem.status().is_client_error());
        (error.code(), format!("{error:?}"))
    }

    #[test]
    fn what_is_not_json_is_malformed() {
        for text in ["", "  ", "{", "{\"name\":}", "{\"name\":\"a\"} x", "nope", "[1,", "{\"name\":\"a"] {
            assert_eq!(refusal(text).0, ErrorCode::MalformedJson, "{text}");
        }
    }

    #[test]
    fn what_is_another_shape_is_invalid_and_named() {
        for (text, word) in [
            ("{\"name\":5}", "name: invalid type"),
            ("{}", "missing field `name`"),
            ("{\"name\":\"a\",\"nmae\":\"b\"}", "unknown field `nmae`"),
            ("{\"name\":\"a\",\"name\":\"b\"}", "duplicate field"),
            ("[\"a\"]", "must be a JSON object"),
            ("\"a\"", "must be a JSON object"),
        ] {
            let (code, detail) = refusal(text);
            assert_eq!(code, ErrorCode::InvalidRequest, "{text}");
            assert!(detail.contains(word), "{text}: {detail}");
        }
        assert_eq!(parse::<Shape>(b" {\"name\":\"a\"} ").unwrap().name, "a");
    }
}
