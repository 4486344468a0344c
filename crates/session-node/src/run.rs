//! The life of the process: build the parts, serve, and end in order.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::{App, HttpServer, web};
use anyhow::Context as _;
use blazz_domain::{Clock, SystemClock};
use blazz_session_store::{SessionRoot, StorageKeys, StorageSecret};
use blazz_telemetry::{Shutdown, systemd};
use blazz_wire::ControlClient;
use blazz_wire::server::{MemoryNonces, Verifier, node_scope};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::context::{Context, CurrentIncarnation};
use crate::engine::{Engine, WhatsApp};
use crate::metrics::NodeMetrics;
use crate::node::Node;
use crate::pulse::Pulse;
use crate::removals::Removals;
use crate::supervisor::Supervisor;
use crate::{heartbeat, ready_file, routes};

/// Threads that serve HTTP; the sessions have the rest of the machine.
const HTTP_WORKERS: usize = 2;
/// Batches of entries on their way to the API at the same time.
const BATCHES: usize = 32;
/// How long the API may take to accept a connection, and to answer.
const CONNECT: Duration = Duration::from_secs(2);
const ANSWER: Duration = Duration::from_secs(10);
/// How long sessions have at the end of the process to hand over what they received.
const FLUSH: Duration = Duration::from_secs(3);
/// How long requests under way have at the end, in seconds.
const LAST_ANSWERS: u64 = 2;

/// Why a node ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Another start of this node has registered.
    #[error("another start of this node has registered: this one ends")]
    Superseded,
    /// It could not start, or its server failed.
    #[error(transparent)]
    Failed(#[from] anyhow::Error),
}

/// Runs a node until `shutdown`.
///
/// # Errors
/// [`RunError`].
pub async fn run(config: Config, shutdown: Shutdown) -> Result<(), RunError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let engine = Arc::new(WhatsApp::new(config.engine.clone(), Arc::clone(&clock)));
    run_with(config, shutdown, engine).await
}

/// Runs a node over another engine.
///
/// # Errors
/// [`RunError`].
pub async fn run_with(config: Config, shutdown: Shutdown, engine: Arc<dyn Engine>) -> Result<(), RunError> {
    announce_sandbox(&config);
    let listener =
        TcpListener::bind(config.listen).with_context(|| format!("listen on {}", config.listen))?;
    let address = listener.local_addr().context("the listener's address")?;
    let url = config.url.as_ref().map_or_else(|| format!("http://{address}"), ToString::to_string);
    let node = build(&config, engine).await?;
    let server = serve(&node, &config, listener)?;
    let serving = tokio::spawn(serve_to_end(server.0));
    tracing::info!(node.id = %node.id, %url, "the node listens");
    ready_file::write(config.ready_file.as_deref(), &url, &node.id)?;
    live(node, url, shutdown, server.1, serving).await
}

fn announce_sandbox(config: &Config) {
    if blazz_whatsapp::is_sandbox() {
        let endpoint = config.engine.endpoint.as_ref().map(ToString::to_string);
        tracing::warn!(
            endpoint,
            "this is the sandbox build: it trusts the emulator and cannot reach WhatsApp"
        );
    }
}

fn storage_keys(config: &Config) -> StorageKeys {
    let previous = config.storage_key_previous.as_ref().map(StorageSecret::key);
    StorageKeys { current: config.storage_key.key(), previous }
}

async fn build(config: &Config, engine: Arc<dyn Engine>) -> anyhow::Result<Arc<Node>> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (path, keys) = (config.session_root.clone(), storage_keys(config));
    let root = tokio::task::spawn_blocking(move || SessionRoot::open(&path, keys))
        .await?
        .with_context(|| format!("open the session root {}", config.session_root.display()))?;
    let id = config.node_id.clone();
    let http = blazz_wire::http_client(CONNECT, ANSWER)?;
    let keys = config.secret.keys(&id);
    let control = ControlClient::new(http, id.clone(), config.api_url.clone(), keys, Arc::clone(&clock));
    let started_at = clock.now();
    let context = Arc::new(Context {
        runtime: tokio::runtime::Handle::current(),
        root,
        engine,
        clock,
        control,
        starts: Arc::new(Semaphore::new(config.start_concurrency)),
        batches: Semaphore::new(BATCHES),
        downloads: Semaphore::new(config.media_concurrency),
        uploads: Semaphore::new(config.media_concurrency),
        media_limit: config.media_limit,
        changes: Arc::default(),
        removals: Removals::default(),
        metrics: NodeMetrics::new()?,
        incarnation: CurrentIncarnation::default(),
        version: config.engine.version.clone(),
        superseded: CancellationToken::new(),
    });
    let capacity = usize::try_from(config.capacity)?;
    let supervisor = Supervisor::new(Arc::clone(&context), capacity);
    Ok(Arc::new(Node {
        id,
        context,
        supervisor,
        pulse: Pulse::default(),
        capacity: config.capacity,
        started_at,
    }))
}

fn serve(node: &Arc<Node>, config: &Config, listener: TcpListener) -> anyhow::Result<(Server, ServerHandle)> {
    let mut keys = vec![config.secret.keys(&node.id)];
    keys.extend(config.secret_previous.as_ref().map(|secret| secret.keys(&node.id)));
    let clock = Arc::clone(&node.context.clock);
    let nonces = Arc::new(MemoryNonces::new(Arc::clone(&clock)));
    let verifier = Verifier::for_node(node.id.clone(), keys, clock, node.started_at, nonces);
    let data = web::Data::from(Arc::clone(node));
    let server = HttpServer::new(move || {
        App::new()
            .app_data(data.clone())
            .configure(routes::probes)
            .service(node_scope(verifier.clone(), routes::internal))
    })
    .workers(HTTP_WORKERS)
    .shutdown_timeout(LAST_ANSWERS)
    .disable_signals()
    .listen(listener)?
    .run();
    let handle = server.handle();
    Ok((server, handle))
}

async fn serve_to_end(server: Server) -> anyhow::Result<()> {
    server.await.context("the HTTP server failed")
}

/// Until somebody asks it to end, another start of it registers, or its server fails.
async fn live(
    node: Arc<Node>,
    url: String,
    shutdown: Shutdown,
    server: ServerHandle,
    mut serving: JoinHandle<anyhow::Result<()>>,
) -> Result<(), RunError> {
    let (soft, silent) = (shutdown.soft(), CancellationToken::new());
    let heartbeats = tokio::spawn(heartbeat::run(Arc::clone(&node), url, silent.clone()));
    report(&node, &shutdown);
    let result = tokio::select! {
        () = soft.cancelled() => Ok(()),
        () = node.context.superseded.cancelled() => Err(RunError::Superseded),
        served = &mut serving => Err(RunError::Failed(failure_of(served))),
    };
    if let Err(error) = &result {
        tracing::error!(%error, "the node ends");
    }
    let ending = async {
        node.supervisor.end(Instant::now() + FLUSH).await;
        silent.cancel();
        drop(heartbeats.await);
        server.stop(true).await;
    };
    let hard = shutdown.hard();
    tokio::select! {
        () = ending => tracing::info!("the node has ended"),
        () = hard.cancelled() => tracing::warn!("the node ends at once"),
    }
    result
}

/// To systemd: the node serves once the API knows it, and is alive as long as it keeps trying to report.
fn report(node: &Arc<Node>, shutdown: &Shutdown) {
    let (starting, reporting) = (Arc::clone(node), Arc::clone(node));
    let is_ready = async move { starting.context.incarnation.known().await };
    let is_alive = move |within| {
        let node = Arc::clone(&reporting);
        async move { node.pulse.turned_within(within) }
    };
    systemd::attend(shutdown, is_ready, is_alive);
}

fn failure_of(served: Result<anyhow::Result<()>, tokio::task::JoinError>) -> anyhow::Error {
    match served {
        Ok(Ok(())) => anyhow::anyhow!("the HTTP server ended by itself"),
        Ok(Err(error)) => error,
        Err(error) => error.into(),
    }
}
