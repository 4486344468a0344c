//! What each command does.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use blazz_domain::{AccountState, Lease, SessionReport, SessionSettings, StateReason};
use blazz_session_store::StoreError;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::super::command::{Answer, Command, Envelope};
use super::super::phase::Phase;
use super::{Actor, Flow};
use crate::fault::Fault;
use crate::pump::Pump;

/// How long a logout waits for a session to be connected, and then for WhatsApp.
const LOGOUT_DEADLINE: Duration = Duration::from_secs(5);

impl Actor {
    pub(super) async fn obey(&mut self, envelope: Envelope) -> Flow {
        let Envelope { command, span, answer } = envelope;
        let is_last = matches!(command, Command::Delete(_) | Command::End(_));
        let done = self.carry_out(command).instrument(span).await;
        let flow = if is_last && done.is_ok() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        if flow.is_break() {
            // Nobody is to wait for a session that is gone.
            self.commands.close();
        }
        // The caller may have gone; what was asked is done all the same.
        drop(answer.send(done));
        flow
    }

    async fn carry_out(&mut self, command: Command) -> Answer {
        match command {
            Command::Start { lease, linked, settings } => {
                self.check_or_adopt(lease).await?;
                let is_other = self.take_settings(settings);
                self.start(linked, is_other).await?;
            }
            Command::Ensure { lease, linked, settings } => {
                self.check_or_adopt(lease).await?;
                let is_other = self.take_settings(settings);
                self.ensure(linked, is_other).await?;
            }
            Command::Stop(lease) => {
                self.check(lease)?;
                self.rest().await;
            }
            Command::Restart(lease) => {
                self.check(lease)?;
                if self.linked.is_none() {
                    return Err(Fault::NotRunning);
                }
                self.begin().await?;
            }
            Command::Logout(lease) => {
                self.check(lease)?;
                self.logout().await?;
            }
            Command::Delete(lease) => {
                self.check(lease)?;
                self.delete().await?;
            }
            Command::Drain => self.drain().await?,
            Command::End(deadline) => self.end(deadline).await,
        }
        Ok(self.published.status())
    }

    /// Only the holder of the current grant commands.
    fn check(&self, lease: Lease) -> Result<(), Fault> {
        if lease == self.lease { Ok(()) } else { Err(Fault::StaleLease) }
    }

    /// A later grant of the same session takes over; the session is closed and runs on under it.
    async fn check_or_adopt(&mut self, lease: Lease) -> Result<(), Fault> {
        if lease.workspace_id != self.lease.workspace_id || lease.epoch < self.lease.epoch {
            return Err(Fault::StaleLease);
        }
        if lease.epoch > self.lease.epoch {
            let was_at_rest = self.phase.is_resting();
            self.leave().await;
            self.lease = lease;
            self.published.adopt(lease);
            if !was_at_rest {
                // Nothing runs under the new grant yet; nobody may take the session for alive.
                self.publish(AccountState::Stopped, None);
            }
        }
        Ok(())
    }

    /// Keeps the settings for the next connection, unless they are older than those it has. Whether they make a difference to one that runs:
    /// what the phone shows, it has learned when it was linked.
    fn take_settings(&mut self, settings: SessionSettings) -> bool {
        let before = self.settings.clone().unwrap_or_default();
        if self.settings.is_some() && settings.revision < before.revision {
            return false;
        }
        let is_linked = self.published.status().report.phone.is_some();
        let is_other =
            settings.proxy != before.proxy || (!is_linked && settings.device_name != before.device_name);
        self.published.has_settings(settings.revision);
        self.settings = Some(settings);
        is_other
    }

    async fn start(&mut self, linked: bool, is_other: bool) -> Result<(), Fault> {
        if self.phase.is_running() && !is_other {
            return Ok(());
        }
        self.linked = Some(linked);
        self.begin().await
    }

    async fn ensure(&mut self, linked: bool, is_other: bool) -> Result<(), Fault> {
        let is_stopped = self.published.state() == AccountState::Stopped;
        if (self.phase.is_resting() && is_stopped) || (self.phase.is_running() && is_other) {
            return self.start(linked, is_other).await;
        }
        // It runs, or it ended by itself: then whoever cares starts it, and the API hears once more how it stands.
        self.published.remind();
        Ok(())
    }

    async fn rest(&mut self) {
        self.close().await;
        // A session that was logged out keeps that: there is no link left that could rest.
        if self.published.state() != AccountState::LoggedOut {
            self.publish(AccountState::Stopped, Some(StateReason::Requested));
        }
    }

    async fn logout(&mut self) -> Result<(), Fault> {
        if self.published.state() == AccountState::LoggedOut {
            return Ok(());
        }
        let is_at_rest = !self.phase.is_running();
        if is_at_rest && self.linked == Some(false) {
            return Ok(());
        }
        if is_at_rest {
            self.linked = Some(true);
            self.begin().await?;
        }
        let told = self.tell_whatsapp().await;
        if told.is_err() && is_at_rest {
            self.rest().await;
        }
        told?;
        self.close().await;
        self.linked = Some(false);
        if self.published.state() != AccountState::LoggedOut {
            self.publish(AccountState::LoggedOut, Some(StateReason::Requested));
        }
        Ok(())
    }

    /// Removes the linked device at WhatsApp, once the session is connected.
    async fn tell_whatsapp(&mut self) -> Result<(), Fault> {
        self.until_decided(Instant::now() + LOGOUT_DEADLINE).await;
        let Phase::Live(live) = &self.phase else {
            return match self.published.state() {
                AccountState::LoggedOut => Ok(()),
                state => Err(Fault::LogoutFailed(format!("the session is {}", state.as_str()))),
            };
        };
        let session = Arc::clone(&live.session);
        let telling = self.context.runtime.spawn(async move { session.logout().await }.in_current_span());
        let told = match tokio::time::timeout(LOGOUT_DEADLINE, telling).await {
            Ok(Ok(told)) => told.map_err(|error| match live.last_report().reason {
                Some(reason) if reason.is_proxy() => Fault::ProxyFailed(reason),
                _ => Fault::LogoutFailed(format!("{error:#}")),
            }),
            Ok(Err(_)) => Err(Fault::LogoutFailed("the session's code failed".to_owned())),
            Err(_) => Err(Fault::TimedOut),
        };
        if told.is_ok() {
            self.published.forward(live.last_report());
        }
        told
    }

    /// Waits until a session that starts is connected, shows a code, has failed or waits for somebody.
    async fn until_decided(&mut self, deadline: Instant) {
        while is_on_its_way(&self.published.status().report) {
            let Ok(step) = tokio::time::timeout_at(deadline, self.phase.next()).await else { return };
            self.take(step).await;
        }
    }

    async fn delete(&mut self) -> Result<(), Fault> {
        if let Err(error) = self.logout().await {
            tracing::warn!(%error, "a session is deleted whose link the phone still shows");
        }
        self.leave().await;
        let patience = Instant::now() + LOGOUT_DEADLINE;
        loop {
            let (root, lease) = (self.context.root.clone(), self.lease);
            let deleting = self
                .context
                .runtime
                .spawn_blocking(move || root.delete_session(lease.workspace_id, lease.account_id));
            match deleting.await {
                Ok(Ok(())) => break,
                Ok(Err(StoreError::Busy)) if Instant::now() < patience => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Ok(Err(error)) => return Err(error.into()),
                Err(error) => return Err(Fault::Storage(error.to_string())),
            }
        }
        self.published.forget();
        tracing::info!("the session is deleted");
        Ok(())
    }

    /// Hands over what earlier runs left, without the session.
    async fn drain(&mut self) -> Result<(), Fault> {
        if !self.phase.is_resting() || self.pump.is_some() {
            return Ok(());
        }
        let directory = match self.open_directory(true).await {
            // Never linked: nothing was ever received.
            Err(StoreError::Missing) => return Ok(()),
            opened => opened?,
        };
        // What holds nothing is closed there too: that deletes files.
        let opening = self.context.runtime.spawn_blocking(move || {
            let outboxes = directory.open_outboxes()?;
            Ok::<_, StoreError>((outboxes.pending() > 0).then_some(outboxes))
        });
        let opened = opening.await.map_err(|error| Fault::Storage(error.to_string()))??;
        if let Some(outboxes) = opened {
            tracing::info!(outbox.pending = outboxes.pending(), "an earlier run left entries in the outbox");
            let outboxes = Arc::new(outboxes);
            self.published.pumps(&outboxes);
            self.pump = Some(Pump::start(&self.context, self.lease, outboxes));
        }
        Ok(())
    }

    async fn end(&mut self, deadline: Instant) {
        let was_linked = self.phase.is_running() && self.published.status().report.phone.is_some();
        self.close().await;
        if was_linked {
            self.publish(AccountState::Disconnected, Some(StateReason::NodeRestarted));
        }
        if let Some(pump) = self.pump.take() {
            pump.flush(deadline).await;
        }
    }
}

/// Whether a session that starts may be connected in a moment.
fn is_on_its_way(report: &SessionReport) -> bool {
    let waits = |reason: StateReason| reason.is_proxy() || reason == StateReason::ClientOutdated;
    matches!(report.state, AccountState::Starting | AccountState::Connecting)
        && !report.reason.is_some_and(waits)
}
