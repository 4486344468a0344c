//! One connection: an engine client that lives from connect to disconnect, and never longer.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use blazz_domain::ClientVersion;
use tokio::sync::mpsc;
use whatsapp_rust::Client;
use whatsapp_rust::prelude::{Bot, BotHandle};
use whatsapp_rust::store::Device;
use whatsapp_rust::wacore::store::DevicePropsOverride;
use whatsapp_rust::waproto::whatsapp::device_props::PlatformType;

use crate::backend::Backend;
use crate::config::EngineConfig;
use crate::ears::{Ears, Intake, Listener};
use crate::error::OpenError;
use crate::road::{Road, SessionHttp, Transport};
use crate::signal::{Over, Signal};
use crate::tasks::Tasks;

/// What others may use of a connection while it lasts.
pub(crate) struct Link {
    pub(crate) client: Arc<Client>,
    pub(crate) tasks: Tasks,
    pub(crate) http: SessionHttp,
}

/// What a connection says it is, and how it gets there.
pub(crate) struct Origin<'a> {
    pub(crate) version: ClientVersion,
    pub(crate) device_name: &'a str,
    pub(crate) road: &'a Road,
}

/// One connection.
pub(crate) struct Connection {
    link: Arc<Link>,
    hold: Hold,
    signals: mpsc::Receiver<Signal>,
    running: BotHandle,
}

/// Everything that keeps a connection alive. Dropped, it lets go at once: also when its session's code panics or is cut, nothing
/// of the connection stays, least of all the session's directory.
struct Hold {
    ears: Arc<Ears>,
    tasks: Tasks,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.ears.stop();
        self.tasks.cut();
    }
}

impl Connection {
    /// Starts to connect.
    pub(crate) async fn open(
        config: &EngineConfig,
        origin: &Origin<'_>,
        store: Backend,
        ears: Arc<Ears>,
        signals: mpsc::Receiver<Signal>,
    ) -> Result<Self, OpenError> {
        let hold = Hold { ears: Arc::clone(&ears), tasks: Tasks::new() };
        let http = SessionHttp::new(origin.road.clone(), hold.tasks.cut_token());
        let ClientVersion(primary, secondary, tertiary) = origin.version;
        let device =
            DevicePropsOverride::new().with_os(origin.device_name).with_platform_type(PlatformType::CHROME);
        let mut builder = Bot::builder()
            .with_backend(store)
            .with_transport_factory(Transport(origin.road.clone()))
            .with_http_client(http.clone())
            .with_runtime(hold.tasks.clone())
            .with_version((primary, secondary, tertiary))
            .with_device_props(device)
            .with_event_handler(Listener(Arc::clone(&ears)))
            .with_inbound_durability_hook(Intake(Arc::clone(&ears)))
            .skip_history_sync();
        if let Some(count) = config.prekeys {
            builder = builder.with_wanted_pre_key_count(count);
        }
        let bot = match builder.build().await {
            Ok(bot) => bot,
            Err(error) => {
                hold.tasks.end().await;
                return Err(OpenError::Engine(error.to_string()));
            }
        };
        let client = bot.client();
        // The engine's own reconnects back off to 15 minutes; ours are the session's.
        client.enable_auto_reconnect.store(false, Ordering::Relaxed);
        ears.know(&client);
        let running = bot.spawn();
        let link = Arc::new(Link { client, tasks: hold.tasks.clone(), http });
        Ok(Self { link, hold, signals, running })
    }

    /// What others may use of it.
    pub(crate) fn link(&self) -> &Arc<Link> {
        &self.link
    }

    /// Who the engine's store says is linked.
    pub(crate) fn device(&self) -> Arc<Device> {
        self.link.client.persistence_manager().get_device_snapshot()
    }

    /// Puts what the engine knows of the link on disk.
    pub(crate) async fn save_device(&self) {
        if let Err(error) = self.link.client.persistence_manager().flush().await {
            tracing::error!(%error, "the engine could not save its device");
        }
    }

    /// When the last data came, in the engine's milliseconds; 0 when none did.
    pub(crate) fn last_data_ms(&self) -> u64 {
        self.link.client.stats().last_data_received_ms
    }

    /// The next signal; `None` when the connection is over and has said everything.
    pub(crate) async fn next(&mut self) -> Option<Signal> {
        tokio::select! {
            biased;
            signal = self.signals.recv() => signal,
            () = &mut self.running => self.signals.try_recv().ok(),
        }
    }

    /// Why it is over, if it is or will be within this time; everything else it says is let go.
    pub(crate) async fn over_within(&mut self, patience: Duration) -> Option<Over> {
        let over = async {
            loop {
                match self.next().await {
                    Some(Signal::Over(over)) => return over,
                    Some(_) => {}
                    None => return Over::Lost,
                }
            }
        };
        tokio::time::timeout(patience, over).await.ok()
    }

    /// Closes it in order as long as `patience` allows, then cuts what is left.
    pub(crate) async fn close(self, patience: Duration) {
        let Self { link, hold, signals, running } = self;
        let in_order = tokio::time::timeout(patience, link.client.disconnect()).await.is_ok();
        hold.ears.stop();
        drop(signals);
        running.abort();
        drop(running);
        let left = hold.tasks.end().await;
        if !in_order || left > 0 {
            tracing::warn!(tasks.left = left, "a connection did not close in time and was cut");
        }
    }
}
