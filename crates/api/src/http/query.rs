//! Query strings: like bodies, unknown names are refused and errors name the field.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use blazz_domain::ErrorCode;
use blazz_services::PageQuery;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::form_urlencoded;
use utoipa::IntoParams;

use super::ApiError;
use super::body::named;

/// A query string of the shape `T`.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(parse(request.query_string()).map(Self))
    }
}

/// Which part of a list.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageParams {
    /// The `next` of the page before; leave it out to begin.
    pub(crate) after: Option<String>,
    /// How many rows, 1 to 200; 50 unless told.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub(crate) limit: Option<u32>,
}

impl From<PageParams> for PageQuery {
    fn from(params: PageParams) -> Self {
        Self { after: params.after, limit: params.limit }
    }
}

fn parse<T: DeserializeOwned>(query: &str) -> Result<T, ApiError> {
    let deserializer = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
    serde_path_to_error::deserialize(deserializer).map_err(|error| {
        let path = error.path().to_string();
        invalid(&named(&path, &error.into_inner().to_string()))
    })
}

fn invalid(detail: &str) -> ApiError {
    ApiError::refused(ErrorCode::InvalidRequest, format!("in the query string: {detail}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_named() {
        for (query, word) in [
            ("limit=x", "limit: "),
            ("limit=-1", "limit: "),
            ("limti=5", "unknown field `limti`"),
            ("limit=1&limit=2", "duplicate field `limit`"),
        ] {
            let error = parse::<PageParams>(query).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidRequest);
            assert!(format!("{error:?}").contains(word), "{query}: {error:?}");
        }
        let page = PageQuery::from(parse::<PageParams>("limit=7&after=a%3Db").unwrap());
        assert_eq!((page.limit, page.after.as_deref()), (Some(7), Some("a=b")));
        assert!(parse::<PageParams>("").is_ok());
    }
}
