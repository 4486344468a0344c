//! The use cases: what a tenant, an operator or a node can ask for. No HTTP, no SQL.
//!
//! One module per slice. Each function takes [`Services`] first; functions of a tenant take the workspace's id next, and see nothing beyond it.
//! Every change is one transaction that appends its events last; readers of the log are told after the commit.

pub mod accounts;
pub mod api_keys;
pub mod audit;
pub mod client_version;
pub mod conversations;
mod cursor;
mod error;
pub mod events;
pub mod fleet;
pub mod inbox;
pub mod media;
pub mod messages;
mod nodes;
pub mod qr_image;
pub mod retention;
pub mod sessions;
mod settings;
pub mod workspaces;

use std::sync::Arc;

use blazz_bus::Bus;
use blazz_database::Pool;
use blazz_domain::Clock;
use blazz_jobs::Runner;
use blazz_media::MediaStore;
use blazz_telemetry::Shutdown;
use tokio::sync::Notify;

pub use cursor::PageQuery;
pub use error::ServiceError;
pub use nodes::NodeDirectory;
pub use settings::Settings;

/// What the use cases need. Cheap to clone.
#[derive(Clone)]
pub struct Services {
    /// The database.
    pub pool: Pool,
    /// What wakes other processes and tasks.
    pub bus: Bus,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Clients for the session nodes.
    pub nodes: Arc<NodeDirectory>,
    /// Runs the jobs; the process has to call [`Runner::run`] once.
    pub runner: Arc<Runner>,
    /// Asks for a newer version of WhatsApp Web.
    pub version_wanted: Arc<Notify>,
    /// Where the files of tenants are.
    pub media: MediaStore,
    /// Times and limits.
    pub settings: Arc<Settings>,
    /// Ends with the process; what must outlive a request is tracked here.
    pub shutdown: Shutdown,
}

impl Services {
    /// Puts the parts together, with a runner that knows every job of this crate.
    #[must_use]
    pub fn new(
        pool: Pool,
        bus: Bus,
        clock: Arc<dyn Clock>,
        nodes: NodeDirectory,
        media: MediaStore,
        settings: Settings,
        shutdown: Shutdown,
    ) -> Self {
        let (nodes, settings) = (Arc::new(nodes), Arc::new(settings));
        let courier = messages::Courier {
            pool: pool.clone(),
            bus: bus.clone(),
            clock: Arc::clone(&clock),
            nodes: Arc::clone(&nodes),
        };
        let runner = Runner::new(
            pool.clone(),
            bus.clone(),
            Arc::clone(&clock),
            shutdown.clone(),
            settings.job_concurrency,
        )
        .register::<messages::SendMessageJob, _, _>({
            let courier = courier.clone();
            move |job, context| {
                let courier = courier.clone();
                async move { courier.run(job, context).await }
            }
        })
        .register::<conversations::TellReadJob, _, _>({
            let courier = courier.clone();
            move |job, context| {
                let courier = courier.clone();
                async move { courier.tell_read(job, context).await }
            }
        })
        .on_dead::<messages::SendMessageJob, _, _>(move |job| {
            let courier = courier.clone();
            async move { courier.give_up_unsettled(job).await }
        });
        let (runner, version_wanted) = (Arc::new(runner), Arc::default());
        Self { pool, bus, clock, nodes, runner, version_wanted, media, settings, shutdown }
    }
}
