//! The job that tells a writer that messages were read. Telling twice does no harm; nobody is told a day late.

use std::time::Duration;

use blazz_database::{accounts, contacts, nodes};
use blazz_domain::jid::JidKind;
use blazz_domain::{
    AccountId, AccountState, Contact, ContactId, ConversationId, ProviderMessageId, Timestamp, WorkspaceId,
};
use blazz_jobs::{Job, JobContext, Outcome};
use blazz_wire::CallError;
use blazz_wire::node_api::ReadMessages;
use blazz_wire::request_id::RequestId;
use serde::{Deserialize, Serialize};

use crate::messages::Courier;

/// For how long it is worth telling.
const WORTH: Duration = Duration::from_secs(24 * 3600);
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Tells one writer that messages of a conversation were read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TellReadJob {
    /// Whose conversation.
    pub workspace_id: WorkspaceId,
    /// Who read them.
    pub account_id: AccountId,
    /// Where they are.
    pub conversation_id: ConversationId,
    /// The id of the contact that wrote them.
    pub sender: String,
    /// WhatsApp's ids of them.
    pub ids: Vec<ProviderMessageId>,
    /// When they were read.
    pub read_at: Timestamp,
    /// The request that said so; the node's log names it too.
    pub request_id: String,
}

impl Job for TellReadJob {
    const NAME: &'static str = "tell_read";
    /// Only attempts that may have told count; waiting for a session or a node does not.
    const MAX_ATTEMPTS: i32 = 5;
}

impl Courier {
    /// Runs the job once.
    pub(crate) async fn tell_read(&self, job: TellReadJob, _: JobContext) -> Outcome {
        if self.clock.now().since(job.read_at) > WORTH {
            return Outcome::Done;
        }
        match self.try_to_tell(&job).await {
            Ok(Some(answer)) => self.judge_told(&job, answer),
            Ok(None) => Outcome::Done,
            Err(error) => {
                tracing::error!(account.id = %job.account_id, error = format!("{error:#}"), "a read receipt met a fault");
                Outcome::Reschedule { at: self.clock.now().plus(LONGEST_WAIT) }
            }
        }
    }

    /// `None` when there is nobody left to tell, or to be told for.
    async fn try_to_tell(&self, job: &TellReadJob) -> anyhow::Result<Option<Result<(), CallError>>> {
        let mut conn = self.pool.get().await?;
        let Some(account) = accounts::find(&mut conn, job.workspace_id, job.account_id).await? else {
            return Ok(None);
        };
        if account.linked_at.is_none() {
            return Ok(None);
        }
        let node = match &account.node_id {
            Some(node_id) if account.state == AccountState::Connected => {
                nodes::find(&mut conn, node_id).await?
            }
            _ => None,
        };
        let Some(node) = node else {
            return Ok(Some(Err(CallError::Unreachable("not connected".to_owned()))));
        };
        let Some(chat) = contacts::address_of(&mut conn, job.workspace_id, job.conversation_id).await? else {
            return Ok(None);
        };
        let chat = Contact::from(chat).jid;
        let sender = match chat.kind() {
            JidKind::Group => {
                let Ok(sender) = job.sender.parse::<ContactId>() else { return Ok(None) };
                let Some(sender) = contacts::find(&mut conn, job.workspace_id, sender).await? else {
                    return Ok(None);
                };
                Some(Contact::from(sender).jid)
            }
            _ => None,
        };
        drop(conn);
        let client = self.nodes.client(&node.id, &node.url)?;
        let body = ReadMessages { chat, sender, ids: job.ids.clone() };
        let request_id = RequestId::parse(&job.request_id).unwrap_or_else(RequestId::generate);
        Ok(Some(client.read(&account.lease(), &body, &request_id).await.map(drop)))
    }

    fn judge_told(&self, job: &TellReadJob, answer: Result<(), CallError>) -> Outcome {
        match answer {
            Ok(()) => Outcome::Done,
            Err(CallError::Refused(_) | CallError::Unreachable(_)) => {
                let now = self.clock.now();
                let pause = (now.since(job.read_at) / 4).clamp(SHORTEST_WAIT, LONGEST_WAIT);
                Outcome::Reschedule { at: now.plus(pause) }
            }
            Err(error) => Outcome::Retry { after: None, error: error.to_string() },
        }
    }
}
