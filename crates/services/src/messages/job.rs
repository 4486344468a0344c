//! The job that sends one message. May run any number of times: the message keeps its id, and its status says whether an earlier run may have
//! reached WhatsApp.
//!
//! `sending` is stored right before a call that may write, and taken back only by the run that stored it, when it knows that nothing was
//! written. So a message found `sending` may have been written. The step is not an event: it says nothing that `queued` does not.

use std::sync::Arc;
use std::time::Duration;

use blazz_bus::Bus;
use blazz_database::accounts::{self, AccountRow};
use blazz_database::messages::{self, MessageRow};
use blazz_database::{Conn, DatabaseError, Pool, contacts, media, nodes};
use blazz_domain::{
    AccountState, Clock, Contact, ErrorCode, Jid, MessageId, MessageStatus, Timestamp, WorkspaceId,
};
use blazz_jobs::{Job, JobContext, Outcome};
use blazz_wire::node_api::SendMessage;
use blazz_wire::request_id::RequestId;
use serde::{Deserialize, Serialize};

use super::outcome::{Verdict, judge};
use crate::NodeDirectory;

/// Sends one stored message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendMessageJob {
    /// Whose message.
    pub workspace_id: WorkspaceId,
    /// Which.
    pub message_id: MessageId,
    /// The request that stored it; the node's log names it too.
    pub request_id: String,
}

impl Job for SendMessageJob {
    const NAME: &'static str = "send_message";
    /// Only attempts that may have written count; waiting for a session or a node does not.
    const MAX_ATTEMPTS: i32 = 8;
}

/// Carries messages to the nodes that hold their sessions.
#[derive(Clone)]
pub struct Courier {
    pub(crate) pool: Pool,
    pub(crate) bus: Bus,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) nodes: Arc<NodeDirectory>,
}

/// What a run needs to know.
struct Errand {
    message: MessageRow,
    account: AccountRow,
    to: Jid,
    /// Whether an earlier run may have written.
    may_be_written: bool,
}

/// What is to be done with a message.
enum Step {
    /// Nothing: it is gone or settled.
    Nothing,
    /// Give it up.
    GiveUp { message: MessageRow, error: ErrorCode },
    /// Wait for the session.
    Wait { message: MessageRow },
    /// Hand it to the node.
    Send(Box<Errand>),
}

impl Courier {
    /// Runs the job once.
    pub async fn run(&self, job: SendMessageJob, context: JobContext) -> Outcome {
        match self.attempt(&job, &context).await {
            Ok(outcome) => outcome,
            Err(error) => self.fault(&job, &error),
        }
    }

    /// A database that is away is not the message's fault: it keeps its turn until it expires. Anything else would come again for ever.
    fn fault(&self, job: &SendMessageJob, error: &anyhow::Error) -> Outcome {
        let text = format!("{error:#}");
        tracing::error!(message.id = %job.message_id, request_id = job.request_id, error = text, "sending met a fault");
        match error.downcast_ref() {
            Some(DatabaseError::Unavailable(_)) => {
                Outcome::Reschedule { at: self.clock.now().plus(FAULT_PAUSE) }
            }
            _ => Outcome::Retry { after: Some(FAULT_PAUSE), error: text },
        }
    }

    /// The job is given up: so is its message, and nobody can say whether it was written.
    pub async fn give_up_unsettled(&self, job: SendMessageJob) {
        let settled = super::outcome::settle(
            self,
            job.workspace_id,
            job.message_id,
            MessageStatus::Uncertain,
            self.clock.now(),
            Some(ErrorCode::AttemptsExhausted),
        );
        if let Err(error) = settled.await {
            tracing::error!(message.id = %job.message_id, %error, "a message of a dead job cannot be settled");
        }
    }

    async fn attempt(&self, job: &SendMessageJob, context: &JobContext) -> anyhow::Result<Outcome> {
        match self.next_step(job).await? {
            Step::Nothing => Ok(Outcome::Done),
            Step::GiveUp { message, error } => self.give_up(&message, error).await,
            Step::Wait { message } => Ok(self.wait(&message)),
            Step::Send(errand) => self.send(job, context, *errand).await,
        }
    }

    async fn next_step(&self, job: &SendMessageJob) -> anyhow::Result<Step> {
        let mut conn = self.pool.get().await?;
        let Some(message) = messages::find(&mut conn, job.workspace_id, job.message_id).await? else {
            return Ok(Step::Nothing);
        };
        if message.status.is_settled() {
            return Ok(Step::Nothing);
        }
        if message.expires_at.is_some_and(|at| at <= self.clock.now()) {
            return Ok(Step::GiveUp { message, error: ErrorCode::MessageExpired });
        }
        let Some(account) = accounts::find(&mut conn, job.workspace_id, message.account_id).await? else {
            return Ok(Step::Nothing);
        };
        if account.linked_at.is_none() {
            return Ok(Step::GiveUp { message, error: ErrorCode::AccountLoggedOut });
        }
        if account.state != AccountState::Connected {
            return Ok(Step::Wait { message });
        }
        let Some(contact) =
            contacts::address_of(&mut conn, job.workspace_id, message.conversation_id).await?
        else {
            return Ok(Step::Nothing);
        };
        let to = Contact::from(contact).jid;
        let may_be_written = message.status == MessageStatus::Sending;
        if !may_be_written && is_without_its_file(&mut conn, &message).await? {
            return Ok(Step::GiveUp { message, error: ErrorCode::MediaNotFound });
        }
        if !may_be_written {
            messages::raise_status(
                &mut conn,
                job.workspace_id,
                message.id,
                MessageStatus::Sending,
                self.clock.now(),
                None,
            )
            .await?;
        }
        Ok(Step::Send(Box::new(Errand { message, account, to, may_be_written })))
    }

    async fn send(
        &self,
        job: &SendMessageJob,
        context: &JobContext,
        errand: Errand,
    ) -> anyhow::Result<Outcome> {
        let Errand { message, may_be_written, .. } = &errand;
        let verdict = self.hand_over(job, &errand).await?;
        tracing::debug!(message.id = %message.id, request_id = job.request_id, attempt = context.attempt, ?verdict, "message handed over");
        match verdict {
            Verdict::Sent { at } => {
                super::reactions::record(self, message, at).await?;
                self.settle(message, MessageStatus::Sent, at, None).await
            }
            Verdict::Refused(error) => {
                self.settle(message, MessageStatus::Failed, self.clock.now(), Some(error)).await
            }
            Verdict::NotWritten => {
                if !may_be_written {
                    let mut conn = self.pool.get().await?;
                    messages::take_back_sending(&mut conn, message.workspace_id, message.id).await?;
                }
                Ok(self.wait(message))
            }
            Verdict::MaybeWritten(_) if context.attempt >= context.max_attempts => {
                let error = Some(ErrorCode::AttemptsExhausted);
                self.settle(message, MessageStatus::Uncertain, self.clock.now(), error).await
            }
            Verdict::MaybeWritten(reason) => Ok(Outcome::Retry { after: None, error: reason }),
        }
    }

    async fn hand_over(&self, job: &SendMessageJob, errand: &Errand) -> anyhow::Result<Verdict> {
        let Some(node_id) = &errand.account.node_id else { return Ok(Verdict::NotWritten) };
        let mut conn = self.pool.get().await?;
        let Some(node) = nodes::find(&mut conn, node_id).await? else { return Ok(Verdict::NotWritten) };
        let about = super::about::reference(&mut conn, &errand.message, &errand.to).await?;
        drop(conn);
        let client = self.nodes.client(node_id, &node.url)?;
        let body = SendMessage {
            about,
            to: errand.to.clone(),
            id: errand.message.provider_message_id.clone(),
            content: errand.message.content.clone(),
        };
        let request_id = RequestId::parse(&job.request_id).unwrap_or_else(RequestId::generate);
        Ok(judge(client.send(&errand.account.lease(), &body, &request_id).await))
    }

    /// After a possible write nobody can say that the message failed.
    async fn give_up(&self, message: &MessageRow, error: ErrorCode) -> anyhow::Result<Outcome> {
        let status = match message.status {
            MessageStatus::Sending => MessageStatus::Uncertain,
            _ => MessageStatus::Failed,
        };
        self.settle(message, status, self.clock.now(), Some(error)).await
    }

    async fn settle(
        &self,
        message: &MessageRow,
        status: MessageStatus,
        at: Timestamp,
        error: Option<ErrorCode>,
    ) -> anyhow::Result<Outcome> {
        super::outcome::settle(self, message.workspace_id, message.id, status, at, error).await?;
        Ok(Outcome::Done)
    }

    /// Looks again after a while that grows with the message's age, and when it expires. A session that connects makes the job due at once.
    fn wait(&self, message: &MessageRow) -> Outcome {
        let now = self.clock.now();
        let pause = (now.since(message.created_at) / 4).clamp(SHORTEST_WAIT, LONGEST_WAIT);
        let at = now.plus(pause);
        Outcome::Reschedule { at: message.expires_at.map_or(at, |expires_at| at.min(expires_at)) }
    }
}

/// Whether the message's file was deleted before it could be sent.
async fn is_without_its_file(conn: &mut Conn, message: &MessageRow) -> anyhow::Result<bool> {
    let Some((_, attachment)) = message.content.file() else { return Ok(false) };
    let Some(id) = attachment.media.id else { return Ok(true) };
    Ok(media::find(conn, message.workspace_id, id).await?.is_none())
}

const SHORTEST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
const FAULT_PAUSE: Duration = Duration::from_secs(5);
