//! The API process: REST for tenants and operators, and the signed control API for session nodes.
//!
//! The way of a request: [`http::observe`] gives it an id, a span and a place in the metrics; [`http::gate`] finds its route in the OpenAPI
//! document and checks the key that the document demands; a file of [`routes`] reads it, calls one use case of `blazz-services` and
//! answers. Every error is a [`http::ApiError`], written as `application/problem+json`.

mod background;
mod config;
mod control;
mod docs;
mod examples;
mod http;
mod liveness;
mod metrics;
mod openapi;
mod router;
mod routes;
mod server;
mod state;
mod worker;

pub use config::{Config, SETTINGS};
pub use openapi::openapi;
pub use server::{Api, run};
pub use worker::{Worker, run_worker};
