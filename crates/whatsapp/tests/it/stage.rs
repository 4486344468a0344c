//! An emulator with phones, a session root, and waiting for what a session says.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use blazz_domain::{
    AccountId, AccountState, Clock, Epoch, Incarnation, Jid, Lease, MessageContent, ProviderMessageId,
    SendOutcome, SessionEvent, SessionReport, SessionSettings, StateReason, SystemClock, WorkspaceId,
};
use blazz_emulator::{DeviceInfo, Emulator, EmulatorConfig, PhoneMessage};
use blazz_session_store::{SessionRoot, StorageKey, StorageKeys, StoreError};
use blazz_whatsapp::{Backoff, EngineConfig, OpenError, Session, StateNumbers};

pub(crate) const ANNA: &str = "15550000001";
pub(crate) const BERT: &str = "15550000002";
/// How long a test waits before it calls a step failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Where sessions live in a test.
pub(crate) struct Stage {
    pub(crate) emulator: Emulator,
    pub(crate) root: SessionRoot,
    pub(crate) config: EngineConfig,
    pub(crate) settings: SessionSettings,
    pub(crate) numbers: StateNumbers,
    pub(crate) lease: Lease,
    pub(crate) directory: tempfile::TempDir,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let _set_up_before = tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .with_test_writer()
            .try_init();
        let emulator = Emulator::start(EmulatorConfig::default()).await.unwrap();
        for (phone, name) in [(ANNA, "Anna"), (BERT, "Bert")] {
            emulator.add_phone(phone, name).await.unwrap();
        }
        let directory = tempfile::tempdir().unwrap();
        let backoff = Backoff { first: Duration::from_millis(40), ..Backoff::default() };
        Self {
            config: EngineConfig {
                endpoint: Some(emulator.ws_url().parse().unwrap()),
                backoff,
                prekeys: Some(30),
                ..EngineConfig::default()
            },
            settings: SessionSettings::default(),
            emulator,
            root: SessionRoot::open(&directory.path().join("sessions"), keys()).unwrap(),
            numbers: StateNumbers::new(Incarnation(1), 0),
            lease: Lease { workspace_id: WorkspaceId::new(), account_id: AccountId::new(), epoch: Epoch(1) },
            directory,
        }
    }

    /// Opens the stage's session.
    pub(crate) async fn open(&self, linked: bool) -> Result<Session, OpenError> {
        self.open_by(Arc::new(SystemClock), linked).await
    }

    /// Opens the stage's session by another clock.
    pub(crate) async fn open_by(&self, clock: Arc<dyn Clock>, linked: bool) -> Result<Session, OpenError> {
        let directory = self.root.open_session(&self.lease, linked)?;
        let (config, settings) = (Arc::new(self.config.clone()), self.settings.clone());
        Session::open(config, settings, directory, self.numbers.clone(), clock).await
    }

    /// Opens the stage's session as soon as whoever had it open before is gone.
    pub(crate) async fn reopen(&self) -> Session {
        until("the directory to be free", async || match self.open(true).await {
            Ok(session) => Some(session),
            Err(OpenError::Store(StoreError::Busy)) => None,
            Err(error) => panic!("{error}"),
        })
        .await
    }

    /// A session that Anna's phone has scanned, connected.
    pub(crate) async fn linked(&self) -> Session {
        let session = self.open(false).await.unwrap();
        let code = qr(&session).await;
        self.emulator.scan(ANNA, &code).await.unwrap();
        connected(&session).await;
        session
    }

    /// The session, and another with a copy of its credentials, in a copy of the root.
    pub(crate) async fn twins(&self, session: Session) -> (Session, Session) {
        self.close(session).await;
        let copy = self.directory.path().join("twin");
        copy_all(&self.directory.path().join("sessions"), &copy);
        let session = self.reopen().await;
        connected(&session).await;
        let directory = SessionRoot::open(&copy, keys()).unwrap().open_session(&self.lease, true).unwrap();
        let (config, clock) = (Arc::new(self.config.clone()), Arc::new(SystemClock));
        let settings = self.settings.clone();
        let twin = Session::open(config, settings, directory, self.numbers.clone(), clock).await.unwrap();
        (session, twin)
    }

    /// Stops a session and gives its directory back.
    pub(crate) async fn close(&self, session: Session) {
        session.stop().await;
        drop(session);
    }

    /// Bert's phone writes to the session.
    pub(crate) async fn bert_writes(&self, text: &str) -> String {
        self.emulator.send_text(BERT, ANNA, text, None).await.unwrap()
    }

    /// A phone's copy of a message.
    pub(crate) async fn phone_has(&self, phone: &str, id: &str) -> PhoneMessage {
        until("the message on the phone", async || {
            self.emulator.messages(phone).await.unwrap().into_iter().find(|message| message.id == id)
        })
        .await
    }

    pub(crate) async fn device(&self, check: impl Fn(&[DeviceInfo]) -> bool) -> Vec<DeviceInfo> {
        until("the phone's devices", async || {
            let devices = self.emulator.devices(ANNA).await.unwrap();
            check(&devices).then_some(devices)
        })
        .await
    }
}

/// Checks again until there is something.
pub(crate) async fn until<T>(what: &str, mut check: impl AsyncFnMut() -> Option<T>) -> T {
    let waiting = async {
        loop {
            if let Some(found) = check().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    match tokio::time::timeout(PATIENCE, waiting).await {
        Ok(found) => found,
        Err(_) => panic!("waited too long for {what}"),
    }
}

/// Waits for a report.
pub(crate) async fn report(
    session: &Session,
    what: &str,
    check: impl Fn(&SessionReport) -> bool,
) -> SessionReport {
    let mut reports = session.reports();
    let found = tokio::time::timeout(PATIENCE, reports.wait_for(|report| check(report))).await;
    match found {
        Ok(report) => report.unwrap().clone(),
        Err(_) => panic!("waited too long for {what}; it is {:?}", *session.reports().borrow()),
    }
}

pub(crate) async fn state(session: &Session, state: AccountState) -> SessionReport {
    report(session, state.as_str(), |report| report.state == state).await
}

pub(crate) async fn state_for(session: &Session, state: AccountState, reason: StateReason) -> SessionReport {
    report(session, state.as_str(), |report| report.state == state && report.reason == Some(reason)).await
}

pub(crate) async fn connected(session: &Session) -> SessionReport {
    state(session, AccountState::Connected).await
}

/// Waits for a code and returns its text.
pub(crate) async fn qr(session: &Session) -> String {
    let mut codes = session.qr();
    let code = tokio::time::timeout(PATIENCE, codes.wait_for(Option::is_some)).await;
    code.unwrap().unwrap().clone().unwrap().text
}

pub(crate) fn jid(phone: &str) -> Jid {
    format!("{phone}@s.whatsapp.net").parse().unwrap()
}

pub(crate) async fn send(session: &Session, id: &ProviderMessageId, text: &str) -> SendOutcome {
    session.send(&jid(BERT), id, &MessageContent::Text { text: text.to_owned() }, None, None).await
}

/// Everything in the outboxes that nobody has acknowledged, oldest first, up to the first batch's end.
pub(crate) fn outbox(session: &Session) -> Vec<SessionEvent> {
    let batch = session.outboxes().next_batch(10_000, 1 << 24).unwrap();
    let entries = batch.map(|batch| batch.entries).unwrap_or_default();
    entries.iter().map(|(_, entry)| serde_json::from_slice(entry).unwrap()).collect()
}

/// The texts of the messages in the outbox, with their ids.
pub(crate) fn texts(session: &Session) -> Vec<(String, String)> {
    let events = outbox(session).into_iter();
    let texts = events.filter_map(|event| match event {
        SessionEvent::Message(message) => match message.content {
            MessageContent::Text { text } => Some((message.id.0, text)),
            _ => None,
        },
        SessionEvent::Receipt(_) | SessionEvent::Media(_) => None,
    });
    texts.collect()
}

/// The storage key of every test.
fn keys() -> StorageKeys {
    StorageKeys { current: StorageKey::new(&[5; 32]), previous: None }
}

fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_all(&entry.path(), &target)
        } else {
            drop(std::fs::copy(entry.path(), target))
        }
    }
}
