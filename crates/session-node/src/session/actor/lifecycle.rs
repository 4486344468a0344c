//! Opening and closing the session, and what its reports mean for that.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use blazz_domain::{AccountState, SessionReport, SessionSettings, StateReason};
use blazz_session_store::{SessionDirectory, StoreError};
use blazz_whatsapp::OpenError;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::super::phase::{Live, Opening, Phase};
use super::{Actor, CRASHED, STABLE};
use crate::engine::LiveSession;
use crate::fault::Fault;
use crate::media::Fetcher;
use crate::pump::Pump;

/// How long a session may take to end. One that takes longer is left to itself.
const STOP_DEADLINE: Duration = Duration::from_secs(15);
/// How long an opening waits for the last user of the directory to let go: a send under way, a stopped session's last write.
const BUSY_DEADLINE: Duration = Duration::from_secs(2);
const BUSY_POLL: Duration = Duration::from_millis(20);

impl Actor {
    /// Starts to open the session. A failure is published, and tried again where that can help.
    pub(super) async fn begin(&mut self) -> Result<(), Fault> {
        self.close().await;
        self.retire_pump().await;
        self.publish(AccountState::Starting, None);
        match self.open_directory(self.linked.unwrap_or(false)).await {
            Ok(directory) => match self.settle_settings(directory).await {
                Ok((directory, settings)) => {
                    let numbers = self.numbers.clone();
                    self.phase = Phase::Opening(Opening::begin(&self.context, settings, directory, numbers));
                    Ok(())
                }
                Err(error) => {
                    // Without them it might connect in a way that its tenant does not want.
                    tracing::error!(%error, "the session's settings cannot be kept or read");
                    self.fail(StateReason::StorageFailed, true).await;
                    Err(error.into())
                }
            },
            Err(error) => {
                tracing::error!(%error, "the session's directory cannot be opened");
                let helps = !matches!(error, StoreError::Missing | StoreError::StaleEpoch { .. });
                self.fail(StateReason::StorageFailed, helps).await;
                Err(error.into())
            }
        }
    }

    /// Keeps the tenant's choices in the directory, or takes those that an earlier run was told: a logout opens sessions that the API has not
    /// started, and they too must take the proxy.
    async fn settle_settings(
        &mut self,
        directory: SessionDirectory,
    ) -> Result<(SessionDirectory, SessionSettings), StoreError> {
        let told = self.settings.clone();
        let settling = self.context.runtime.spawn_blocking(move || {
            let settings = match told {
                Some(settings) => {
                    directory.keep_settings(&settings)?;
                    settings
                }
                None => directory.settings()?.unwrap_or_default(),
            };
            Ok((directory, settings))
        });
        match settling.await {
            Ok(settled) => settled,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    pub(super) fn opened(&mut self, live: Live) {
        tracing::info!("the session is open");
        let outboxes = live.session.outboxes();
        self.published.pumps(&outboxes);
        self.pump = Some(Pump::start(&self.context, self.lease, outboxes));
        self.fetcher = Some(Fetcher::start(&self.context, self.lease, Arc::clone(&live.session)));
        self.published.open(Arc::clone(&live.session));
        self.phase = Phase::Live(live);
    }

    pub(super) async fn not_opened(&mut self, error: anyhow::Error) {
        tracing::error!(error = format!("{error:#}"), "the session could not be opened");
        let (reason, helps) = match error.downcast_ref::<OpenError>() {
            Some(OpenError::Store(StoreError::Missing | StoreError::StaleEpoch { .. })) => {
                (StateReason::StorageFailed, false)
            }
            Some(OpenError::Endpoint(_)) => (StateReason::Crashed, false),
            Some(_) => (StateReason::StorageFailed, true),
            None => (StateReason::Crashed, true),
        };
        self.fail(reason, helps).await;
    }

    /// Passes a report on. A session that has come to rest is closed.
    pub(super) async fn reported(&mut self, report: SessionReport) {
        let SessionReport { state, reason, .. } = report;
        tracing::info!(state = state.as_str(), reason = reason.map(StateReason::as_str), "session state");
        if report.phone.is_some() {
            self.linked = Some(true);
        }
        if !matches!(state, AccountState::Starting | AccountState::Connecting) {
            self.end_turn();
        }
        if state.is_live() {
            self.published.forward(report);
            return;
        }
        match (state, reason) {
            (AccountState::Failed, Some(reason @ (StateReason::Crashed | StateReason::StorageFailed))) => {
                self.fail(reason, true).await;
            }
            _ => {
                if state == AccountState::LoggedOut {
                    self.linked = Some(false);
                }
                // Closed first: who sees it at rest may start it anew.
                self.close().await;
                self.published.forward(report);
            }
        }
    }

    /// The session failed; where it helps, it is opened again after a while.
    pub(super) async fn fail(&mut self, reason: StateReason, helps: bool) {
        if reason == StateReason::Crashed {
            self.context.metrics.crashes.inc();
        }
        if matches!(&self.phase, Phase::Live(live) if live.opened_at.elapsed() >= STABLE) {
            self.backoff = CRASHED.clone();
        }
        self.close().await;
        self.publish(AccountState::Failed, Some(reason));
        if helps {
            let wait = self.backoff.wait();
            tracing::warn!(
                reason = reason.as_str(),
                wait_ms = wait.as_millis(),
                "the session failed and is tried again"
            );
            self.phase = Phase::waiting(wait);
        }
    }

    /// Ends the session, if it runs. The pump goes on with what it left.
    pub(super) async fn close(&mut self) {
        self.published.close();
        if let Some(fetcher) = self.fetcher.take() {
            fetcher.end().await;
        }
        let live = match mem::replace(&mut self.phase, Phase::Resting) {
            Phase::Resting | Phase::Waiting(_) => None,
            Phase::Opening(opening) => opening.cancel().await,
            Phase::Live(live) => Some(live),
        };
        let Some(live) = live else { return };
        if self.pump.is_none() {
            // Opened and closed in one go: its outbox may hold what earlier runs left.
            let outboxes = live.session.outboxes();
            self.published.pumps(&outboxes);
            self.pump = Some(Pump::start(&self.context, self.lease, outboxes));
        }
        self.stop(Arc::clone(&live.session)).await;
    }

    /// On a task of its own: what hangs or panics there stays there.
    async fn stop(&self, session: Arc<dyn LiveSession>) {
        let stopping = self.context.runtime.spawn(async move { session.stop().await }.in_current_span());
        match tokio::time::timeout(STOP_DEADLINE, stopping).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the end of a session failed"),
            Err(_) => tracing::error!("a session does not end and is left to itself"),
        }
    }

    pub(super) async fn open_directory(&self, linked: bool) -> Result<SessionDirectory, StoreError> {
        let patience = Instant::now() + BUSY_DEADLINE;
        loop {
            let (root, lease) = (self.context.root.clone(), self.lease);
            let opening = self.context.runtime.spawn_blocking(move || root.open_session(&lease, linked));
            match opening.await {
                Ok(Err(StoreError::Busy)) if Instant::now() < patience => {
                    tokio::time::sleep(BUSY_POLL).await;
                }
                Ok(opened) => return opened,
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
        }
    }

    /// Ends the pump, which lets go of the directory.
    pub(super) async fn retire_pump(&mut self) {
        if let Some(pump) = self.pump.take() {
            pump.end().await;
        }
    }

    /// The node ends without a word to the session.
    pub(super) async fn leave(&mut self) {
        self.close().await;
        self.retire_pump().await;
    }
}
