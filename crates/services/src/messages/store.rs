//! Storing a message to send: the message, its idempotency key, its events and its job, in one transaction.

use blazz_database::accounts::{self, AccountRow};
use blazz_database::conversations::Touch;
use blazz_database::idempotency_keys::{self, IdempotencyKeyRow};
use blazz_database::messages::{self, MessageRow};
use blazz_database::{Conn, DatabaseError, conversations};
use blazz_domain::{
    AccountId, AccountState, Address, Direction, ErrorCode, EventPayload, Jid, JobId, Message,
    MessageContent, MessageId, MessageStatus, PhoneNumber, ProviderMessageId, Quote, WorkspaceId,
};
use blazz_jobs::{EnqueueOptions, enqueue};
use blazz_wire::request_id::RequestId;

use super::request::{SendContent, SendRequest, body_hash, check_content, checked_key};
use super::{SendMessageJob, about, file, lane};
use crate::events::{self, Mark};
use crate::inbox::thread;
use crate::{ServiceError, Services};

/// Of the sender column, for messages that the account itself wrote.
pub(crate) const ME: &str = "me";

/// A message that is stored and will be sent, come what may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The message as stored, or as it stands now when the key was used before.
    pub message: Message,
    /// The job that sends it; `None` when the key was used before.
    pub job_id: Option<JobId>,
}

/// Stores a message to send. The same idempotency key with the same request gives the same message again.
///
/// # Errors
/// When the request is not valid (`invalid_phone`, `invalid_request`, `invalid_idempotency_key`), the workspace has no such account, the message that it is
/// about is not there or in another conversation (`message_not_found`, `wrong_conversation`), the account is not linked (`account_not_linked`, `account_logged_out`), or the key was used for another request (`idempotency_key_reused`).
pub async fn store(
    services: &Services,
    workspace_id: WorkspaceId,
    request: &SendRequest,
    idempotency_key: Option<&str>,
    request_id: &RequestId,
) -> Result<Stored, ServiceError> {
    let draft = Draft::check(workspace_id, request, idempotency_key, request_id)?;
    let mut conn = services.pool.get().await?;
    match draft.store(services, &mut conn).await {
        // Another request with this key was first, between our look and our insert: now its message is there.
        Err(StoreError::KeyTaken) => draft.store(services, &mut conn).await,
        result => result,
    }
    .map_err(StoreError::into_service_error)
}

/// A request that has been checked as far as it can be without the database.
struct Draft {
    workspace_id: WorkspaceId,
    account_id: AccountId,
    to: PhoneNumber,
    content: SendContent,
    reply_to: Option<MessageId>,
    key: Option<String>,
    body_hash: String,
    request_id: String,
}

enum StoreError {
    KeyTaken,
    Service(ServiceError),
}

impl StoreError {
    fn into_service_error(self) -> ServiceError {
        match self {
            Self::KeyTaken => {
                ServiceError::Internal(anyhow::anyhow!("an idempotency key is taken, but not there"))
            }
            Self::Service(error) => error,
        }
    }
}

impl From<ServiceError> for StoreError {
    fn from(error: ServiceError) -> Self {
        Self::Service(error)
    }
}

impl From<DatabaseError> for StoreError {
    fn from(error: DatabaseError) -> Self {
        Self::Service(match error {
            // Deleted since we looked.
            DatabaseError::ForeignKey => ServiceError::account_not_found(),
            other => other.into(),
        })
    }
}

impl Draft {
    fn check(
        workspace_id: WorkspaceId,
        request: &SendRequest,
        key: Option<&str>,
        request_id: &RequestId,
    ) -> Result<Self, ServiceError> {
        let to: PhoneNumber = request
            .to
            .parse()
            .map_err(|error| ServiceError::refused(ErrorCode::InvalidPhone, format!("to: {error}")))?;
        check_content(&request.content, request.reply_to)?;
        Ok(Self {
            workspace_id,
            account_id: request.account_id,
            body_hash: body_hash(request, &to),
            to,
            content: request.content.clone(),
            reply_to: request.reply_to,
            key: key.map(checked_key).transpose()?,
            request_id: request_id.to_string(),
        })
    }

    async fn store(&self, services: &Services, conn: &mut Conn) -> Result<Stored, StoreError> {
        let (stored, mark) = conn.transaction(async |conn| self.store_in(services, conn).await).await?;
        events::announce(&services.bus, mark);
        Ok(stored)
    }

    async fn store_in(
        &self,
        services: &Services,
        conn: &mut Conn,
    ) -> Result<(Stored, Option<Mark>), StoreError> {
        if let Some(message) = self.find_replay(conn).await? {
            return Ok((Stored { message, job_id: None }, None));
        }
        let account = accounts::find(conn, self.workspace_id, self.account_id).await?;
        check_linked(&account.ok_or_else(ServiceError::account_not_found)?)?;
        let address = Address { jid: Jid::phone(&self.to), phone: Some(self.to.clone()), lid: None };
        let thread = thread::open(services, conn, self.workspace_id, self.account_id, &address, None).await?;
        // From here on, stored order is sending order.
        conversations::lock(conn, self.workspace_id, thread.conversation_id).await?;
        let said = self.resolve(conn, &thread).await?;
        let (message, job_id) = self.insert(services, conn, &thread, said).await?;
        let mut payloads = thread.created_event(conn, self.workspace_id).await?;
        payloads.push(EventPayload::MessageCreated(message.clone()));
        let mark = events::append(conn, services.clock.as_ref(), self.workspace_id, payloads).await?;
        Ok((Stored { message, job_id: Some(job_id) }, mark))
    }

    async fn find_replay(&self, conn: &mut Conn) -> Result<Option<Message>, ServiceError> {
        let Some(key) = &self.key else { return Ok(None) };
        let Some(used) = idempotency_keys::find(conn, self.workspace_id, key).await? else { return Ok(None) };
        if used.body_hash != self.body_hash {
            return Err(ServiceError::refused(
                ErrorCode::IdempotencyKeyReused,
                "this key was used before with another request",
            ));
        }
        let row = messages::find(conn, self.workspace_id, used.message_id).await?;
        Ok(row.map(Message::from))
    }

    /// What it says, and what it answers, once the messages that it is about are found.
    async fn resolve(
        &self,
        conn: &mut Conn,
        thread: &thread::Thread,
    ) -> Result<(MessageContent, Option<Quote>), ServiceError> {
        let content = match &self.content {
            SendContent::Text(text) => MessageContent::Text { text: text.clone() },
            SendContent::File(file) => file::resolve(conn, self.workspace_id, file).await?,
            SendContent::Reaction { message_id, emoji } => {
                let target = about::find(conn, self.workspace_id, thread, *message_id).await?;
                MessageContent::Reaction {
                    message_id: Some(target.id),
                    provider_message_id: target.provider_message_id,
                    emoji: emoji.clone(),
                }
            }
        };
        let Some(answered) = self.reply_to else { return Ok((content, None)) };
        let answered = about::find(conn, self.workspace_id, thread, answered).await?;
        Ok((content, Some(about::quote(&answered))))
    }

    async fn insert(
        &self,
        services: &Services,
        conn: &mut Conn,
        thread: &thread::Thread,
        (content, reply_to): (MessageContent, Option<Quote>),
    ) -> Result<(Message, JobId), StoreError> {
        let now = services.clock.now();
        let row = MessageRow {
            id: MessageId::new(),
            workspace_id: self.workspace_id,
            account_id: self.account_id,
            conversation_id: thread.conversation_id,
            direction: Direction::Outbound,
            sender: ME.to_owned(),
            provider_message_id: ProviderMessageId::generate(),
            contact_phone: thread.contact_phone.clone(),
            content,
            status: MessageStatus::Queued,
            error: None,
            created_at: now,
            sent_at: None,
            delivered_at: None,
            read_at: None,
            expires_at: Some(now.plus(services.settings.message_ttl)),
            reply_to,
            reactions: vec![],
        };
        let taken = || ServiceError::Internal(anyhow::anyhow!("a fresh message id is taken"));
        messages::insert(conn, &row).await?.ok_or_else(taken)?;
        if row.content.is_news() {
            let touch = Touch::Written { preview: row.content.preview(), at: now };
            conversations::touch(conn, self.workspace_id, thread.conversation_id, touch).await?;
        }
        self.claim_key(conn, &row).await?;
        let job = SendMessageJob {
            workspace_id: self.workspace_id,
            message_id: row.id,
            request_id: self.request_id.clone(),
        };
        let options = EnqueueOptions {
            run_at: Some(now.plus(services.settings.send_takeover)),
            lane: Some(lane(thread.conversation_id)),
            ..EnqueueOptions::default()
        };
        let job_id = enqueue(conn, services.clock.as_ref(), &job, options).await?;
        Ok((row.into(), job_id))
    }

    async fn claim_key(&self, conn: &mut Conn, message: &MessageRow) -> Result<(), StoreError> {
        let Some(key) = &self.key else { return Ok(()) };
        let row = IdempotencyKeyRow {
            workspace_id: self.workspace_id,
            key: key.clone(),
            body_hash: self.body_hash.clone(),
            message_id: message.id,
            created_at: message.created_at,
        };
        match idempotency_keys::insert(conn, &row).await {
            Ok(()) => Ok(()),
            Err(DatabaseError::UniqueViolation { .. }) => Err(StoreError::KeyTaken),
            Err(error) => Err(error.into()),
        }
    }
}

fn check_linked(account: &AccountRow) -> Result<(), ServiceError> {
    match (account.linked_at, account.state) {
        (Some(_), _) => Ok(()),
        (None, AccountState::LoggedOut) => Err(ServiceError::refused(
            ErrorCode::AccountLoggedOut,
            "the account was logged out; start its session and scan a new QR code",
        )),
        (None, _) => Err(ServiceError::refused(
            ErrorCode::AccountNotLinked,
            "start the account's session and scan its QR code first",
        )),
    }
}
