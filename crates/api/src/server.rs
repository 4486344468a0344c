//! The process: put together, started, and ended in order.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::middleware::from_fn;
use actix_web::web::Data;
use actix_web::{App, HttpServer};
use anyhow::{Context as _, bail};
use blazz_bus::{Bus, Quota};
use blazz_database::{Alone, Pool};
use blazz_domain::{Clock, SystemClock};
use blazz_media::MediaStore;
use blazz_services::audit::Audit;
use blazz_services::{NodeDirectory, Services, Settings};
use blazz_telemetry::Shutdown;
use tokio::runtime::Handle;

use crate::config::Config;
use crate::http::{Guesses, OperatorKey, RouteTable, gate, observe};
use crate::metrics::Metrics;
use crate::state::AppState;
use crate::{background, control, liveness, openapi, router};

/// How long a request's head may take to arrive.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long requests that are under way may take after the end was asked for.
const GRACE_SECONDS: u64 = 30;

/// A running API.
pub struct Api {
    address: SocketAddr,
    shutdown: Shutdown,
    server: tokio::task::JoinHandle<std::io::Result<()>>,
    audit: Audit,
    /// Keeps a second process out where there must be none, until this one has ended.
    _alone: Option<Alone>,
}

impl Api {
    /// Opens everything and starts to serve. Ends when `shutdown` asks for it.
    ///
    /// # Errors
    /// When the database, the bus or the address cannot be had.
    pub async fn start(config: &Config, shutdown: Shutdown) -> anyhow::Result<Self> {
        Self::start_with(config, shutdown, Arc::new(SystemClock)).await
    }

    /// The same by another clock.
    ///
    /// # Errors
    /// As [`Api::start`].
    pub async fn start_with(
        config: &Config,
        shutdown: Shutdown,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let pool = open(config).await?;
        let alone = hold_alone(config, &pool).await?;
        let services = services(config, pool, Arc::clone(&clock), &shutdown).await?;
        let state = Data::new(state(config, "blazz-api", services, shutdown.clone())?);
        let verifier = control::verifier(config, &state, clock);
        let workers_state = state.clone();
        let mut server = HttpServer::new(move || {
            App::new()
                .app_data(workers_state.clone())
                .configure(router::configure)
                .service(control::scope(verifier.clone()))
                .wrap(from_fn(gate))
                .wrap(from_fn(observe))
        })
        .disable_signals()
        .client_request_timeout(HEAD_PATIENCE)
        .keep_alive(KEEP_ALIVE)
        .shutdown_timeout(GRACE_SECONDS);
        if let Some(workers) = config.workers {
            server = server.workers(workers);
        }
        let server =
            server.bind(config.listen).with_context(|| format!("cannot listen on {}", config.listen))?;
        let address = *server.addrs().first().context("no address is bound")?;
        let server = set_to_work(config, &state, server.run(), address)?;
        tracing::info!(%address, "serving");
        Ok(Self { address, shutdown, server, audit: state.audit.clone(), _alone: alone })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until it has ended: no connection, no job, no task is left.
    ///
    /// # Errors
    /// When the server failed.
    pub async fn ended(self) -> anyhow::Result<()> {
        let served = self.server.await;
        // Every request has had its answer.
        self.audit.finish().await;
        served.context("the server panicked")??;
        // Also when the server ended by itself.
        self.shutdown.finish().await;
        tracing::info!("ended");
        Ok(())
    }
}

/// Serves until `shutdown` asks for the end.
///
/// # Errors
/// When the process cannot start, or its server failed.
pub async fn run(config: &Config, shutdown: Shutdown) -> anyhow::Result<()> {
    let api = Api::start(config, shutdown.clone()).await?;
    liveness::report(api.address(), &shutdown)?;
    api.ended().await
}

pub(crate) async fn open(config: &Config) -> anyhow::Result<Pool> {
    let pool =
        Pool::open(&config.database_url, config.database_pool).await.context("cannot open the database")?;
    if !pool.is_migrated().await.context("cannot read the database")? {
        bail!("the database lacks tables of this version: run `blazz migrate`");
    }
    Ok(pool)
}

/// SQLite wakes nobody in another process, and neither does the bus in process: there, a second process would leave jobs and events lying.
async fn hold_alone(config: &Config, pool: &Pool) -> anyhow::Result<Option<Alone>> {
    if config.redis_url.is_some() && !pool.is_sqlite() {
        return Ok(None);
    }
    let alone = Alone::hold(&config.database_url).await.context("cannot hold the database alone")?;
    if alone.is_none() && pool.is_sqlite() {
        bail!(
            "another API process serves from this SQLite file, and only one can; \
             several need PostgreSQL (BLAZZ_DATABASE_URL) and Redis (BLAZZ_REDIS_URL)"
        );
    }
    if alone.is_none() {
        bail!(
            "another API process serves from this database; several need Redis: set BLAZZ_REDIS_URL for each"
        );
    }
    Ok(alone)
}

pub(crate) async fn services(
    config: &Config,
    pool: Pool,
    clock: Arc<dyn Clock>,
    shutdown: &Shutdown,
) -> anyhow::Result<Services> {
    let bus = match &config.redis_url {
        Some(url) => Bus::redis(url).await.context("cannot reach Redis (BLAZZ_REDIS_URL)")?,
        None => Bus::in_process(),
    };
    let nodes = NodeDirectory::new(config.fleet_secret.clone(), Arc::clone(&clock))?;
    let media = MediaStore::in_directory(&config.media_dir)
        .with_context(|| format!("cannot use {} (BLAZZ_MEDIA_DIR)", config.media_dir.display()))?;
    let settings = Settings {
        message_ttl: config.message_ttl,
        node_ttl: config.node_ttl,
        device_name: config.device_name.clone(),
        client_version: config.whatsapp_version,
        client_version_url: config.whatsapp_version_url.clone(),
        media_limit: config.media_max_bytes,
        audit_ttl: config.audit_ttl,
        ..Settings::default()
    };
    Ok(Services::new(pool, bus, clock, nodes, media, settings, shutdown.clone()))
}

pub(crate) fn state(
    config: &Config,
    service: &'static str,
    services: Services,
    shutdown: Shutdown,
) -> anyhow::Result<AppState> {
    let document = openapi();
    let audit = Audit::start(services.pool.clone(), Arc::clone(&services.clock));
    Ok(AppState {
        services,
        guesses: Guesses::new(Quota::per_minute(config.refused_keys_per_minute)),
        proxies: config.trusted_proxies.clone(),
        requests_per_minute: Quota::per_minute(config.requests_per_minute),
        audit,
        operator: OperatorKey::new(&config.operator_key, config.operator_key_previous.as_deref()),
        routes: RouteTable::new(&document)?,
        document: document.to_json()?,
        service,
        metrics: Metrics::new(service)?,
        runtime: Handle::current(),
        shutdown,
    })
}

/// Runs a server that has its address, and what the process does beside it; tells whoever started the process where it is.
pub(crate) fn set_to_work(
    config: &Config,
    state: &Data<AppState>,
    server: Server,
    address: SocketAddr,
) -> anyhow::Result<tokio::task::JoinHandle<std::io::Result<()>>> {
    stop_on(&state.shutdown, server.handle());
    background::start(state);
    let server = tokio::spawn(server);
    if let Some(path) = &config.ready_file {
        write_ready_file(path, address).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(server)
}

/// Softly: no new connection, requests that are under way may end. Hard: at once.
fn stop_on(shutdown: &Shutdown, server: ServerHandle) {
    let (soft, hard) = (shutdown.soft(), shutdown.hard());
    tokio::spawn(async move {
        tokio::select! {
            () = soft.cancelled() => {}
            () = hard.cancelled() => {}
        }
        tokio::select! {
            () = server.stop(true) => {}
            () = hard.cancelled() => server.stop(false).await,
        }
    });
}

/// Writes the address for whoever started this process: complete or not at all, and for its own user alone.
fn write_ready_file(path: &Path, address: SocketAddr) -> anyhow::Result<()> {
    let text = serde_json::json!({ "address": address, "pid": std::process::id() }).to_string();
    let draft = path.with_extension("tmp");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(text.as_bytes())?;
    std::fs::rename(&draft, path)?;
    Ok(())
}
