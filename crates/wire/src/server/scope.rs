//! The two scopes.

use actix_web::dev::{HttpServiceFactory, ServiceRequest};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, ServiceConfig};
use blazz_domain::ErrorCode;

use super::answer::problem_response;
use super::guard::guard;
use super::verifier::Verifier;
use crate::problem::Problem;
use crate::routes::PREFIX;

/// The most bytes of a request to a node: a text of 64 KiB with every character escaped, and room.
const NODE_BODY_LIMIT: usize = 512 << 10;
/// The most bytes of a request to the API: a batch of events.
const CONTROL_BODY_LIMIT: usize = 4 << 20;

/// What a node serves to the API, below `/internal/v1`. `configure` adds the routes, without that prefix.
pub fn node_scope(verifier: Verifier, configure: impl FnOnce(&mut ServiceConfig)) -> impl HttpServiceFactory {
    scope(verifier, NODE_BODY_LIMIT, configure)
}

/// What the API serves to nodes, below `/internal/v1`. `configure` adds the routes, without that prefix.
pub fn control_scope(
    verifier: Verifier,
    configure: impl FnOnce(&mut ServiceConfig),
) -> impl HttpServiceFactory {
    scope(verifier, CONTROL_BODY_LIMIT, configure)
}

fn scope(
    verifier: Verifier,
    limit: usize,
    configure: impl FnOnce(&mut ServiceConfig),
) -> impl HttpServiceFactory {
    web::scope(PREFIX).configure(configure).default_service(web::to(no_such_route)).wrap(from_fn(
        move |request: ServiceRequest, next: Next<_>| guard(verifier.clone(), limit, request, next),
    ))
}

async fn no_such_route() -> actix_web::HttpResponse {
    problem_response(&Problem::new(404, ErrorCode::RouteNotFound))
}
