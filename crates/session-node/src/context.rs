//! What every session of this node shares.

use std::sync::Arc;

use blazz_domain::{Clock, Incarnation};
use blazz_session_store::SessionRoot;
use blazz_whatsapp::FleetVersion;
use blazz_wire::ControlClient;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::changes::Changes;
use crate::engine::Engine;
use crate::metrics::NodeMetrics;
use crate::removals::Removals;

/// The parts of the node that sessions use.
pub(crate) struct Context {
    /// Sessions live on the process's own threads, never on those of the HTTP server.
    pub(crate) runtime: tokio::runtime::Handle,
    pub(crate) root: SessionRoot,
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) control: ControlClient,
    /// Turns to start a session.
    pub(crate) starts: Arc<Semaphore>,
    /// Turns to hand a batch of entries to the API.
    pub(crate) batches: Semaphore,
    /// Turns to fetch a file from WhatsApp, and to put one there.
    pub(crate) downloads: Semaphore,
    pub(crate) uploads: Semaphore,
    /// The most bytes of a file.
    pub(crate) media_limit: u64,
    pub(crate) changes: Arc<Changes>,
    pub(crate) removals: Removals,
    pub(crate) metrics: NodeMetrics,
    pub(crate) incarnation: CurrentIncarnation,
    /// The version of WhatsApp Web that every session claims.
    pub(crate) version: FleetVersion,
    /// Another start of this node is alive: this one has to go.
    pub(crate) superseded: CancellationToken,
}

/// The number of this start, once the API has given it one.
#[derive(Debug, Default)]
pub(crate) struct CurrentIncarnation(watch::Sender<Option<Incarnation>>);

impl CurrentIncarnation {
    /// `None` until the node is registered.
    pub(crate) fn get(&self) -> Option<Incarnation> {
        *self.0.borrow()
    }

    pub(crate) fn set(&self, incarnation: Incarnation) {
        // The API counts from 1.
        self.0.send_replace(Some(incarnation).filter(|incarnation| incarnation.0 != 0));
    }

    /// Waits until the node is registered.
    pub(crate) async fn known(&self) {
        let mut known = self.0.subscribe();
        // It is sent from here: that cannot end while this is waited for.
        let _registered = known.wait_for(Option::is_some).await;
    }
}
