//! The gate before every route: does it exist, does it take this method, has the caller the right kind of key, is the body small
//! enough. All of that before a byte of the request is read into a type.

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage as _};
use blazz_domain::{ErrorCode, Scope};

use super::ApiError;
use super::body::{MAX_BODY_BYTES, drain, too_large};
use super::caller::Caller;
use super::route_table::Access;
use crate::docs;
use crate::routes::media::UPLOAD;
use crate::state::AppState;

/// Lets a request through to its route, or answers why not.
pub(crate) async fn gate(
    state: Data<AppState>,
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse, Error> {
    if is_signed(request.path()) || docs::is_docs(request.path()) {
        return next.call(request).await;
    }
    let refusal = match check(&state, &request).await {
        Ok(caller) => {
            if let Some(caller) = caller {
                request.extensions_mut().insert(caller);
            }
            return next.call(request).await;
        }
        Err(refusal) => refusal,
    };
    drain(&mut request.take_payload()).await;
    Ok(request.error_response(refusal))
}

/// Whether a path belongs to the signed scope, which guards itself.
fn is_signed(path: &str) -> bool {
    path.strip_prefix(blazz_wire::PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

async fn check(state: &AppState, request: &ServiceRequest) -> Result<Option<Caller>, ApiError> {
    let caller = match access(state, request)? {
        Access::Public => None,
        needed => Some(authorize(state, request, needed).await?),
    };
    let limit = limit(state, request);
    if declared_length(request) > limit {
        return Err(too_large(limit));
    }
    Ok(caller)
}

fn access(state: &AppState, request: &ServiceRequest) -> Result<Access, ApiError> {
    let template = request.match_pattern();
    let methods =
        template.as_deref().and_then(|template| state.routes.methods(template)).ok_or_else(|| {
            ApiError::refused(ErrorCode::RouteNotFound, "see /openapi.json for the routes that there are")
        })?;
    methods.get(request.method().as_str()).copied().ok_or_else(|| {
        let allowed = methods.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        ApiError::refused(ErrorCode::MethodNotAllowed, format!("this path takes {allowed}"))
            .with_header(header::ALLOW, &allowed)
    })
}

async fn authorize(state: &AppState, request: &ServiceRequest, needed: Access) -> Result<Caller, ApiError> {
    let caller = Caller::of(request, state).await?;
    match (needed, &caller) {
        (Access::Operator, Caller::Operator) => Ok(caller),
        (Access::Workspace(scope), Caller::Workspace(holder)) if holder.scopes.allow(scope) => Ok(caller),
        (Access::Workspace(scope), Caller::Workspace(_)) => Err(missing_scope(scope)),
        (Access::Workspace(_), _) => Err(wrong_kind("a workspace's key")),
        _ => Err(wrong_kind("the operator key")),
    }
}

/// The challenge names the scope (RFC 6750, section 3.1).
fn missing_scope(scope: Scope) -> ApiError {
    let scope = scope.as_str();
    let challenge = format!("Bearer realm=\"blazz\", error=\"insufficient_scope\", scope=\"{scope}\"");
    ApiError::refused(ErrorCode::MissingScope, format!("this route needs the scope {scope}"))
        .with_header(header::WWW_AUTHENTICATE, &challenge)
}

fn wrong_kind(needed: &str) -> ApiError {
    ApiError::refused(ErrorCode::WrongKeyKind, format!("this route needs {needed}"))
}

/// The most bytes of the route's body.
fn limit(state: &AppState, request: &ServiceRequest) -> u64 {
    match request.match_pattern().as_deref() {
        Some(UPLOAD) => state.services.settings.media_limit,
        _ => u64::try_from(MAX_BODY_BYTES).unwrap_or(u64::MAX),
    }
}

fn declared_length(request: &ServiceRequest) -> u64 {
    let value = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    value.and_then(|text| text.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_segments_make_the_signed_scope() {
        for path in ["/internal/v1", "/internal/v1/", "/internal/v1/register"] {
            assert!(is_signed(path), "{path}");
        }
        for path in ["/internal/v10", "/internal", "/v1/internal/v1", "/"] {
            assert!(!is_signed(path), "{path}");
        }
    }
}
