//! The OpenAPI document: collected from the routes, then completed with what every route has in common.

use actix_web::App;
use blazz_domain::ErrorCode;
use blazz_wire::problem;
use serde::Serialize;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::{Operation, ParameterIn, PathItem};
use utoipa::openapi::response::{Response, Responses};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, Content, ObjectBuilder, Ref, RefOr, Type};
use utoipa::{OpenApi as _, ToSchema};
use utoipa_actix_web::AppExt as _;

use crate::http::{OPERATOR, WORKSPACE, status_of};
use crate::router;

/// What went wrong: the body of every error (RFC 9457).
#[derive(Serialize, ToSchema)]
pub(crate) struct Problem {
    /// The page that explains the code, relative to the API's address.
    #[serde(rename = "type")]
    #[schema(examples("/docs/errors#account_not_found"))]
    kind: String,
    /// A stable name. Programs switch on it.
    code: ErrorCode,
    /// A short sentence that goes with the code.
    #[schema(examples("No such account"))]
    title: String,
    /// The HTTP status.
    #[schema(examples(404))]
    status: u16,
    /// What is wrong with this very request.
    #[schema(nullable = false)]
    detail: Option<String>,
    /// The id under which the logs know this request.
    #[schema(nullable = false)]
    request_id: Option<String>,
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Blazz",
        description = "Link WhatsApp numbers, send and receive messages.\n\nEvery error is a problem (RFC 9457) with a stable `code`. Lists are pages: pass \
                       `next` as `after` until it is absent. What a workspace may call is limited: \
                       `RateLimit` tells what is left. Every answer names its request in `X-Request-Id`; send one of your own and it is kept.",
        license(name = "MIT", identifier = "MIT"),
    ),
    servers((url = "/", description = "this installation")),
    tags(
        (name = "workspaces", description = "Tenants and their keys. Operator."),
        (name = "fleet", description = "Session nodes and what runs on them. Operator."),
        (name = "accounts", description = "WhatsApp numbers."),
        (name = "profile", description = "What others see of a number: its name, its about text, its picture."),
        (name = "sessions", description = "The linked-device login of a number."),
        (name = "media", description = "Files to send, and files that came with messages."),
        (name = "messages", description = "Messages, out and in."),
        (name = "conversations", description = "Threads with contacts."),
        (name = "events", description = "What happened, in order, without gaps."),
        (name = "audit", description = "Who did what."),
        (name = "operations", description = "For those who run the process."),
    ),
    components(schemas(Problem)),
)]
struct Frame;

/// The document of this version of the API.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    let app = App::new().into_utoipa_app().openapi(Frame::openapi());
    let (_, mut document) = app.configure(router::documented).split_for_parts();
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    let components = document.components.get_or_insert_with(Components::new);
    components.security_schemes.insert(OPERATOR.to_owned(), bearer("The operator's key."));
    components
        .security_schemes
        .insert(WORKSPACE.to_owned(), bearer("A key of a workspace that has the route's scope."));
    for (path, item) in &mut document.paths.paths {
        for operation in operations(item) {
            complete(path, operation);
        }
    }
    document
}

/// The answers that refuse with `codes`, one answer per status, one example per code.
pub(crate) fn refusals(codes: &[ErrorCode]) -> std::collections::BTreeMap<String, RefOr<Response>> {
    let mut responses = Responses::new();
    add_refusals(&mut responses, codes);
    responses.responses
}

/// Names the codes that a route can refuse with beyond those that every route has.
macro_rules! codes {
    ($($code:ident),+ $(,)?) => {
        /// What this route can refuse with.
        struct Refusals;

        impl utoipa::IntoResponses for Refusals {
            fn responses() -> std::collections::BTreeMap<String, utoipa::openapi::RefOr<utoipa::openapi::Response>> {
                $crate::openapi::refusals(&[$(blazz_domain::ErrorCode::$code),+])
            }
        }
    };
}
pub(crate) use codes;

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten()
}

/// Adds what follows from the shape of the route: a body can be malformed, an id can be unknown, a key can be missing.
fn complete(path: &str, operation: &mut Operation) {
    let mut codes = Vec::new();
    if path.starts_with("/v1/") {
        codes.extend([
            ErrorCode::Unauthorized,
            ErrorCode::KeyExpired,
            ErrorCode::KeyRevoked,
            ErrorCode::WrongKeyKind,
            ErrorCode::RateLimited,
            ErrorCode::Internal,
            ErrorCode::Unavailable,
        ]);
        if needs_scope(operation) {
            codes.push(ErrorCode::MissingScope);
        }
    }
    if let Some(RefOr::T(body)) = &operation.request_body {
        if body.content.contains_key("application/json") {
            codes.push(ErrorCode::MalformedJson);
        }
        codes.extend([ErrorCode::InvalidRequest, ErrorCode::BodyTooLarge, ErrorCode::UnsupportedMediaType]);
    }
    for parameter in operation.parameters.iter().flatten() {
        let RefOr::T(parameter) = parameter else { continue };
        match (&parameter.parameter_in, parameter.name.as_str()) {
            (ParameterIn::Path, "account_id") => codes.push(ErrorCode::AccountNotFound),
            (ParameterIn::Path, "media_id") => codes.push(ErrorCode::MediaNotFound),
            (ParameterIn::Path, _) => codes.push(ErrorCode::NotFound),
            (ParameterIn::Query, "after") => {
                codes.extend([ErrorCode::InvalidRequest, ErrorCode::InvalidCursor])
            }
            (ParameterIn::Query, _) => codes.push(ErrorCode::InvalidRequest),
            _ => {}
        }
    }
    add_refusals(&mut operation.responses, &codes);
    let is_limited = needs_scope(operation);
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        for (name, header) in headers(status, is_limited) {
            response.headers.insert(name.to_owned(), RefOr::T(header));
        }
    }
}

/// The headers that every answer with this status has.
fn headers(status: &str, is_limited: bool) -> Vec<(&'static str, Header)> {
    let mut headers =
        vec![("X-Request-Id", header(Type::String, "The id under which the logs know this request."))];
    // Without a key that opens something, nobody's calls are counted.
    if is_limited && status != "401" {
        headers.extend([
            (
                "RateLimit-Policy",
                header(Type::String, "The quota that the call counts towards: `q` calls in `w` seconds."),
            ),
            (
                "RateLimit",
                header(Type::String, "`r` calls are left; in `t` seconds all of the quota is there again."),
            ),
        ]);
    }
    if status == "429" {
        headers.push(("Retry-After", header(Type::Integer, "How many seconds to wait before the next try.")));
    }
    headers
}

fn needs_scope(operation: &Operation) -> bool {
    let workspace = |requirement| {
        serde_json::to_value(requirement).is_ok_and(|requirement| requirement.get(WORKSPACE).is_some())
    };
    operation.security.iter().flatten().any(workspace)
}

fn add_refusals(responses: &mut Responses, codes: &[ErrorCode]) {
    for code in codes {
        let status = status_of(*code);
        let response = responses
            .responses
            .entry(status.as_str().to_owned())
            .or_insert_with(|| RefOr::T(Response::new("")));
        let RefOr::T(response) = response else { continue };
        let content = response
            .content
            .entry(problem::CONTENT_TYPE.to_owned())
            .or_insert_with(|| RefOr::T(Content::new(Some(Ref::from_schema_name("Problem")))));
        let RefOr::T(content) = content else { continue };
        let value = serde_json::to_value(problem::Problem::new(status.as_u16(), *code).explained()).ok();
        let example = ExampleBuilder::new().summary(code.title()).value(value).build();
        content.examples.insert(code.as_str().to_owned(), RefOr::T(example));
        let names: Vec<_> = content.examples.keys().map(|name| format!("`{name}`")).collect();
        response.description = names.join(", ");
    }
}

fn header(kind: Type, description: &str) -> Header {
    let schema = ObjectBuilder::new().schema_type(kind).build();
    HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build()
}

fn bearer(description: &str) -> RefOr<SecurityScheme> {
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(description)).build();
    RefOr::T(SecurityScheme::Http(scheme))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_problem_is_the_one_that_is_written() {
        let written = problem::Problem {
            request_id: Some("r".into()),
            ..problem::Problem::new(404, ErrorCode::NotFound).explained()
        }
        .with_detail("d");
        let written = serde_json::to_value(written).unwrap();
        let document = serde_json::to_value(openapi()).unwrap();
        let documented = document["components"]["schemas"]["Problem"]["properties"].as_object().unwrap();
        assert!(written.as_object().unwrap().keys().eq(documented.keys()), "{documented:?}");
        let codes = document["components"]["schemas"]["ErrorCode"]["enum"].as_array().unwrap();
        assert!(codes.iter().eq(ErrorCode::ALL.iter().map(|code| code.as_str())), "{codes:?}");
    }
}
