//! The gate before every route: does it exist, does it take this method, does the caller come with too many bad keys, has it the right kind
//! of key, is its quota used up, is the body small enough. All of that before a byte of the request is read into a type.

use std::net::IpAddr;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage as _};
use blazz_domain::{ErrorCode, Scope};

use super::act::Act;
use super::body::{MAX_BODY_BYTES, drain, too_large};
use super::caller::{Caller, bearer};
use super::ration::Ration;
use super::route_table::{Access, Route};
use super::{ApiError, address};
use crate::docs;
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
    let mut visit = Visit::default();
    let mut answer = match check(&state, &request, &mut visit).await {
        Ok(caller) => {
            if let Some(caller) = caller {
                request.extensions_mut().insert(caller);
            }
            next.call(request).await?
        }
        Err(refusal) => {
            drain(&mut request.take_payload()).await;
            request.error_response(refusal)
        }
    };
    if let Some(ration) = visit.ration {
        ration.tell(answer.headers_mut());
    }
    if let Some(act) = visit.act {
        act.answered(&answer).await;
    }
    Ok(answer)
}

/// What is to be told about a request in its answer and in the audit log.
#[derive(Default)]
struct Visit {
    act: Option<Act>,
    ration: Option<Ration>,
}

/// Whether a path belongs to the signed scope, which guards itself.
fn is_signed(path: &str) -> bool {
    path.strip_prefix(blazz_wire::PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

async fn check(
    state: &AppState,
    request: &ServiceRequest,
    visit: &mut Visit,
) -> Result<Option<Caller>, ApiError> {
    let route = route(state, request)?;
    let caller = match route.access {
        Access::Public => None,
        needed => {
            let address = address::of(request, &state.proxies);
            visit.act = Act::begin(state, request, route, address);
            let caller = admit(state, request, address, visit).await?;
            authorize(needed, &caller)?;
            Some(caller)
        }
    };
    let limit = limit(state, route);
    if declared_length(request) > limit {
        return Err(too_large(limit));
    }
    Ok(caller)
}

fn route<'s>(state: &'s AppState, request: &ServiceRequest) -> Result<&'s Route, ApiError> {
    let template = request.match_pattern();
    let methods =
        template.as_deref().and_then(|template| state.routes.methods(template)).ok_or_else(|| {
            ApiError::refused(ErrorCode::RouteNotFound, "see /openapi.json for the routes that there are")
        })?;
    methods.get(request.method().as_str()).ok_or_else(|| {
        let allowed = methods.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        ApiError::refused(ErrorCode::MethodNotAllowed, format!("this path takes {allowed}"))
            .with_header(header::ALLOW, &allowed)
    })
}

/// Finds out who calls, and whether they may call just now.
async fn admit(
    state: &AppState,
    request: &ServiceRequest,
    address: Option<IpAddr>,
    visit: &mut Visit,
) -> Result<Caller, ApiError> {
    let caller = identify(state, request, address, visit).await?;
    if let Some(act) = &mut visit.act {
        act.is_by(&caller);
    }
    if let Caller::Workspace(holder) = &caller {
        visit.ration = Ration::take(&state.services.bus, state.requests_per_minute, holder).await;
    }
    match visit.ration.as_ref().and_then(|ration| Some((ration.policy, ration.refusal()?))) {
        Some((policy, refusal)) => {
            state.metrics.rate_limited(policy);
            Err(refusal)
        }
        None => Ok(caller),
    }
}

async fn identify(
    state: &AppState,
    request: &ServiceRequest,
    address: Option<IpAddr>,
    visit: &mut Visit,
) -> Result<Caller, ApiError> {
    let secret = bearer(request)?;
    state.guesses.check(address, &secret).inspect_err(|_| state.metrics.rate_limited("address"))?;
    let stranger = match Caller::of(&secret, state).await {
        Ok(caller) => {
            state.guesses.opened(&secret);
            return Ok(caller);
        }
        Err(stranger) => stranger,
    };
    if !stranger.is_refused() {
        if let Some(act) = visit.act.take() {
            act.forget();
        }
        return Err(stranger.error);
    }
    if let (Some(act), Some(key)) = (&mut visit.act, &stranger.key) {
        act.is_with(key);
    }
    let key = stranger.key.map(|key| key.key_id);
    match state.guesses.refused(&state.services.bus, address, &secret, key).await {
        Some(refusal) => {
            state.metrics.rate_limited("address");
            Err(refusal)
        }
        None => Err(stranger.error),
    }
}

fn authorize(needed: Access, caller: &Caller) -> Result<(), ApiError> {
    match (needed, caller) {
        (Access::Operator, Caller::Operator) => Ok(()),
        (Access::Workspace(scope), Caller::Workspace(holder)) if holder.scopes.allow(scope) => Ok(()),
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
fn limit(state: &AppState, route: &Route) -> u64 {
    if route.takes_file {
        state.services.settings.media_limit
    } else {
        u64::try_from(MAX_BODY_BYTES).unwrap_or(u64::MAX)
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
