//! The signed scope: what session nodes call. Everything in it is verified before and signed after, by construction.

mod events;
mod heartbeat;
mod media;
mod register;

use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::HttpServiceFactory;
use actix_web::web::{self, Data};
use blazz_bus::Bus;
use blazz_domain::Clock;
use blazz_services::ServiceError;
use blazz_wire::problem::Problem;
use blazz_wire::server::{FleetKeys, InternalError, MemoryNonces, NonceStore, Verifier, control_scope};
use futures_util::future::{BoxFuture, FutureExt as _};

use crate::config::Config;
use crate::http::status_of;
use crate::state::AppState;

/// The routes for nodes, behind their verifier.
pub(crate) fn scope(verifier: Verifier) -> impl HttpServiceFactory {
    control_scope(verifier, |routes| {
        routes
            .route("/register", web::post().to(register::register))
            .route("/heartbeat", web::post().to(heartbeat::heartbeat))
            .route("/events", web::post().to(events::events))
            .route("/media", web::post().to(media::offer))
            .route("/media/{media_id}", web::put().to(media::put))
            .route("/media/{media_id}", web::get().to(media::fetch));
    })
}

/// Checks the nodes' signatures, by both generations of the fleet secret.
pub(crate) fn verifier(config: &Config, state: &Data<AppState>, clock: Arc<dyn Clock>) -> Verifier {
    let secrets =
        std::iter::once(config.fleet_secret.clone()).chain(config.fleet_secret_previous.clone()).collect();
    let nonces = SharedNonces { bus: state.services.bus.clone(), own: MemoryNonces::new(Arc::clone(&clock)) };
    let remembers_since = (!state.services.bus.is_shared()).then(|| clock.now());
    Verifier::for_control(Arc::new(FleetKeys(secrets)), clock, remembers_since, Arc::new(nonces))
}

/// Nonces that every API process remembers, or this one alone while the bus is away: losing Redis must not shut the fleet out.
struct SharedNonces {
    bus: Bus,
    own: MemoryNonces,
}

impl NonceStore for SharedNonces {
    fn remember(&self, nonce: &str, ttl: Duration) -> BoxFuture<'_, bool> {
        let nonce = nonce.to_owned();
        async move {
            if !self.own.remember(&nonce, ttl).await {
                return false;
            }
            match self.bus.remember_nonce(&nonce, ttl).await {
                Ok(fresh) => fresh,
                Err(error) => {
                    tracing::error!(%error, "nonces are remembered by this process alone: the bus is away");
                    true
                }
            }
        }
        .boxed()
    }
}

/// What a failed use case means for a node.
fn refused(error: ServiceError) -> InternalError {
    let code = error.code();
    let problem = Problem::new(status_of(code).as_u16(), code);
    InternalError(match error {
        ServiceError::Code { detail, .. } => problem.with_detail(detail),
        ServiceError::Unavailable(cause) => {
            tracing::warn!(error = format!("{cause:#}"), "a node's call was not served");
            problem
        }
        ServiceError::Internal(cause) => {
            tracing::error!(error = format!("{cause:#}"), "a node's call failed");
            problem
        }
    })
}
