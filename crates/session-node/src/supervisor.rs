//! All sessions of this node: finds the one a call is for, and keeps them apart.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use blazz_domain::{
    AccountId, AccountState, Incarnation, Lease, PairingCode, PhoneNumber, QrCode, SendOutcome,
};
use blazz_whatsapp::PairingError;
use blazz_wire::node_api::{
    Assignment, Deleted, MAX_READ_IDS, ReadMessages, SendMessage, SessionStatus, StartSession,
};
use futures_util::future::join_all;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::context::Context;
use crate::engine::LiveSession;
use crate::fault::Fault;
use crate::media;
use crate::session::{Command, Handle, Published};

/// How long a send may take in all; the session itself gives up earlier.
const SEND_DEADLINE: Duration = Duration::from_secs(13);
/// The same for a message with a file, which is fetched and put on a media host first; the API gives up after 300 s.
const FILE_DEADLINE: Duration = Duration::from_secs(285);
/// The longest wait for a QR code.
const QR_DEADLINE: Duration = Duration::from_secs(60);
/// How long a session may take until it can be asked for a pairing code.
const PAIRING_DEADLINE: Duration = Duration::from_secs(20);
/// Nothing new is taken.
const ENDING: Fault = Fault::NodeBusy("is ending");

/// The sessions of this node, by account.
pub(crate) struct Supervisor {
    context: Arc<Context>,
    capacity: usize,
    sessions: Mutex<Sessions>,
    tasks: TaskTracker,
}

#[derive(Default)]
struct Sessions {
    handles: HashMap<AccountId, Arc<Handle>>,
    /// Nobody is added any more.
    is_ending: bool,
}

impl Supervisor {
    pub(crate) fn new(context: Arc<Context>, capacity: usize) -> Self {
        Self { context, capacity, sessions: Mutex::default(), tasks: TaskTracker::new() }
    }

    pub(crate) async fn start(&self, lease: Lease, start: StartSession) -> Result<SessionStatus, Fault> {
        let is_live = self.find(lease.account_id).is_some_and(|handle| handle.published.state().is_live());
        if !is_live && self.live_sessions() >= self.capacity {
            return Err(Fault::NoCapacity);
        }
        let StartSession { linked, settings } = start;
        self.command(lease, Command::Start { lease, linked, settings }).await
    }

    pub(crate) async fn ensure(&self, assignment: Assignment) -> Result<SessionStatus, Fault> {
        let Assignment { lease, linked, settings } = assignment;
        self.command(lease, Command::Ensure { lease, linked, settings }).await
    }

    pub(crate) async fn stop(&self, lease: Lease) -> Result<SessionStatus, Fault> {
        self.command(lease, Command::Stop(lease)).await
    }

    /// Stops a session that the API does not want here; one that rests is left alone.
    pub(crate) async fn stop_if_running(&self, lease: Lease) -> Result<(), Fault> {
        let handle = self.running(lease)?;
        if handle.published.state() == AccountState::Stopped {
            handle.published.remind();
            return Ok(());
        }
        self.stop(lease).await.map(drop)
    }

    pub(crate) async fn restart(&self, lease: Lease) -> Result<SessionStatus, Fault> {
        self.command(lease, Command::Restart(lease)).await
    }

    pub(crate) async fn logout(&self, lease: Lease) -> Result<SessionStatus, Fault> {
        self.command(lease, Command::Logout(lease)).await
    }

    pub(crate) async fn delete(&self, lease: Lease) -> Result<Deleted, Fault> {
        self.command(lease, Command::Delete(lease)).await?;
        let mut sessions = self.sessions();
        if sessions.handles.get(&lease.account_id).is_some_and(|handle| handle.is_gone()) {
            sessions.handles.remove(&lease.account_id);
        }
        drop(sessions);
        let Lease { workspace_id, account_id, .. } = lease;
        Ok(Deleted { workspace_id, account_id, at: self.context.clock.now() })
    }

    /// Hands over what earlier runs of a session left, without running it.
    pub(crate) async fn drain(&self, lease: Lease) -> Result<SessionStatus, Fault> {
        self.command(lease, Command::Drain).await
    }

    pub(crate) fn state(&self, lease: Lease) -> Result<SessionStatus, Fault> {
        let incarnation = self.ready()?;
        Ok(self.running(lease)?.published.status_under(incarnation))
    }

    /// Every session, at rest or not, by account.
    pub(crate) fn list(&self) -> Result<Vec<SessionStatus>, Fault> {
        let incarnation = self.ready()?;
        let handles = self.handles();
        let mut statuses: Vec<_> =
            handles.iter().map(|handle| handle.published.status_under(incarnation)).collect();
        statuses.sort_by_key(|status| status.lease.account_id);
        Ok(statuses)
    }

    /// Hands a message to its session and waits for WhatsApp's acknowledgement.
    pub(crate) async fn send(&self, lease: Lease, message: SendMessage) -> Result<SendOutcome, Fault> {
        self.ready()?;
        let handle = self.running(lease)?;
        if !handle.published.state().is_live() {
            return Err(Fault::NotRunning);
        }
        let published = Arc::clone(&handle.published);
        // On a task of its own, which ends also when the caller hangs up: what was begun is finished.
        let context = Arc::clone(&self.context);
        let sending = self.context.runtime.spawn(send(context, lease, published, message).in_current_span());
        let outcome = sending.await.unwrap_or(SendOutcome::Unacknowledged);
        self.context.metrics.sent(&outcome);
        Ok(outcome)
    }

    /// Tells the writer of messages that they were read.
    pub(crate) async fn read(&self, lease: Lease, messages: ReadMessages) -> Result<(), Fault> {
        self.ready()?;
        if messages.ids.len() > MAX_READ_IDS {
            return Err(Fault::TooMany);
        }
        let published = Arc::clone(&self.running(lease)?.published);
        let session = published.live().ok_or(Fault::NotRunning)?;
        let told = tokio::time::timeout(SEND_DEADLINE, session.read(&messages)).await;
        if told.map_err(|_| Fault::TimedOut)? { Ok(()) } else { Err(Fault::NotRunning) }
    }

    /// The code to scan; waits up to `wait` for one.
    pub(crate) async fn qr(&self, lease: Lease, wait: Duration) -> Result<QrCode, Fault> {
        self.ready()?;
        let handle = self.running(lease)?;
        let (mut codes, mut statuses) = (handle.published.qr(), handle.published.statuses());
        let deadline = Instant::now() + wait.min(QR_DEADLINE);
        loop {
            let code = codes.borrow_and_update().clone();
            if let Some(code) = code.filter(|code| code.expires_at > self.context.clock.now()) {
                return Ok(code);
            }
            if !may_show_a_code(&statuses.borrow_and_update()) {
                return Err(Fault::NoQr);
            }
            tokio::select! {
                changed = codes.changed() => changed.map_err(|_| Fault::NoQr)?,
                changed = statuses.changed() => changed.map_err(|_| Fault::NoQr)?,
                () = tokio::time::sleep_until(deadline) => return Err(Fault::NoQr),
            }
        }
    }

    /// A code to type into `phone`, once the session waits to be linked.
    pub(crate) async fn pairing_code(&self, lease: Lease, phone: PhoneNumber) -> Result<PairingCode, Fault> {
        self.ready()?;
        let published = Arc::clone(&self.running(lease)?.published);
        // On a task of its own: what a caller who hangs up began is finished all the same.
        let asking = self.context.runtime.spawn(ask_for_code(published, phone).in_current_span());
        asking.await.unwrap_or(Err(Fault::NotRunning))
    }

    /// The open session, for a question that only a connected one can answer.
    pub(crate) fn open_session(&self, lease: Lease) -> Result<Arc<dyn LiveSession>, Fault> {
        self.ready()?;
        self.running(lease)?.published.live().ok_or(Fault::NotRunning)
    }

    /// Ends every session and hands over what it can until `deadline`. Nothing is taken after that.
    pub(crate) async fn end(&self, deadline: Instant) {
        self.sessions().is_ending = true;
        let handles = self.handles();
        join_all(handles.iter().map(|handle| async {
            if let Err(error) = handle.call(Command::End(deadline)).await
                && !handle.is_gone()
            {
                tracing::warn!(%error, account.id = %handle.published.lease().account_id, "a session did not end in time");
            }
        }))
        .await;
    }

    /// The sessions with these accounts, as heartbeats report them.
    pub(crate) fn statuses(&self, accounts: impl Iterator<Item = AccountId>) -> Vec<SessionStatus> {
        let Some(incarnation) = self.context.incarnation.get() else { return Vec::new() };
        let sessions = self.sessions();
        accounts
            .filter_map(|account| Some(sessions.handles.get(&account)?.published.status_under(incarnation)))
            .collect()
    }

    /// Every session has news again.
    pub(crate) fn report_all(&self) {
        for account in self.sessions().handles.keys() {
            self.context.changes.mark_quietly(*account);
        }
    }

    pub(crate) fn states(&self) -> Vec<AccountState> {
        self.handles().iter().map(|handle| handle.published.state()).collect()
    }

    pub(crate) fn live_sessions(&self) -> usize {
        self.states().into_iter().filter(|state| state.is_live()).count()
    }

    pub(crate) fn outbox_pending(&self) -> u64 {
        self.handles().iter().map(|handle| handle.published.outbox_pending()).sum()
    }

    async fn command(&self, lease: Lease, command: Command) -> Result<SessionStatus, Fault> {
        let incarnation = self.ready()?;
        let handle = self.find_or_add(lease, incarnation)?;
        handle.call(command).await?;
        Ok(handle.published.status_under(incarnation))
    }

    fn ready(&self) -> Result<Incarnation, Fault> {
        if self.sessions().is_ending {
            return Err(ENDING);
        }
        self.context.incarnation.get().ok_or(Fault::NodeBusy("is not registered yet"))
    }

    /// The session, held under this very grant.
    fn running(&self, lease: Lease) -> Result<Arc<Handle>, Fault> {
        let handle = self.find(lease.account_id).ok_or(Fault::NotRunning)?;
        if handle.published.lease() == lease { Ok(handle) } else { Err(Fault::StaleLease) }
    }

    fn find(&self, account: AccountId) -> Option<Arc<Handle>> {
        self.sessions().handles.get(&account).filter(|handle| !handle.is_gone()).cloned()
    }

    fn find_or_add(&self, lease: Lease, incarnation: Incarnation) -> Result<Arc<Handle>, Fault> {
        let mut sessions = self.sessions();
        if sessions.is_ending {
            return Err(ENDING);
        }
        if let Some(handle) = sessions.handles.get(&lease.account_id).filter(|handle| !handle.is_gone()) {
            return Ok(Arc::clone(handle));
        }
        let handle = Arc::new(Handle::spawn(&self.context, incarnation, lease, &self.tasks));
        sessions.handles.insert(lease.account_id, Arc::clone(&handle));
        Ok(handle)
    }

    /// All of them, as they are now.
    fn handles(&self) -> Vec<Arc<Handle>> {
        self.sessions().handles.values().cloned().collect()
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session that starts, or waits for a scan, shows a code sooner or later; one that is linked does not.
fn may_show_a_code(status: &SessionStatus) -> bool {
    match status.report.state {
        AccountState::Starting | AccountState::Qr => true,
        AccountState::Connecting | AccountState::Disconnected => status.report.phone.is_none(),
        _ => false,
    }
}

async fn send(
    context: Arc<Context>,
    lease: Lease,
    published: Arc<Published>,
    message: SendMessage,
) -> SendOutcome {
    let file = media::source(&context, lease, &message.content);
    let deadline = Instant::now() + if file.is_some() { FILE_DEADLINE } else { SEND_DEADLINE };
    let turn = async {
        match &file {
            Some(_) => context.uploads.acquire().await.map(Some),
            None => Ok(None),
        }
    };
    let Ok(Ok(_file_turn)) = tokio::time::timeout_at(deadline, turn).await else {
        return SendOutcome::NotConnected;
    };
    let Ok(Ok(_turn)) = tokio::time::timeout_at(deadline, published.sends.acquire()).await else {
        return SendOutcome::NotConnected;
    };
    let Some(session) = published.live() else { return SendOutcome::NotConnected };
    tokio::time::timeout_at(deadline, session.send(&message, file))
        .await
        .unwrap_or(SendOutcome::Unacknowledged)
}

/// Asks as soon as the session waits to be linked.
async fn ask_for_code(published: Arc<Published>, phone: PhoneNumber) -> Result<PairingCode, Fault> {
    let (mut codes, mut statuses) = (published.qr(), published.statuses());
    let deadline = Instant::now() + PAIRING_DEADLINE;
    loop {
        codes.mark_unchanged();
        let status = statuses.borrow_and_update().clone();
        if status.report.phone.is_some() {
            return Err(Fault::AlreadyLinked);
        }
        if let Some(reason) = status.report.reason.filter(|reason| reason.is_proxy()) {
            return Err(Fault::ProxyFailed(reason));
        }
        if !may_show_a_code(&status) {
            return Err(Fault::NotRunning);
        }
        if let Some(session) = published.live() {
            match session.pairing_code(&phone).await {
                Err(PairingError::NotReady) => {}
                answer => return Ok(answer?),
            }
        }
        tokio::select! {
            changed = codes.changed() => changed.map_err(|_| Fault::NotRunning)?,
            changed = statuses.changed() => changed.map_err(|_| Fault::NotRunning)?,
            () = tokio::time::sleep_until(deadline) => return Err(Fault::TimedOut),
        }
    }
}
