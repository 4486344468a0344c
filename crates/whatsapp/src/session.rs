//! A session as its node holds it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use blazz_domain::{
    AccountState, Clock, Jid, Lease, MessageContent, PairingCode, PhoneNumber, Profile, ProfileChange,
    ProviderMessageId, QrCode, Reference, SendOutcome, SessionReport, SessionSettings, StateReason,
};
use blazz_session_store::{Outboxes, PendingMedia, SessionDirectory, StoreError};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::backend;
use crate::config::EngineConfig;
use crate::connection::Link;
use crate::error::{EngineError, OpenError};
use crate::media::{self, DownloadError, Downloaded, FileSource, MediaRecord, Uploads};
use crate::numbers::StateNumbers;
use crate::outbound::{self, Outgoing};
use crate::pairing::{Pairing, PairingError};
use crate::profile::{self, ProfileError};
use crate::receipts;
use crate::reports::Reports;
use crate::road::Road;
use crate::sends::{Begin, Sends};
use crate::supervisor::{Command, Supervisor};

/// How long receipts are gathered before they are flushed to the disk together.
const GATHER: Duration = Duration::from_millis(20);
/// What a stop may take beyond the closing of the connection, before everything left is cut.
const STOP_MARGIN: Duration = Duration::from_secs(4);

/// One live session. Everything it started is gone when [`Session::stop`] returns.
pub struct Session {
    lease: Lease,
    config: Arc<EngineConfig>,
    clock: Arc<dyn Clock>,
    shared: Arc<Shared>,
    commands: mpsc::Sender<Command>,
    tracker: TaskTracker,
    stop: CancellationToken,
    cut: CancellationToken,
}

/// What the parts of a session share.
pub(crate) struct Shared {
    pub(crate) reports: Reports,
    pub(crate) qr: watch::Sender<Option<QrCode>>,
    pub(crate) outboxes: Arc<Outboxes>,
    pub(crate) sends: Arc<Sends>,
    /// What it takes to fetch files of received messages, and room for files that pass.
    pub(crate) media: Arc<PendingMedia>,
    /// Files that were put on the media hosts lately.
    pub(crate) uploads: Uploads,
    /// Tells that the outbox holds what is not on disk yet.
    pub(crate) written: Arc<Notify>,
    /// How the session can be linked by a code instead of a scan, while it waits for that.
    pub(crate) pairing: Pairing,
    link: Mutex<Option<Arc<Link>>>,
    linked: AtomicBool,
}

impl Shared {
    /// Sets the connection over which messages flow.
    pub(crate) fn set_link(&self, link: Option<Arc<Link>>) {
        *self.link.lock().unwrap_or_else(PoisonError::into_inner) = link;
    }

    pub(crate) fn link(&self) -> Option<Arc<Link>> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_linked(&self, linked: bool) {
        self.linked.store(linked, Ordering::SeqCst);
    }

    /// Whether there are credentials of a link.
    pub(crate) fn is_linked(&self) -> bool {
        self.linked.load(Ordering::SeqCst)
    }
}

impl Session {
    /// Opens a session over its directory and lets it connect: with the credentials there, or else with QR codes.
    ///
    /// # Errors
    /// [`OpenError`]; among them [`blazz_session_store::StoreError::Missing`] when the account was linked and the directory holds no link.
    pub async fn open(
        config: Arc<EngineConfig>,
        settings: SessionSettings,
        directory: SessionDirectory,
        numbers: StateNumbers,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        config.check()?;
        let lease = *directory.lease();
        let directory = Arc::new(directory);
        let store = backend::of_directory(&directory).await?;
        let (outboxes, media) = open_outboxes(&directory).await?;
        let shared = Arc::new(Shared {
            reports: Reports::new(numbers, Arc::clone(&clock)),
            qr: watch::Sender::new(None),
            outboxes: Arc::new(outboxes),
            sends: Arc::default(),
            media: Arc::new(media),
            uploads: Uploads::default(),
            written: Arc::default(),
            pairing: Pairing::default(),
            link: Mutex::default(),
            linked: AtomicBool::new(directory.is_linked() && store.is_some()),
        });
        let (commands, received) = mpsc::channel(8);
        let stop = CancellationToken::new();
        let supervisor = Supervisor {
            config: Arc::clone(&config),
            directory,
            road: Road::new(&config, settings.proxy),
            device_name: settings.device_name,
            clock: Arc::clone(&clock),
            shared: Arc::clone(&shared),
            commands: received,
            stop: stop.clone(),
            open_logout: None,
        };
        let (tracker, cut) = (TaskTracker::new(), CancellationToken::new());
        let session = Self { lease, config, clock, shared, commands, tracker, stop, cut };
        session.start(supervisor.run(store));
        Ok(session)
    }

    fn start(&self, life: impl Future<Output = ()> + Send + 'static) {
        // Not the span of whoever opened it: a session outlives every request.
        let span = tracing::info_span!(parent: None, "session", account.id = %self.lease.account_id);
        let shared = Arc::clone(&self.shared);
        let life =
            self.tracker.spawn(self.cut.clone().run_until_cancelled_owned(life.instrument(span.clone())));
        let afterwards = async move {
            let ended = life.await;
            // However it ended: nobody may hold its connection, and nothing is written after this.
            shared.set_link(None);
            shared.pairing.close();
            shared.sends.connection_lost();
            sync(&shared).await;
            if ended.is_err_and(|error| error.is_panic()) {
                shared.reports.set(AccountState::Failed, Some(StateReason::Crashed));
            }
        };
        self.tracker.spawn(afterwards.instrument(span.clone()));
        let flushing = flush(Arc::clone(&self.shared), self.stop.clone()).instrument(span);
        self.tracker.spawn(self.cut.clone().run_until_cancelled_owned(flushing));
    }

    /// Which session, under which grant.
    #[must_use]
    pub fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Where it stands, and every change of that.
    #[must_use]
    pub fn reports(&self) -> watch::Receiver<SessionReport> {
        self.shared.reports.subscribe()
    }

    /// The QR code to show, while there is one.
    #[must_use]
    pub fn qr(&self) -> watch::Receiver<Option<QrCode>> {
        self.shared.qr.subscribe()
    }

    /// Asks WhatsApp for a code that links `phone`; one that was given before no longer counts.
    ///
    /// # Errors
    /// [`PairingError::NotReady`] unless the session waits to be linked, or what WhatsApp says.
    pub async fn pairing_code(&self, phone: &PhoneNumber) -> Result<PairingCode, PairingError> {
        self.shared.pairing.request(phone, &*self.clock).await
    }

    /// What it has received and nobody has fetched.
    #[must_use]
    pub fn outboxes(&self) -> &Arc<Outboxes> {
        &self.shared.outboxes
    }

    /// What it takes to fetch the files of messages that it has received.
    #[must_use]
    pub fn media(&self) -> &Arc<PendingMedia> {
        &self.shared.media
    }

    /// Fetches the file of a received message, of at most `limit` bytes, into `file`, which is empty.
    ///
    /// # Errors
    /// [`DownloadError`].
    pub async fn download(
        &self,
        record: &MediaRecord,
        file: std::fs::File,
        limit: u64,
    ) -> Result<Downloaded, DownloadError> {
        let link = self.shared.link().ok_or(DownloadError::NotConnected)?;
        media::download(&link, record, file, limit).await
    }

    /// Sends a message under the caller's id and waits for the server's acknowledgement. `about` is the message that it answers or reacts to, `file`
    /// has the bytes of its file.
    ///
    /// A repeat of an id that the server has acknowledged writes nothing; one that is on its way is waited for.
    pub async fn send(
        &self,
        to: &Jid,
        id: &ProviderMessageId,
        content: &MessageContent,
        about: Option<&Reference>,
        file: Option<Arc<dyn FileSource>>,
    ) -> SendOutcome {
        let mut joined = match self.shared.sends.begin(&id.0) {
            Begin::Acknowledged(at) => return SendOutcome::Acknowledged { at },
            Begin::Join(joined) => joined,
            Begin::Lead(leader) => {
                let joined = leader.subscribe();
                let outgoing = Outgoing {
                    to: to.clone(),
                    id: id.clone(),
                    content: content.clone(),
                    about: about.cloned(),
                    file,
                };
                self.lead(outgoing, leader);
                joined
            }
        };
        match joined.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().unwrap_or(SendOutcome::Unacknowledged),
            Err(_) => SendOutcome::Unacknowledged,
        }
    }

    /// Sends on a task of its own: a caller who hangs up neither stops the send nor those who joined it.
    fn lead(&self, outgoing: Outgoing, leader: watch::Sender<Option<SendOutcome>>) {
        let shared = Arc::clone(&self.shared);
        let (clock, patience) = (Arc::clone(&self.clock), self.config.ack_timeout);
        let cut = self.cut.clone();
        let sending = async move {
            let sending = async {
                match shared.link() {
                    Some(link) if !cut.is_cancelled() => {
                        outbound::send(&link, &shared, &outgoing, clock.as_ref(), patience).await
                    }
                    _ => SendOutcome::NotConnected,
                }
            };
            let outcome = cut.run_until_cancelled(sending).await.unwrap_or(SendOutcome::Unacknowledged);
            shared.sends.finish(&outgoing.id.0, &leader, outcome);
        };
        self.tracker.spawn(sending.in_current_span());
    }

    /// Tells the writer of messages that they were read, as far as the account's privacy settings let it; `sender` is who wrote them in a
    /// group. `false` when nothing was written because there is no connection.
    pub async fn read(&self, chat: &Jid, sender: Option<&Jid>, ids: &[ProviderMessageId]) -> bool {
        let Some(link) = self.shared.link().filter(|_| !self.cut.is_cancelled()) else { return false };
        receipts::read(&link, chat, sender, ids).await
    }

    /// What others see of the account.
    ///
    /// # Errors
    /// [`ProfileError`].
    pub async fn profile(&self) -> Result<Profile, ProfileError> {
        profile::read(&self.connected()?, self.config.ack_timeout).await
    }

    /// Changes what others see of the account; what is `None` stays.
    ///
    /// # Errors
    /// [`ProfileError`].
    pub async fn change_profile(&self, change: ProfileChange) -> Result<(), ProfileError> {
        profile::change(&self.connected()?, self.config.ack_timeout, change).await
    }

    /// The account's picture, a JPEG.
    ///
    /// # Errors
    /// [`ProfileError`]; [`ProfileError::NoPicture`] when there is none.
    pub async fn picture(&self) -> Result<Vec<u8>, ProfileError> {
        profile::picture(&self.connected()?, self.config.ack_timeout).await
    }

    /// Sets the account's picture, a JPEG; without bytes it is taken away.
    ///
    /// # Errors
    /// [`ProfileError`].
    pub async fn set_picture(&self, jpeg: Vec<u8>) -> Result<(), ProfileError> {
        profile::set_picture(&self.connected()?, self.config.ack_timeout, jpeg).await
    }

    fn connected(&self) -> Result<Arc<Link>, ProfileError> {
        self.shared.link().ok_or(ProfileError::NotConnected)
    }

    /// Removes the linked device at WhatsApp and deletes the credentials.
    ///
    /// # Errors
    /// [`EngineError::NotConnected`] when linked but offline: then WhatsApp would keep the device.
    pub async fn logout(&self) -> Result<(), EngineError> {
        let (reply, done) = oneshot::channel();
        self.commands.send(Command::Logout(reply)).await.map_err(|_| EngineError::Stopped)?;
        done.await.map_err(|_| EngineError::Stopped)?
    }

    /// Ends the session: closes its connection in order, then cuts whatever is left. Doing it again changes nothing.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tracker.close();
        let patience = self.config.close_timeout + STOP_MARGIN;
        if tokio::time::timeout(patience, self.tracker.wait()).await.is_err() {
            tracing::error!(account.id = %self.lease.account_id, "a session did not stop in time and is cut");
            self.cut.cancel();
            if tokio::time::timeout(STOP_MARGIN, self.tracker.wait()).await.is_err() {
                tracing::error!(account.id = %self.lease.account_id, "a session hangs and is abandoned");
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.stop.cancel();
        self.tracker.close();
    }
}

async fn open_outboxes(directory: &Arc<SessionDirectory>) -> Result<(Outboxes, PendingMedia), OpenError> {
    let directory = Arc::clone(directory);
    let opening = tokio::task::spawn_blocking(move || {
        Ok::<_, StoreError>((directory.open_outboxes()?, directory.open_pending_media()?))
    });
    Ok(opening.await.map_err(|error| OpenError::Engine(error.to_string()))??)
}

/// Puts on disk what was only written, soon after, many entries at a time. What is written after the stop is put there when the
/// connection has ended.
async fn flush(shared: Arc<Shared>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = shared.written.notified() => {}
        }
        tokio::time::sleep(GATHER).await;
        sync(&shared).await;
    }
}

async fn sync(shared: &Arc<Shared>) {
    let outboxes = Arc::clone(&shared.outboxes);
    match tokio::task::spawn_blocking(move || outboxes.sync()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "the outbox could not be put on disk"),
        Err(error) => tracing::error!(%error, "the flush of the outbox ended early"),
    }
}
