//! The life of a session: connection after connection, until it is stopped or nothing more can be done without a person.

mod logout;

use std::sync::Arc;
use std::time::Duration;

use blazz_domain::{AccountState, ClientVersion, Clock, QrCode, StateReason, Timestamp};
use blazz_session_store::SessionDirectory;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use self::logout::answer;
use crate::address;
use crate::backend::Backend;
use crate::backoff::Attempts;
use crate::config::EngineConfig;
use crate::connection::{Connection, Origin};
use crate::ears::Ears;
use crate::error::EngineError;
use crate::progress::Progress;
use crate::road::{Blocked, Road};
use crate::session::Shared;
use crate::signal::{Over, Signal};
use crate::silence::Silence;

/// A round of codes: the first is good for 60 s, five more for 20 s each.
///
/// Source: whatsapp-rust 0.7.0, `src/pair.rs`, as WhatsApp Web does it.
const QR_ROUND: Duration = Duration::from_secs(60 + 5 * 20);
/// How long after its round a code is waited for, should the engine forget to say that the round is over.
const QR_GRACE: Duration = Duration::from_secs(5);
/// How long a phone's acceptance, or a login, may take until messages flow.
const LOGIN_PATIENCE: Duration = Duration::from_secs(200);
/// How often a connection is looked at. The engine itself pings every 15–30 s when nothing else comes.
const PROBE_EVERY: Duration = Duration::from_secs(60);

/// How long a session whose version is refused waits for another one before it tries the same again.
const OUTDATED_RETRY: Duration = Duration::from_secs(10 * 60);

/// What the session's owner asks for.
pub(crate) enum Command {
    /// Remove the linked device at WhatsApp and forget the credentials.
    Logout(Reply),
}

/// Where the answer to a logout goes.
pub(crate) type Reply = oneshot::Sender<Result<(), EngineError>>;

/// What ends a connection.
enum Ending {
    /// The session is to stop.
    Stop,
    /// The linked device was removed on request.
    LoggedOut(Reply),
    /// It may have been removed: the connection broke before the answer. The next login will tell.
    LogoutOpen(Reply),
    /// A phone has accepted: the server closes, and wants a login.
    Paired,
    /// Nobody scanned.
    NotScanned,
    /// Everything else, after messages had flowed for so long, if they ever did.
    Over(Over, Option<Duration>),
}

/// Runs one session.
pub(crate) struct Supervisor {
    pub(crate) config: Arc<EngineConfig>,
    pub(crate) road: Road,
    /// What the phone's list of linked devices shows.
    pub(crate) device_name: String,
    pub(crate) directory: Arc<SessionDirectory>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) stop: CancellationToken,
    /// A logout that WhatsApp has not confirmed yet.
    pub(crate) open_logout: Option<Reply>,
}

impl Supervisor {
    /// Runs until the session is stopped. With a store it connects; without one its link is known to be gone.
    pub(crate) async fn run(mut self, store: Option<Backend>) {
        match store {
            Some(store) => self.live(store).await,
            None => self.shared.reports.set(AccountState::LoggedOut, Some(StateReason::DeviceRemoved)),
        }
        self.rest().await;
        if self.shared.reports.state() != AccountState::LoggedOut {
            self.shared.reports.set(AccountState::Stopped, Some(StateReason::Requested));
        }
    }

    /// Connects again and again, until there is no point in it. The engine's store is closed on return.
    async fn live(&mut self, store: Backend) {
        let mut attempts = Attempts::new(self.config.backoff);
        let mut round_ends = None;
        while !self.stop.is_cancelled() {
            let version = self.config.version.current();
            let ending = self.connect(version, &store, &mut round_ends).await;
            self.settle(&store).await;
            self.shared.qr.send_replace(None);
            let (over, lasted) = match ending {
                Ending::Stop => return,
                Ending::Paired => continue,
                Ending::NotScanned => {
                    return self.shared.reports.set(AccountState::QrTimeout, Some(StateReason::QrExpired));
                }
                Ending::LoggedOut(reply) => return self.forget(store, Some(reply)).await,
                Ending::LogoutOpen(reply) => {
                    self.open_logout = Some(reply);
                    continue;
                }
                Ending::Over(Over::LoggedOut, _) => {
                    let reply = self.open_logout.take();
                    return self.forget(store, reply).await;
                }
                Ending::Over(over, lasted) => (over, lasted),
            };
            self.refuse_open_logout();
            if let Some(reason) = over.verdict(self.shared.outboxes.is_broken()) {
                return self.shared.reports.set(AccountState::Failed, Some(reason));
            }
            if over == Over::Outdated {
                self.config.version.refuse(version);
            }
            // A connection that never came about because of the proxy says no more than that it was lost.
            let blocked = self.road.take_blocked().filter(|_| over == Over::Lost);
            let reason = blocked.map_or(over.reason(), Blocked::reason);
            self.shared.reports.set(self.waiting_state(), Some(reason));
            if over == Over::Outdated {
                tracing::warn!(client.version = %version, "WhatsApp wants a newer version of its client");
                if !self.pause_for_version(version).await {
                    return;
                }
                continue;
            }
            let delay = attempts.next_delay(lasted);
            tracing::info!(reconnect.delay_ms = delay.as_millis(), "the session connects again later");
            if !self.pause(delay).await {
                return;
            }
        }
    }

    /// Waits until what the engine was writing is written: its statements run on threads that no task can cut.
    async fn settle(&self, store: &Backend) {
        let settled = tokio::time::timeout(self.config.close_timeout, store.settle()).await;
        if !matches!(settled, Ok(Ok(_))) {
            tracing::warn!("the engine's store did not come to rest");
        }
    }

    /// The state between two connections: a session that was never linked is still starting.
    fn waiting_state(&self) -> AccountState {
        if self.shared.is_linked() { AccountState::Disconnected } else { AccountState::Starting }
    }

    /// Waits between two connections; `false` when the session is to stop.
    async fn pause(&mut self, delay: Duration) -> bool {
        self.pause_until(tokio::time::sleep(delay)).await
    }

    /// Waits for another version to claim; for long in vain, the session tries the same again. `false` when it is to stop.
    async fn pause_for_version(&mut self, refused: ClientVersion) -> bool {
        let version = self.config.version.clone();
        let waiting = async move {
            // Either way it is tried; the same version is refused again, and waited with again.
            let _ = tokio::time::timeout(OUTDATED_RETRY, version.differs_from(refused)).await;
        };
        self.pause_until(waiting).await
    }

    async fn pause_until(&mut self, over: impl Future<Output = ()>) -> bool {
        let mut over = std::pin::pin!(over);
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return false,
                () = &mut over => return true,
                Some(Command::Logout(reply)) = self.commands.recv() => {
                    answer(reply, Err(EngineError::NotConnected));
                }
            }
        }
    }

    /// Nothing to do until the session is stopped.
    async fn rest(&mut self) {
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return,
                Some(Command::Logout(reply)) = self.commands.recv() => {
                    answer(reply, self.logout_at_rest().await);
                }
            }
        }
    }

    /// One connection, from connect to disconnect.
    async fn connect(
        &mut self,
        version: ClientVersion,
        store: &Backend,
        round_ends: &mut Option<Instant>,
    ) -> Ending {
        let shared = &self.shared;
        let (ears, signals) = Ears::new(
            Arc::clone(&shared.outboxes),
            Arc::clone(&shared.media),
            Arc::clone(&shared.sends),
            Arc::clone(&self.clock),
            Arc::clone(&shared.written),
        );
        let origin = Origin { version, device_name: &self.device_name, road: &self.road };
        let opening = Connection::open(&self.config, &origin, store.clone(), ears, signals);
        let mut connection = match opening.await {
            Ok(connection) => connection,
            Err(error) => {
                tracing::error!(%error, "the engine could not be started");
                return Ending::Over(Over::StorageFailed, None);
            }
        };
        self.identify(&connection);
        if self.shared.is_linked() && self.shared.reports.state() != AccountState::Disconnected {
            self.shared.reports.set(AccountState::Connecting, None);
        }
        let ending = self.drive(&mut connection, round_ends).await;
        self.shared.pairing.close();
        self.shared.set_link(None);
        self.shared.sends.connection_lost();
        connection.close(self.config.close_timeout).await;
        ending
    }

    fn identify(&self, connection: &Connection) {
        let device = connection.device();
        let phone = device.pn.as_ref().and_then(address::own_phone);
        self.shared.set_linked(device.pn.is_some());
        self.shared.reports.identify(phone, device.lid.as_ref().and_then(address::jid));
    }

    /// Follows a connection until something ends it.
    async fn drive(&mut self, connection: &mut Connection, round_ends: &mut Option<Instant>) -> Ending {
        let mut progress = Progress::Begun { until: Instant::now() + LOGIN_PATIENCE };
        let mut probe = tokio::time::interval_at(Instant::now() + PROBE_EVERY, PROBE_EVERY);
        probe.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut silence = Silence::default();
        loop {
            let signal = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ending::Stop,
                Some(Command::Logout(reply)) = self.commands.recv() => {
                    let stop = self.stop.clone();
                    let ending = tokio::select! {
                        biased;
                        // Whoever waits for the logout hears that the session is stopped.
                        () = stop.cancelled() => return Ending::Stop,
                        ending = self.logout(connection, progress.lasted().is_some(), reply) => ending,
                    };
                    if let Some(ending) = ending {
                        return ending;
                    }
                    continue;
                }
                signal = connection.next() => signal,
                () = progress.deadline() => {
                    if self.waits_for_a_code(&mut progress) {
                        continue;
                    }
                    return match progress {
                        Progress::Showing { .. } => Ending::NotScanned,
                        _ => Ending::Over(Over::Silent, None),
                    };
                }
                _ = probe.tick() => {
                    if silence.lasts(connection.last_data_ms()) {
                        let silent = self.silent_for(connection);
                        let lasted = progress.lasted().map(|lasted| lasted.saturating_sub(silent));
                        return Ending::Over(Over::Silent, lasted);
                    }
                    continue;
                }
            };
            let Some(signal) = signal else {
                return match progress {
                    Progress::Paired { .. } => Ending::Paired,
                    _ => Ending::Over(Over::Lost, progress.lasted()),
                };
            };
            if let Some(ending) = self.hear(signal, connection, &mut progress, round_ends).await {
                return ending;
            }
        }
    }

    /// How long nothing has come.
    fn silent_for(&self, connection: &Connection) -> Duration {
        let micros = i64::try_from(connection.last_data_ms()).ok().and_then(|ms| ms.checked_mul(1000));
        let last_data = micros.and_then(Timestamp::from_unix_micros);
        last_data.map_or(Duration::MAX, |last_data| self.clock.now().since(last_data))
    }

    /// Acts on what the connection says; `Some` when that ends it.
    async fn hear(
        &mut self,
        signal: Signal,
        connection: &Connection,
        progress: &mut Progress,
        round_ends: &mut Option<Instant>,
    ) -> Option<Ending> {
        match signal {
            Signal::Over(over) => return Some(Ending::Over(over, progress.lasted())),
            Signal::CodesExhausted if self.waits_for_a_code(progress) => {}
            Signal::CodesExhausted => return Some(Ending::NotScanned),
            Signal::Qr { text, valid_for } => {
                if let Progress::Begun { .. } | Progress::Showing { .. } = progress {
                    let ends = *round_ends.get_or_insert_with(|| Instant::now() + QR_ROUND);
                    *progress = Progress::Showing { until: ends + QR_GRACE };
                    self.shared.pairing.open(connection.link());
                    self.show(text, valid_for, ends);
                }
            }
            Signal::Paired => {
                *progress = Progress::Paired { until: Instant::now() + LOGIN_PATIENCE };
                *round_ends = None;
                self.shared.pairing.close();
                self.shared.qr.send_replace(None);
                self.shared.reports.set(AccountState::Connecting, None);
                connection.save_device().await;
            }
            Signal::Connected => {
                self.refuse_open_logout();
                *progress = Progress::Connected { at: Instant::now() };
                self.identify(connection);
                self.shared.set_link(Some(Arc::clone(connection.link())));
                self.shared.reports.set(AccountState::Connected, None);
            }
        }
        None
    }

    /// Whether the round of QR codes is over and a phone may still type a pairing code: then the connection waits for that.
    fn waits_for_a_code(&self, progress: &mut Progress) -> bool {
        let (Progress::Showing { .. }, Some(until)) = (&progress, self.shared.pairing.code_until()) else {
            return false;
        };
        *progress = Progress::Showing { until };
        self.shared.qr.send_replace(None);
        true
    }

    fn show(&self, text: String, valid_for: Duration, round_ends: Instant) {
        let now = self.clock.now();
        let left = round_ends.saturating_duration_since(Instant::now());
        let code = QrCode { text, expires_at: now.plus(valid_for.min(left)), round_ends_at: now.plus(left) };
        self.shared.qr.send_replace(Some(code));
        self.shared.reports.set(AccountState::Qr, None);
    }
}
