//! The edge: everything between actix and a route.

mod accept;
mod act;
mod address;
mod body;
mod caller;
mod error;
mod gate;
mod guesses;
mod headers;
mod id;
mod jpeg;
mod observe;
mod promise;
mod query;
mod ration;
mod route_table;
mod status;

pub(crate) use accept::Accept;
pub(crate) use body::{Body, drain};
pub(crate) use caller::{OperatorKey, Tenant};
pub(crate) use error::ApiError;
pub(crate) use gate::gate;
pub(crate) use guesses::Guesses;
pub(crate) use headers::{IdempotencyKey, Traced};
pub(crate) use id::Id;
pub(crate) use jpeg::{JPEG, Jpeg};
pub(crate) use observe::observe;
pub(crate) use promise::promise;
pub(crate) use query::{PageParams, Query};
pub(crate) use route_table::{OPERATOR, RouteTable, WORKSPACE};
pub(crate) use status::status_of;
