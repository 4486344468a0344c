//! A process that runs jobs and background tasks and serves nobody but those who watch it.

use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::web::Data;
use actix_web::{App, HttpServer};
use anyhow::Context as _;
use blazz_domain::SystemClock;
use blazz_services::audit::Audit;
use blazz_telemetry::Shutdown;

use crate::config::Config;
use crate::liveness;
use crate::routes::operations;
use crate::server::{open, services, set_to_work, state};

/// Threads that answer whoever watches.
const HTTP_WORKERS: usize = 1;

/// A running worker.
pub struct Worker {
    address: SocketAddr,
    shutdown: Shutdown,
    server: tokio::task::JoinHandle<std::io::Result<()>>,
    audit: Audit,
}

impl Worker {
    /// Opens everything and starts to work. Ends when `shutdown` asks for it.
    ///
    /// # Errors
    /// When the settings are those of a process alone, or the database, Redis or the address cannot be had.
    pub async fn start(config: &Config, shutdown: Shutdown) -> anyhow::Result<Self> {
        config.check_worker()?;
        let pool = open(config).await?;
        let services = services(config, pool, Arc::new(SystemClock), &shutdown).await?;
        let state = Data::new(state(config, "blazz-worker", services, shutdown.clone())?);
        let served = state.clone();
        let server = HttpServer::new(move || {
            App::new()
                .app_data(served.clone())
                .service(operations::get_health)
                .service(operations::get_readiness)
                .service(operations::get_metrics)
        });
        let server = server.workers(HTTP_WORKERS).disable_signals();
        let listen = config.worker_listen;
        let server = server.bind(listen).with_context(|| format!("cannot listen on {listen}"))?;
        let address = *server.addrs().first().context("no address is bound")?;
        let server = set_to_work(config, &state, server.run(), address)?;
        tracing::info!(%address, "working");
        Ok(Self { address, shutdown, server, audit: state.audit.clone() })
    }

    /// Where it tells of its health.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until it has ended: no job, no task is left.
    ///
    /// # Errors
    /// When its server failed.
    pub async fn ended(self) -> anyhow::Result<()> {
        let served = self.server.await;
        self.shutdown.finish().await;
        self.audit.finish().await;
        served.context("the server panicked")??;
        tracing::info!("ended");
        Ok(())
    }
}

/// Works until `shutdown` asks for the end.
///
/// # Errors
/// When the process cannot start, or its server failed.
pub async fn run_worker(config: &Config, shutdown: Shutdown) -> anyhow::Result<()> {
    let worker = Worker::start(config, shutdown.clone()).await?;
    liveness::report(worker.address(), &shutdown)?;
    worker.ended().await
}
