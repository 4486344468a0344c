//! The owner of one session: takes commands one after the other, opens and closes the session, opens it again after a crash.

mod lifecycle;
mod obey;

use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use blazz_domain::{AccountState, Incarnation, Lease, SessionSettings, StateReason};
use blazz_whatsapp::StateNumbers;
use futures_util::FutureExt as _;
use tokio::sync::mpsc;

use super::command::Envelope;
use super::phase::{Phase, Step};
use super::published::Published;
use crate::backoff::Backoff;
use crate::context::Context;
use crate::media::Fetcher;
use crate::pump::Pump;

/// Waits before a session that failed by a fault of its own is opened again.
const CRASHED: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
/// A session that ran for so long has recovered: the next failure starts with the first wait again.
const STABLE: Duration = Duration::from_secs(60);

/// The owner of one session.
pub(super) struct Actor {
    context: Arc<Context>,
    published: Arc<Published>,
    commands: mpsc::Receiver<Envelope>,
    numbers: StateNumbers,
    lease: Lease,
    /// Whether the account was ever linked; `None` while nobody has said so.
    linked: Option<bool>,
    /// What the tenant has chosen; `None` while nobody has said so: then what an earlier run was told holds.
    settings: Option<SessionSettings>,
    phase: Phase,
    /// Hands over what the session, or an earlier one, has received.
    pump: Option<Pump>,
    /// Fetches the files of messages that the session has received.
    fetcher: Option<Fetcher>,
    backoff: Backoff,
}

impl Actor {
    pub(super) fn new(
        context: Arc<Context>,
        incarnation: Incarnation,
        lease: Lease,
        commands: mpsc::Receiver<Envelope>,
    ) -> Self {
        let numbers = StateNumbers::new(incarnation, 1);
        let changes = Arc::clone(&context.changes);
        let published = Arc::new(Published::new(lease, numbers.next(), &*context.clock, changes));
        Self {
            context,
            published,
            commands,
            numbers,
            lease,
            linked: None,
            settings: None,
            phase: Phase::Resting,
            pump: None,
            fetcher: None,
            backoff: CRASHED.clone(),
        }
    }

    pub(super) fn published(&self) -> Arc<Published> {
        Arc::clone(&self.published)
    }

    /// Lives until the session is deleted or the node ends.
    pub(super) async fn run(mut self) {
        while AssertUnwindSafe(self.live()).catch_unwind().await.is_err() {
            tracing::error!("the code that looks after a session panicked");
            self.fail(StateReason::Crashed, true).await;
        }
    }

    async fn live(&mut self) {
        loop {
            let is_at_rest = self.phase.is_resting();
            tokio::select! {
                envelope = self.commands.recv() => match envelope {
                    Some(envelope) => {
                        if self.obey(envelope).await.is_break() {
                            return;
                        }
                    }
                    None => return self.leave().await,
                },
                step = self.phase.next() => self.take(step).await,
                () = drained(&mut self.pump), if is_at_rest => self.retire_pump().await,
            }
        }
    }

    /// Takes note of what happened.
    async fn take(&mut self, step: Step) {
        match step {
            Step::Opened(Ok(live)) => self.opened(live),
            Step::Opened(Err(error)) => self.not_opened(error).await,
            Step::Report(report) => self.reported(report).await,
            Step::Qr(qr) => self.published.show(qr),
            Step::Broken => self.fail(StateReason::Crashed, true).await,
            Step::TurnEnded => self.end_turn(),
            Step::Retry => {
                tracing::info!("the session is opened again");
                // Its failure is published and another try is due.
                drop(self.begin().await);
            }
        }
    }

    fn publish(&self, state: AccountState, reason: Option<StateReason>) {
        self.published.publish(state, reason, self.numbers.next(), &*self.context.clock);
    }

    fn end_turn(&mut self) {
        if let Phase::Live(live) = &mut self.phase {
            live.end_turn();
        }
    }
}

/// Waits until the pump has nothing left; for ever without one.
async fn drained(pump: &mut Option<Pump>) {
    match pump {
        Some(pump) => pump.drained().await,
        None => std::future::pending().await,
    }
}

/// Whether the actor goes on.
type Flow = ControlFlow<()>;
