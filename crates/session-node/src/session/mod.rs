//! One session as the rest of the node sees it: what it publishes, and the way to ask it for something.

mod actor;
mod command;
mod phase;
mod published;

use std::sync::Arc;
use std::time::Duration;

use blazz_domain::{Incarnation, Lease};
use blazz_wire::node_api::SessionStatus;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

pub(crate) use self::command::Command;
use self::command::Envelope;
pub(crate) use self::published::Published;
use crate::context::Context;
use crate::fault::Fault;

/// Commands that may wait for one session; more are refused.
const QUEUE: usize = 16;
/// How long a caller waits for a command; the API gives up after 15 s.
const PATIENCE: Duration = Duration::from_secs(14);

/// The way to one session's actor.
pub(crate) struct Handle {
    commands: mpsc::Sender<Envelope>,
    pub(crate) published: Arc<Published>,
}

impl Handle {
    /// A session at rest. Its actor runs on `tasks` until the session is deleted or the node ends.
    pub(crate) fn spawn(
        context: &Arc<Context>,
        incarnation: Incarnation,
        lease: Lease,
        tasks: &TaskTracker,
    ) -> Self {
        let (commands, queue) = mpsc::channel(QUEUE);
        let actor = actor::Actor::new(Arc::clone(context), incarnation, lease, queue);
        let published = actor.published();
        let span = tracing::info_span!(parent: None, "session", account.id = %lease.account_id);
        tasks.spawn_on(actor.run().instrument(span), &context.runtime);
        Self { commands, published }
    }

    /// Whether its actor has ended.
    pub(crate) fn is_gone(&self) -> bool {
        self.commands.is_closed()
    }

    /// Asks the session for something and waits until it is done.
    pub(crate) async fn call(&self, command: Command) -> Result<SessionStatus, Fault> {
        // A child of the request's span: log lines of the command carry both the request and the account.
        let span = tracing::info_span!("command", account.id = %self.published.lease().account_id);
        let (envelope, answer) = Envelope::new(command, span);
        self.commands.try_send(envelope).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Fault::TimedOut,
            mpsc::error::TrySendError::Closed(_) => Fault::NotRunning,
        })?;
        match tokio::time::timeout(PATIENCE, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => Err(Fault::TimedOut),
        }
    }
}
