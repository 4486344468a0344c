//! What a session's actor can be asked for, one thing after the other.

use blazz_domain::{Lease, SessionSettings};
use blazz_wire::node_api::SessionStatus;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::Span;

use crate::fault::Fault;

/// A wish, with the grant under which it is made.
#[derive(Debug, Clone)]
pub(crate) enum Command {
    /// Run; somebody asked for it. A session that runs is left alone.
    Start {
        /// The caller's grant; a later one than the session's takes over.
        lease: Lease,
        /// Whether the account was ever linked.
        linked: bool,
        /// How it is to appear and to connect. One that runs connects anew where that makes a difference.
        settings: SessionSettings,
    },
    /// Run, because the API counts on it. A session that ended by itself waits for a start.
    Ensure {
        /// The API's grant; a later one takes over.
        lease: Lease,
        /// Whether the account was ever linked.
        linked: bool,
        /// As above.
        settings: SessionSettings,
    },
    /// Rest.
    Stop(Lease),
    /// Stop and start.
    Restart(Lease),
    /// Remove the link at WhatsApp, then rest.
    Logout(Lease),
    /// Log out as far as possible, then delete the directory.
    Delete(Lease),
    /// Hand over what an earlier run left in the outbox, without running.
    Drain,
    /// The node ends: stop, and hand over what there is until then.
    End(Instant),
}

pub(super) type Answer = Result<SessionStatus, Fault>;

/// A command on its way, with the caller's span, so that log lines carry the request's id.
pub(super) struct Envelope {
    pub(super) command: Command,
    pub(super) span: Span,
    pub(super) answer: oneshot::Sender<Answer>,
}

impl Envelope {
    pub(super) fn new(command: Command, span: Span) -> (Self, oneshot::Receiver<Answer>) {
        let (answer, answered) = oneshot::channel();
        (Self { command, span, answer }, answered)
    }
}
