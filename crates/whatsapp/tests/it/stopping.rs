//! A stopped session leaves nothing behind.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use blazz_domain::{
    AccountState, Clock, ProviderMessageId, SendOutcome, StateReason, SystemClock, Timestamp,
};
use blazz_emulator::{Fault, FaultRequest};
use blazz_session_store::StoreError;
use blazz_whatsapp::{EngineError, OpenError};
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::stage::{Stage, connected, qr, send, state_for, until};

/// How many files this process has open below a directory.
fn open_files(directory: &Path) -> usize {
    let files = std::fs::read_dir("/proc/self/fd").unwrap();
    let targets = files.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
    targets.filter(|target| target.starts_with(directory)).count()
}

async fn leaves_nothing(during_qr: bool) {
    let stage = Stage::new().await;
    // What a process needs once is not a leak: the first session pays for it.
    let session = stage.open(false).await.unwrap();
    qr(&session).await;
    stage.close(session).await;
    let directory = stage.directory.path().canonicalize().unwrap();
    until("the first session to be gone", async || (open_files(&directory) == 0).then_some(())).await;
    until("its sockets to be gone", async || (stage.emulator.stats().await.live_sockets == 0).then_some(()))
        .await;
    let tasks = Handle::current().metrics().num_alive_tasks();

    let session = if during_qr { stage.open(false).await.unwrap() } else { stage.linked().await };
    if during_qr {
        qr(&session).await;
    }
    assert!(open_files(&directory) > 0 && Handle::current().metrics().num_alive_tasks() > tasks);
    let (mut reports, mut codes) = (session.reports(), session.qr());
    let begun = Instant::now();
    session.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    session.stop().await;
    let last = reports.borrow_and_update().clone();
    assert_eq!((last.state, last.reason), (AccountState::Stopped, Some(StateReason::Requested)));
    assert!(codes.borrow_and_update().is_none());
    drop(session);

    until("the files to be closed", async || (open_files(&directory) == 0).then_some(())).await;
    until("the socket to be gone", async || (stage.emulator.stats().await.live_sockets == 0).then_some(()))
        .await;
    // What is left is the emulator's own.
    until("the tasks to be gone", async || {
        (Handle::current().metrics().num_alive_tasks() <= tasks).then_some(())
    })
    .await;
    assert!(reports.has_changed().is_err() && codes.has_changed().is_err(), "nobody is left to say anything");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_stopped_at_its_qr_code_leaves_nothing() {
    leaves_nothing(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connected_session_leaves_nothing() {
    leaves_nothing(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_session_ends_too() {
    let stage = Stage::new().await;
    let session = stage.open(false).await.unwrap();
    qr(&session).await;
    drop(session);
    let directory = stage.directory.path().canonicalize().unwrap();
    until("its files to be closed", async || (open_files(&directory) == 0).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_does_not_hang_the_stop() {
    let mut stage = Stage::new().await;
    stage.config.close_timeout = Duration::from_secs(1);
    let session = stage.linked().await;
    stage.emulator.fault(FaultRequest::new(Fault::Delay { ms: 60_000 })).await.unwrap();
    stage.bert_writes("stuck on its way").await;
    let begun = Instant::now();
    stage.close(session).await;
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());

    // One that takes the connection and then says nothing at all.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    stage.config.endpoint = Some(format!("ws://{}/", silent.local_addr().unwrap()).parse().unwrap());
    let session = stage.reopen().await;
    let accepted = tokio::task::spawn_blocking(move || silent.accept().map(|(socket, _)| (socket, silent)));
    let _held = accepted.await.unwrap().unwrap();
    let begun = Instant::now();
    stage.close(session).await;
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

/// A clock that breaks down when it is read for the last time.
#[derive(Debug)]
struct BreaksDown {
    readings: AtomicU32,
}

impl Clock for BreaksDown {
    fn now(&self) -> Timestamp {
        let left = self.readings.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        assert_ne!(left, Ok(1), "the clock breaks down");
        SystemClock.now()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_whose_code_panics_on_a_live_connection_opens_again() {
    let stage = Stage::new().await;
    let session = stage.linked().await;
    stage.close(session).await;

    // Read when it starts, when it connects, and when it is connected.
    let clock = Arc::new(BreaksDown { readings: AtomicU32::new(3) });
    let session = until("the directory to be free", async || {
        match stage.open_by(Arc::<BreaksDown>::clone(&clock), true).await {
            Err(OpenError::Store(StoreError::Busy)) => None,
            opened => Some(opened.unwrap()),
        }
    })
    .await;
    state_for(&session, AccountState::Failed, StateReason::Crashed).await;
    stage.close(session).await;
    until("the socket to be gone", async || (stage.emulator.stats().await.live_sockets == 0).then_some(()))
        .await;

    let session = stage.reopen().await;
    connected(&session).await;
    let sent = send(&session, &ProviderMessageId::generate(), "alive").await;
    assert!(matches!(sent, SendOutcome::Acknowledged { .. }), "{sent:?}");
    stage.close(session).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logout_that_hangs_does_not_hang_the_stop() {
    let mut stage = Stage::new().await;
    stage.config.close_timeout = Duration::from_secs(1);
    stage.config.ack_timeout = Duration::from_secs(60);
    let session = Arc::new(stage.linked().await);
    stage.emulator.fault(FaultRequest::new(Fault::Delay { ms: 60_000 })).await.unwrap();
    let leaving = tokio::spawn({
        let session = Arc::clone(&session);
        async move { session.logout().await }
    });
    // The server has removed it, and holds its answer back.
    stage.device(<[_]>::is_empty).await;
    let begun = Instant::now();
    session.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    assert!(matches!(leaving.await.unwrap(), Err(EngineError::Stopped)));
}
