//! The reference for people, in the browser and without the internet: `/docs/` shows the OpenAPI document (Swagger UI, which the program
//! carries), `/docs/errors` explains every error code.

mod errors;

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::middleware::DefaultHeaders;
use actix_web::web::{Data, Path, Redirect, ServiceConfig, get, redirect, scope};
use blazz_domain::ErrorCode;
use utoipa_swagger_ui::Config;

use crate::http::ApiError;

const ROOT: &str = "/docs";
const ERRORS: &str = "/errors";
/// Nothing is loaded from elsewhere; Swagger UI writes styles into its elements and has pictures in its style sheet.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Whether a path belongs to the reference: pages for everybody, without a key.
pub(crate) fn is_docs(path: &str) -> bool {
    path.strip_prefix(ROOT).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Adds the pages.
pub(crate) fn configure(app: &mut ServiceConfig) {
    let headers = DefaultHeaders::new()
        .add((header::CONTENT_SECURITY_POLICY, POLICY))
        .add((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .add((header::REFERRER_POLICY, "no-referrer"));
    let settings = Data::from(Arc::new(Config::new(["/openapi.json"])));
    app.service(to_the_slash()).service(
        scope(ROOT)
            .app_data(settings)
            .wrap(headers)
            .route(ERRORS, get().to(errors::page))
            .route("/{file:.*}", get().to(file))
            .default_service(actix_web::web::route().to(only_get)),
    );
}

/// The page's own references are relative to the slash.
fn to_the_slash() -> Redirect {
    redirect(ROOT, "/docs/").permanent()
}

/// A file of Swagger UI.
async fn file(name: Path<String>, settings: Data<Config<'static>>) -> Result<HttpResponse, ApiError> {
    let found = utoipa_swagger_ui::serve(&name, settings.into_inner())
        .map_err(|error| ApiError::internal(anyhow::anyhow!("{error}")))?
        .ok_or_else(|| ApiError::refused(ErrorCode::RouteNotFound, "the reference begins at /docs/"))?;
    Ok(HttpResponse::Ok().content_type(found.content_type).body(found.bytes.into_owned()))
}

async fn only_get() -> Result<HttpResponse, ApiError> {
    Err(ApiError::refused(ErrorCode::MethodNotAllowed, "this path takes GET")
        .with_header(header::ALLOW, "GET"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_segments_belong_to_the_reference() {
        for path in ["/docs", "/docs/", "/docs/errors"] {
            assert!(is_docs(path), "{path}");
        }
        for path in ["/docsx", "/v1/docs", "/"] {
            assert!(!is_docs(path), "{path}");
        }
    }
}
