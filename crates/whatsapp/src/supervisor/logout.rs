//! The end of a link: on request, or because the phone has removed it.

use std::sync::Arc;

use blazz_domain::{AccountState, StateReason};
use whatsapp_rust::IqError;
use whatsapp_rust::wacore::iq::devices::RemoveCompanionDeviceSpec;

use super::{Ending, Reply, Supervisor};
use crate::backend::Backend;
use crate::connection::Connection;
use crate::error::EngineError;
use crate::signal::Over;

impl Supervisor {
    /// Without a connection only what was never linked, or is no longer, can be logged out.
    pub(super) async fn logout_at_rest(&self) -> Result<(), EngineError> {
        if self.shared.is_linked() {
            return Err(EngineError::NotConnected);
        }
        self.reset_credentials(None).await?;
        self.shared.reports.set(AccountState::LoggedOut, Some(StateReason::Requested));
        Ok(())
    }

    /// Removes the linked device at WhatsApp. `None` when that did not work: the session goes on.
    pub(super) async fn logout(
        &self,
        connection: &mut Connection,
        is_connected: bool,
        reply: Reply,
    ) -> Option<Ending> {
        let device = connection.device();
        let Some(pn) = device.pn.clone() else {
            return Some(Ending::LoggedOut(reply));
        };
        if !is_connected {
            answer(reply, Err(EngineError::NotConnected));
            return None;
        }
        let link = Arc::clone(connection.link());
        let removal = connection
            .link()
            .tasks
            .run(async move { link.client.execute(RemoveCompanionDeviceSpec::new(&pn)).await });
        let refusal = match tokio::time::timeout(self.config.ack_timeout, removal).await {
            Ok(Ok(Some(Ok(_)))) => return Some(Ending::LoggedOut(reply)),
            Ok(Ok(Some(Err(IqError::ServerError { code, .. })))) => format!("the server answered {code}"),
            // The server may close with the reason before it answers.
            Ok(_) => match connection.over_within(self.config.ack_timeout).await {
                Some(Over::LoggedOut) => return Some(Ending::LoggedOut(reply)),
                Some(Over::Lost) | None => return Some(Ending::LogoutOpen(reply)),
                Some(over) => {
                    answer(reply, Err(EngineError::NotConfirmed("the connection was lost".to_owned())));
                    return Some(Ending::Over(over, None));
                }
            },
            Err(_) => "no answer in time".to_owned(),
        };
        answer(reply, Err(EngineError::NotConfirmed(refusal)));
        None
    }

    /// WhatsApp still has the device, or nobody knows.
    pub(super) fn refuse_open_logout(&mut self) {
        if let Some(reply) = self.open_logout.take() {
            answer(reply, Err(EngineError::NotConfirmed("the connection was lost".to_owned())));
        }
    }

    /// Closes the engine's store and deletes the credentials, on a thread that may wait for the disk.
    async fn reset_credentials(&self, store: Option<Backend>) -> Result<(), EngineError> {
        let directory = Arc::clone(&self.directory);
        let resetting = tokio::task::spawn_blocking(move || {
            drop(store);
            directory.reset_credentials()
        });
        match resetting.await {
            Ok(done) => Ok(done?),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// The link is gone, by request if somebody waits for it: closes the engine's store and deletes it.
    pub(super) async fn forget(&self, store: Backend, reply: Option<Reply>) {
        let forgotten = self.reset_credentials(Some(store)).await;
        self.shared.set_linked(false);
        self.shared.reports.identify(None, None);
        match &forgotten {
            Ok(()) => {
                let asked = reply.is_some();
                let reason = if asked { StateReason::Requested } else { StateReason::DeviceRemoved };
                self.shared.reports.set(AccountState::LoggedOut, Some(reason));
            }
            Err(error) => {
                tracing::error!(%error, "useless credentials could not be deleted");
                self.shared.reports.set(AccountState::Failed, Some(StateReason::StorageFailed));
            }
        }
        if let Some(reply) = reply {
            answer(reply, forgotten);
        }
    }
}

/// Answers a logout; nobody may be left to hear it.
pub(super) fn answer(reply: Reply, outcome: Result<(), EngineError>) {
    let _ = reply.send(outcome);
}
