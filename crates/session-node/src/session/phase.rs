//! What a session's actor is in the middle of, and what happens next in it.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use blazz_domain::{QrCode, SessionReport, SessionSettings};
use blazz_session_store::SessionDirectory;
use blazz_whatsapp::StateNumbers;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, Sleep};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::context::Context;
use crate::engine::LiveSession;

/// How long an opening may take, the wait for its turn apart.
const OPEN_DEADLINE: Duration = Duration::from_secs(15);
/// How long a session that is logging in keeps others from starting.
const START_TURN: Duration = Duration::from_secs(5);

pub(super) enum Phase {
    /// Nothing runs.
    Resting,
    /// The session is being opened.
    Opening(Opening),
    /// The session is open.
    Live(Live),
    /// It failed, and is opened again after a while.
    Waiting(Pin<Box<Sleep>>),
}

/// What happened in a phase.
pub(super) enum Step {
    Opened(anyhow::Result<Live>),
    Report(SessionReport),
    Qr(Option<QrCode>),
    /// The session's own code has ended without a word.
    Broken,
    /// Others may start.
    TurnEnded,
    Retry,
}

impl Phase {
    /// Waits for the next step; may be dropped and called again.
    pub(super) async fn next(&mut self) -> Step {
        match self {
            Self::Resting => std::future::pending().await,
            Self::Opening(opening) => {
                let opened = opening.finish().await;
                // Its task is over: nobody may wait for it a second time.
                *self = Self::Resting;
                Step::Opened(opened)
            }
            Self::Live(live) => live.next().await,
            Self::Waiting(sleep) => {
                sleep.await;
                Step::Retry
            }
        }
    }

    pub(super) fn waiting(wait: Duration) -> Self {
        Self::Waiting(Box::pin(tokio::time::sleep(wait)))
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(self, Self::Opening(_) | Self::Live(_))
    }

    pub(super) fn is_resting(&self) -> bool {
        matches!(self, Self::Resting)
    }
}

/// A session on its way, on a task of its own: whatever its code does there, the actor goes on.
pub(super) struct Opening {
    task: JoinHandle<anyhow::Result<Live>>,
    cancelled: CancellationToken,
}

impl Opening {
    pub(super) fn begin(
        context: &Arc<Context>,
        settings: SessionSettings,
        directory: SessionDirectory,
        numbers: StateNumbers,
    ) -> Self {
        let cancelled = CancellationToken::new();
        let opening = open(Arc::clone(context), settings, directory, numbers, cancelled.clone());
        Self { task: context.runtime.spawn(opening.in_current_span()), cancelled }
    }

    async fn finish(&mut self) -> anyhow::Result<Live> {
        match (&mut self.task).await {
            Ok(opened) => opened,
            Err(error) if error.is_panic() => Err(anyhow!("the session's code panicked")),
            Err(_) => Err(anyhow!("the opening was cancelled")),
        }
    }

    /// Gives up the wait for a turn; an opening that has begun is finished, so that nothing is left half open.
    pub(super) async fn cancel(mut self) -> Option<Live> {
        self.cancelled.cancel();
        self.finish().await.ok()
    }
}

async fn open(
    context: Arc<Context>,
    settings: SessionSettings,
    directory: SessionDirectory,
    numbers: StateNumbers,
    cancelled: CancellationToken,
) -> anyhow::Result<Live> {
    let turn = tokio::select! {
        turn = Arc::clone(&context.starts).acquire_owned() => turn?,
        () = cancelled.cancelled() => return Err(anyhow!("the start was taken back")),
    };
    let opening = context.engine.open(settings, directory, numbers);
    let session = tokio::time::timeout(OPEN_DEADLINE, opening)
        .await
        .map_err(|_| anyhow!("the session did not open in time"))??;
    Ok(Live::new(session, turn))
}

/// An open session, watched.
pub(super) struct Live {
    pub(super) session: Arc<dyn LiveSession>,
    reports: watch::Receiver<SessionReport>,
    qr: watch::Receiver<Option<QrCode>>,
    shows_qr: bool,
    turn: Option<OwnedSemaphorePermit>,
    turn_ends: Instant,
    pub(super) opened_at: Instant,
}

impl Live {
    fn new(session: Arc<dyn LiveSession>, turn: OwnedSemaphorePermit) -> Self {
        let (mut reports, mut qr) = (session.reports(), session.qr());
        // What the session said before anybody listened counts as news.
        reports.mark_changed();
        qr.mark_changed();
        let now = Instant::now();
        Self {
            session,
            reports,
            qr,
            shows_qr: true,
            turn: Some(turn),
            turn_ends: now + START_TURN,
            opened_at: now,
        }
    }

    async fn next(&mut self) -> Step {
        tokio::select! {
            changed = self.qr.changed(), if self.shows_qr => {
                self.shows_qr = changed.is_ok();
                Step::Qr(if changed.is_ok() { self.qr.borrow_and_update().clone() } else { None })
            }
            changed = self.reports.changed() => match changed {
                Ok(()) => Step::Report(self.reports.borrow_and_update().clone()),
                Err(_) => Step::Broken,
            },
            () = tokio::time::sleep_until(self.turn_ends), if self.turn.is_some() => Step::TurnEnded,
        }
    }

    /// The last thing the session said.
    pub(super) fn last_report(&self) -> SessionReport {
        self.reports.borrow().clone()
    }

    /// The start is over: the next session may start.
    pub(super) fn end_turn(&mut self) {
        self.turn = None;
    }
}
