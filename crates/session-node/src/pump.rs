//! Hands what a session has received to the API, oldest first, and trims what the API has.
//!
//! It outlives the session that filled the outbox: a session at rest still owes the API what it took from WhatsApp.

use std::sync::{Arc, Weak};
use std::time::Duration;

use anyhow::Context as _;
use blazz_domain::{ErrorCode, Lease};
use blazz_session_store::{Batch, Outboxes, StoreError};
use blazz_wire::CallError;
use blazz_wire::control_api::{ENTRY_VERSION, EventBatch, EventEntry};
use serde_json::value::RawValue;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::backoff::Backoff;
use crate::context::Context;

/// The most entries of a batch.
const ENTRIES: usize = 200;
/// The most bytes of a batch; one entry that is larger goes alone.
const BYTES: usize = 1 << 20;
/// Waits while the API is away.
const AWAY: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
/// The wait while the API refuses the session: it may yet be granted again.
const REFUSED: Duration = Duration::from_secs(60);
/// Waits while the API refuses what it ought to take.
const AT_ODDS: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
/// The wait after the disk has failed.
const AWAY_FROM_DISK: Duration = Duration::from_secs(5);
/// The longest wait of a pump that is to end.
const HURRY: Duration = Duration::from_millis(100);

/// A running pump of one session's outboxes.
pub(crate) struct Pump {
    task: JoinHandle<()>,
    ended: CancellationToken,
    hurried: CancellationToken,
    is_empty: watch::Receiver<bool>,
    outboxes: Weak<Outboxes>,
}

impl Pump {
    pub(crate) fn start(context: &Arc<Context>, lease: Lease, outboxes: Arc<Outboxes>) -> Self {
        let (ended, hurried) = (CancellationToken::new(), CancellationToken::new());
        let (says_empty, is_empty) = watch::channel(false);
        let pumped = Arc::downgrade(&outboxes);
        let round = Round { context: Arc::clone(context), lease, outboxes, says_empty };
        let pumping = run(round, ended.clone(), hurried.clone());
        // Not the span of whoever opened the session: a pump outlives every request.
        let span = tracing::info_span!(parent: None, "pump", account.id = %lease.account_id);
        let task = context.runtime.spawn(pumping.instrument(span));
        Self { task, ended, hurried, is_empty, outboxes: pumped }
    }

    /// Waits until the API has everything there is just now.
    pub(crate) async fn drained(&mut self) {
        // An error: its task has ended, and nothing more will be handed over here.
        while self.is_empty.wait_for(|is_empty| *is_empty).await.is_ok() {
            // What was appended just now it may not have seen yet; it will say so.
            let has_more = self.outboxes.upgrade().is_some_and(|outboxes| outboxes.pending() > 0);
            if !has_more || self.is_empty.changed().await.is_err() {
                return;
            }
        }
    }

    /// Ends it and lets go of the outboxes. A batch under way may be taken twice; the API knows what it has.
    pub(crate) async fn end(self) {
        self.ended.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "an event pump did not end in order");
        }
    }

    /// Hands over what there is, until `deadline`, then ends. It does not wait out what it was waiting for.
    pub(crate) async fn flush(mut self, deadline: Instant) {
        self.hurried.cancel();
        if tokio::time::timeout_at(deadline, self.drained()).await.is_err() {
            tracing::warn!("entries stay in the outbox until the next start");
        }
        self.end().await;
    }
}

async fn run(round: Round, ended: CancellationToken, hurried: CancellationToken) {
    keep_pumping(&round, ended, hurried).await;
    // Whoever lets go last deletes files.
    let Round { context, outboxes, .. } = round;
    drop(context.runtime.spawn_blocking(move || drop(outboxes)).await);
}

async fn keep_pumping(round: &Round, ended: CancellationToken, hurried: CancellationToken) {
    let (mut away, mut at_odds) = (AWAY.clone(), AT_ODDS.clone());
    loop {
        let next = tokio::select! {
            () = ended.cancelled() => return,
            next = round.turn() => next,
        };
        let wait = match next {
            Ok(()) => {
                away.reset();
                at_odds.reset();
                continue;
            }
            Err(Failure::Refused(error)) => {
                tracing::warn!(%error, "the API refuses the session's events");
                REFUSED
            }
            Err(Failure::AtOdds(error)) => {
                let wait = at_odds.wait();
                tracing::error!(%error, wait_ms = wait.as_millis(), "the API refuses events that it ought to take");
                wait
            }
            Err(Failure::Away(error)) => {
                let wait = away.wait();
                tracing::debug!(%error, wait_ms = wait.as_millis(), "events could not be handed over");
                wait
            }
            Err(Failure::Store(error)) => {
                tracing::error!(%error, "the outbox cannot be read");
                AWAY_FROM_DISK
            }
        };
        tokio::select! {
            () = ended.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
            () = hurry(&hurried, wait) => {}
        }
    }
}

/// Cuts a wait short once there is little time left.
async fn hurry(hurried: &CancellationToken, wait: Duration) {
    hurried.cancelled().await;
    tokio::time::sleep(wait.min(HURRY)).await;
}

/// Why a batch was not handed over.
enum Failure {
    /// The API knows the session under another grant, or not at all.
    Refused(CallError),
    /// The API refuses it, though not for want of time or of a grant: one of the two is wrong.
    AtOdds(CallError),
    /// The API could not take it just now.
    Away(CallError),
    Store(anyhow::Error),
}

struct Round {
    context: Arc<Context>,
    lease: Lease,
    outboxes: Arc<Outboxes>,
    says_empty: watch::Sender<bool>,
}

impl Round {
    /// Hands one batch over, or waits for something to hand over.
    async fn turn(&self) -> Result<(), Failure> {
        if self.outboxes.pending() == 0 {
            self.says_empty.send_replace(true);
            self.outboxes.changed().await;
            self.says_empty.send_replace(false);
            return Ok(());
        }
        self.says_empty.send_replace(false);
        // Taken before the batch is read: those that wait for their turn hold no memory.
        let _turn = self.context.batches.acquire().await;
        let Some(batch) = self.blocking(|outboxes| outboxes.next_batch(ENTRIES, BYTES)).await? else {
            return Ok(());
        };
        let (outbox_id, last) = (batch.outbox_id, batch.entries.last().map_or(0, |(sequence, _)| *sequence));
        let count = batch.entries.len();
        let upto = self.hand_over(batch).await?.min(last);
        self.blocking(move |outboxes| outboxes.acknowledge(outbox_id, upto)).await?;
        self.context.metrics.pump_batches.inc();
        self.context.metrics.pump_entries.inc_by(u64::try_from(count).unwrap_or_default());
        Ok(())
    }

    /// Returns how far the API has come.
    async fn hand_over(&self, batch: Batch) -> Result<u64, Failure> {
        let Some(incarnation) = self.context.incarnation.get() else {
            return Err(Failure::Away(CallError::Unreachable("the node is not registered".to_owned())));
        };
        let first = batch.entries.first().map_or(0, |(sequence, _)| *sequence);
        let events = EventBatch {
            version: ENTRY_VERSION,
            incarnation,
            outbox_id: batch.outbox_id,
            written_under: batch.written_under,
            entries: batch.entries.into_iter().map(entry).collect(),
        };
        let answer = self.context.control.events(&self.lease, &events).await;
        if answer.is_err() {
            self.context.metrics.pump_failures.inc();
        }
        match answer {
            Ok(acknowledged) if acknowledged.sequence >= first => Ok(acknowledged.sequence),
            Ok(_) => Err(Failure::Away(CallError::BadAnswer("the API acknowledged nothing".to_owned()))),
            Err(CallError::Refused(problem)) if problem.code == ErrorCode::Superseded => {
                // The node may have registered anew while the answer was under way: then another start of it was meant.
                if self.context.incarnation.get() == Some(incarnation) {
                    self.context.superseded.cancel();
                }
                Err(Failure::Away(CallError::Refused(problem)))
            }
            Err(CallError::Refused(problem)) if is_final(problem.code) => {
                Err(Failure::Refused(CallError::Refused(problem)))
            }
            Err(CallError::Refused(problem)) if problem.status != 503 => {
                self.context.metrics.pump_refusals.inc();
                Err(Failure::AtOdds(CallError::Refused(problem)))
            }
            Err(error) => Err(Failure::Away(error)),
        }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Outboxes) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Failure> {
        let outboxes = Arc::clone(&self.outboxes);
        let done = self.context.runtime.spawn_blocking(move || work(&outboxes)).await;
        done.context("the outbox's code failed").and_then(|done| Ok(done?)).map_err(Failure::Store)
    }
}

/// Whether the API says that it will not take events of this session for now.
fn is_final(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::StaleLease | ErrorCode::AccountNotFound | ErrorCode::NotFound)
}

fn entry((sequence, bytes): (u64, Vec<u8>)) -> EventEntry {
    EventEntry { sequence, event: raw(bytes) }
}

/// The entry as it lies on disk. What is not JSON travels as a JSON string: the API keeps what it cannot take.
fn raw(bytes: Vec<u8>) -> Box<RawValue> {
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    };
    match RawValue::from_string(text.clone()) {
        Ok(raw) => raw,
        Err(_) => serde_json::value::to_raw_value(&text).unwrap_or_else(|_| RawValue::NULL.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_travels_as_it_was_written() {
        let text = r#"{"type":"message", "n":1}"#;
        assert_eq!(entry((7, text.as_bytes().to_vec())).event.get(), text);
    }

    #[test]
    fn what_is_not_json_travels_as_a_string() {
        assert_eq!(raw(b"{\"torn".to_vec()).get(), r#""{\"torn""#);
        assert_eq!(raw(vec![b'a', 0xff]).get(), "\"a\u{fffd}\"");
        let event = EventEntry { sequence: 1, event: raw(b"\x00".to_vec()) };
        assert!(serde_json::to_value(&event).is_ok());
    }
}
