//! What the node serves: the API's signed calls below `/internal/v1`, and probes for whoever watches the process.

mod delete;
mod list;
mod logout;
mod node;
mod pairing_code;
mod picture;
mod probes;
mod profile;
mod qr;
mod read;
mod restart;
mod send;
mod start;
mod state;
mod stop;

use actix_web::web::{self, ServiceConfig};
use blazz_wire::server::InternalError;

use crate::fault::Fault;

/// An answer, or the problem with its stable code.
type Answer<T> = Result<web::Json<T>, InternalError>;

/// The signed routes. The scope they are put in refuses whatever is not signed by the API.
pub(crate) fn internal(routes: &mut ServiceConfig) {
    routes
        .route("/node", web::get().to(node::node))
        .route("/sessions", web::get().to(list::list))
        .route("/sessions/{account_id}", web::get().to(state::state))
        .route("/sessions/{account_id}", web::put().to(start::start))
        .route("/sessions/{account_id}", web::delete().to(delete::delete))
        .route("/sessions/{account_id}/stop", web::post().to(stop::stop))
        .route("/sessions/{account_id}/restart", web::post().to(restart::restart))
        .route("/sessions/{account_id}/logout", web::post().to(logout::logout))
        .route("/sessions/{account_id}/qr", web::get().to(qr::qr))
        .route("/sessions/{account_id}/pairing-code", web::post().to(pairing_code::pairing_code))
        .route("/sessions/{account_id}/read", web::post().to(read::read))
        .route("/sessions/{account_id}/profile", web::get().to(profile::get))
        .route("/sessions/{account_id}/profile", web::put().to(profile::put))
        .route("/sessions/{account_id}/profile/picture", web::get().to(picture::get))
        .route("/sessions/{account_id}/profile/picture", web::put().to(picture::put))
        .route("/sessions/{account_id}/profile/picture", web::delete().to(picture::delete))
        .route("/sessions/{account_id}/messages", web::post().to(send::send));
}

/// The open routes: they say nothing about any tenant.
pub(crate) fn probes(routes: &mut ServiceConfig) {
    routes
        .route("/healthz", web::get().to(probes::healthz))
        .route("/readyz", web::get().to(probes::readyz))
        .route("/metrics", web::get().to(probes::metrics));
}

impl From<Fault> for InternalError {
    fn from(fault: Fault) -> Self {
        Self(fault.problem())
    }
}
