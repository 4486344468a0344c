//! Fetches the files of messages that a session has received, as long as the session is open, and begins where an earlier run ended.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use blazz_domain::{AccountState, Lease, MediaFailure, MediaOutcome};
use blazz_whatsapp::MediaRecord;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::hand_over::{self, Failure};
use crate::backoff::Backoff;
use crate::context::Context;
use crate::engine::LiveSession;

/// Files of one session under way at the same time.
const AT_ONCE: usize = 4;
/// Waits between attempts at one file.
const AGAIN: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(300));
/// How long a file is tried for, from the arrival of its message on.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);
/// How often the directory is looked at although nobody said that there is news.
const LOOK: Duration = Duration::from_secs(600);

/// A running fetcher.
pub(crate) struct Fetcher {
    task: JoinHandle<()>,
    ended: CancellationToken,
}

impl Fetcher {
    pub(crate) fn start(context: &Arc<Context>, lease: Lease, session: Arc<dyn LiveSession>) -> Self {
        let ended = CancellationToken::new();
        let work = Work { context: Arc::clone(context), lease, session, waits: Mutex::default() };
        // Not the span of whoever opened the session: it outlives every request.
        let span = tracing::info_span!(parent: None, "media", account.id = %lease.account_id);
        let fetching = ended.clone().run_until_cancelled_owned(async move { work.run().await });
        let task = context.runtime.spawn(
            async move {
                // Nothing, or that it was ended.
                let _ = fetching.await;
            }
            .instrument(span),
        );
        Self { task, ended }
    }

    /// Ends it; what was under way begins anew next time.
    pub(crate) async fn end(self) {
        self.ended.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the fetcher of files did not end in order");
        }
    }
}

struct Work {
    context: Arc<Context>,
    lease: Lease,
    session: Arc<dyn LiveSession>,
    /// Files that failed lately: when they are tried again.
    waits: Mutex<HashMap<String, (Instant, Backoff)>>,
}

impl Work {
    async fn run(&self) {
        let (media, mut reports) = (self.session.media(), self.session.reports());
        let (mut under_way, mut taken) = (FuturesUnordered::new(), HashSet::new());
        loop {
            let is_connected = reports.borrow_and_update().state == AccountState::Connected;
            if is_connected && under_way.len() < AT_ONCE {
                let room = AT_ONCE - under_way.len();
                let due = self.due().await.unwrap_or_else(|error| {
                    tracing::error!(error = format!("{error:#}"), "the files to fetch cannot be read");
                    Vec::new()
                });
                let new: Vec<_> = due.into_iter().filter(|key| !taken.contains(key)).take(room).collect();
                for key in new {
                    taken.insert(key.clone());
                    under_way.push(self.attempt(key));
                }
            }
            tokio::select! {
                Some(key) = under_way.next() => {
                    taken.remove(&key);
                }
                () = media.changed() => {}
                () = tokio::time::sleep(self.next_look()) => {}
                changed = reports.changed() => if changed.is_err() {
                    // The session's own code has ended.
                    return;
                },
            }
        }
    }

    /// The files that can be tried now.
    async fn due(&self) -> anyhow::Result<Vec<String>> {
        let media = self.session.media();
        let keys = self.context.runtime.spawn_blocking(move || media.keys()).await??;
        Ok(keys.into_iter().filter(|key| self.is_due(key)).collect())
    }

    /// How long until the next file is due again. Those that are due already are under way, or begin when one of these ends.
    fn next_look(&self) -> Duration {
        let now = Instant::now();
        let waits = self.waits();
        let later = waits.values().filter(|(at, _)| *at > now).map(|(at, _)| at.duration_since(now));
        later.min().unwrap_or(LOOK).min(LOOK)
    }

    /// Tries one file; its key.
    async fn attempt(&self, key: String) -> String {
        match self.settle(&key).await {
            Ok(()) => {
                self.waits().remove(&key);
            }
            Err(error) => {
                self.context.metrics.file(None);
                let wait = self.wait(key.clone());
                tracing::warn!(
                    error = format!("{error:#}"),
                    wait_ms = wait.as_millis(),
                    "the file of a message could not be fetched and is tried again"
                );
            }
        }
        key
    }

    /// Fetches a file and says so, or that it cannot be had.
    async fn settle(&self, key: &str) -> anyhow::Result<()> {
        let Some(record) = self.record(key).await? else { return Ok(()) };
        let turn = self.context.downloads.acquire().await;
        let carried = hand_over::carry(&self.context, &self.lease, &self.session, &record).await;
        drop(turn);
        let outcome = match carried {
            Ok(media_id) => MediaOutcome::Stored { media_id },
            Err(Failure::Final(reason, error)) => {
                tracing::warn!(%error, message.id = %record.id, "the file of a message cannot be had");
                MediaOutcome::Failed { reason }
            }
            Err(Failure::Later(error)) => {
                let age = self.context.clock.now().since(record.received_at);
                if age < PATIENCE {
                    return Err(error);
                }
                tracing::warn!(error = format!("{error:#}"), message.id = %record.id, "the file of a message is given up");
                MediaOutcome::Failed { reason: MediaFailure::Unavailable }
            }
        };
        self.context.metrics.file(Some(&outcome));
        hand_over::tell(&self.context, &self.session, key.to_owned(), &record, outcome).await
    }

    /// What it takes to fetch a file. A record that cannot be read is of no use to anybody and removed.
    async fn record(&self, key: &str) -> anyhow::Result<Option<MediaRecord>> {
        let (media, name) = (self.session.media(), key.to_owned());
        let reading = self.context.runtime.spawn_blocking(move || {
            let Some(bytes) = media.read(&name)? else { return Ok(None) };
            match serde_json::from_slice(&bytes) {
                Ok(record) => Ok(Some(record)),
                Err(error) => {
                    // Not the parser's words: they may quote a key.
                    tracing::error!(column = error.column(), "what it takes to fetch a file cannot be read");
                    media.remove(&name)?;
                    Ok(None)
                }
            }
        });
        let read: Result<_, blazz_session_store::StoreError> = reading.await.context("its code failed")?;
        Ok(read?)
    }

    fn is_due(&self, key: &str) -> bool {
        self.waits().get(key).is_none_or(|(at, _)| *at <= Instant::now())
    }

    /// How long until the next attempt at a file that has just failed.
    fn wait(&self, key: String) -> Duration {
        let mut waits = self.waits();
        let (at, backoff) = waits.entry(key).or_insert_with(|| (Instant::now(), AGAIN.clone()));
        let wait = backoff.wait();
        *at = Instant::now() + wait;
        wait
    }

    fn waits(&self) -> std::sync::MutexGuard<'_, HashMap<String, (Instant, Backoff)>> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
