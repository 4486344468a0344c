//! `blazz-bench hop-server`: a bare server with one route twice, behind the signature and open to all.

use std::sync::Arc;

use actix_web::web::{self, Json, ServiceConfig};
use actix_web::{App, HttpResponse, HttpServer};
use anyhow::{Context as _, Result};
use blazz_domain::{Clock as _, NodeId, SendOutcome, SystemClock};
use blazz_wire::MemoryNonces;
use blazz_wire::keys::FleetSecret;
use blazz_wire::node_api::SendMessage;
use blazz_wire::server::{SignedJson, Verifier, node_scope};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::child::{Child, answer_order, next_order};

/// Below this path lies what is open to all.
pub(super) const OPEN: &str = "/open/v1";

/// The node that the server is.
pub(super) fn node_id() -> Result<NodeId> {
    "node-1".parse().context("a name of a node")
}

/// What the server is told.
#[derive(Serialize, Deserialize)]
struct Serve {
    fleet_secret: String,
}

/// What it says when it listens.
#[derive(Serialize, Deserialize)]
struct Serving {
    url: String,
}

/// The server as the bench holds it.
pub(crate) struct HopServer {
    child: Child,
    pub(super) url: Url,
    pub(super) fleet: FleetSecret,
}

impl HopServer {
    /// Starts it with a secret of its own.
    pub(crate) async fn start() -> Result<Self> {
        let fleet = FleetSecret::generate();
        let mut child = Child::start(&["hop-server"])?;
        let Serving { url } = child.order(&Serve { fleet_secret: fleet.to_hex() }).await?;
        Ok(Self { child, url: url.parse()?, fleet })
    }

    /// Its process.
    pub(crate) fn pid(&self) -> Pid {
        self.child.pid()
    }
}

/// Serves until standard input ends.
pub(crate) async fn run() -> Result<()> {
    let Some(Serve { fleet_secret }) = next_order().await? else { return Ok(()) };
    let verifier = verifier(&FleetSecret::parse(&fleet_secret)?)?;
    let server = HttpServer::new(move || {
        let open = web::scope(OPEN).route("/sessions/{account_id}/messages", web::post().to(open));
        App::new().service(node_scope(verifier.clone(), signed_routes)).service(open)
    });
    let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0))?;
    let address = *server.addrs().first().context("it listens somewhere")?;
    let server = server.run();
    let handle = server.handle();
    let serving = tokio::spawn(server);
    answer_order(Ok(Serving { url: format!("http://{address}") }))?;
    while next_order::<Serve>().await?.is_some() {}
    handle.stop(false).await;
    Ok(serving.await??)
}

fn verifier(fleet: &FleetSecret) -> Result<Verifier> {
    let (node, clock) = (node_id()?, Arc::new(SystemClock));
    let keys = vec![fleet.node_secret(&node).keys(&node)];
    let nonces = Arc::new(MemoryNonces::new(clock.clone()));
    let started_at = clock.now();
    Ok(Verifier::for_node(node, keys, clock, started_at, nonces))
}

fn signed_routes(config: &mut ServiceConfig) {
    config.route("/sessions/{account_id}/messages", web::post().to(signed));
}

async fn signed(SignedJson(message): SignedJson<SendMessage>) -> HttpResponse {
    answer(&message)
}

async fn open(Json(message): Json<SendMessage>) -> HttpResponse {
    answer(&message)
}

/// What both do.
fn answer(message: &SendMessage) -> HttpResponse {
    std::hint::black_box(message);
    HttpResponse::Ok().json(SendOutcome::Acknowledged { at: SystemClock.now() })
}
