//! Storing a message to send: the message, its idempotency key, its events and its job, in one transaction.

use blazz_database::accounts::{self, AccountRow};
use blazz_database::conversations::Touch;
use blazz_database::idempotency_keys::{self, IdempotencyKeyRow};
use blazz_database::messages::{self, MessageRow};
use blazz_database::{Conn, DatabaseError, conversations};
use blazz_domain::message::MAX_TEXT_BYTES;
use blazz_domain::reference::MAX_EMOJI_BYTES;
use blazz_domain::{
    AccountId, AccountState, Address, Direction, ErrorCode, EventPayload, Jid, JobId, MediaId, MediaKind,
    Message, MessageContent, MessageId, MessageStatus, PhoneNumber, ProviderMessageId, Quote, WorkspaceId,
};
use blazz_jobs::{EnqueueOptions, enqueue};
use blazz_wire::request_id::RequestId;
use sha2::{Digest as _, Sha256};

use super::{SendMessageJob, about, file, lane};
use crate::events::{self, Mark};
use crate::inbox::thread;
use crate::{ServiceError, Services};

/// Of the sender column, for messages that the account itself wrote.
pub(crate) const ME: &str = "me";

/// The most characters of an idempotency key.
const MAX_KEY_CHARS: usize = 255;

/// What to send.
#[derive(Clone, PartialEq, Eq)]
pub enum SendContent {
    /// A text.
    Text(String),
    /// A file of the workspace.
    File(SendFile),
    /// A reaction to a message of the conversation with the recipient.
    Reaction {
        /// Which message.
        message_id: MessageId,
        /// The emoji; empty takes an earlier reaction back.
        emoji: String,
    },
}

/// A file to send.
#[derive(Clone, PartialEq, Eq)]
pub struct SendFile {
    /// What it is to be shown as.
    pub kind: MediaKind,
    /// Which file.
    pub media_id: MediaId,
    /// What stands below it.
    pub caption: Option<String>,
    /// Its name; the file's own when `None`.
    pub filename: Option<String>,
    /// Whether audio is shown as recorded for the message.
    pub voice: bool,
}

/// A message to send.
#[derive(Clone, PartialEq, Eq)]
pub struct SendRequest {
    /// The account to send from.
    pub account_id: AccountId,
    /// The phone number to send to, as people write it.
    pub to: String,
    /// What it says.
    pub content: SendContent,
    /// The message of the conversation with the recipient that it answers. A reaction answers none.
    pub reply_to: Option<MessageId>,
}

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

fn check_content(content: &SendContent, reply_to: Option<MessageId>) -> Result<(), ServiceError> {
    match content {
        SendContent::Text(text) => check_text(text),
        SendContent::File(file) => file::check(file),
        SendContent::Reaction { .. } if reply_to.is_some() => {
            Err(ServiceError::refused(ErrorCode::InvalidRequest, "a reaction does not answer a message"))
        }
        SendContent::Reaction { emoji, .. } => check_emoji(emoji),
    }
}

fn check_emoji(emoji: &str) -> Result<(), ServiceError> {
    let is_good =
        emoji.len() <= MAX_EMOJI_BYTES && !emoji.chars().any(|c| c.is_control() || c.is_whitespace());
    let detail = "reaction.emoji must be one emoji, or empty to take an earlier reaction back";
    is_good.then_some(()).ok_or_else(|| ServiceError::refused(ErrorCode::InvalidRequest, detail))
}

fn check_text(text: &str) -> Result<(), ServiceError> {
    let refuse = |detail: String| Err(ServiceError::refused(ErrorCode::InvalidRequest, detail));
    if text.trim().is_empty() {
        return refuse("text must not be empty".to_owned());
    }
    if text.len() > MAX_TEXT_BYTES {
        return refuse(format!("text must not be longer than {MAX_TEXT_BYTES} bytes"));
    }
    if text.contains('\0') {
        return refuse("text must not contain the character U+0000".to_owned());
    }
    Ok(())
}

fn checked_key(key: &str) -> Result<String, ServiceError> {
    let good = (1..=MAX_KEY_CHARS).contains(&key.len()) && key.bytes().all(|b| matches!(b, 0x20..=0x7e));
    let detail = format!("the key must be 1 to {MAX_KEY_CHARS} printable ASCII characters");
    good.then(|| key.to_owned())
        .ok_or_else(|| ServiceError::refused(ErrorCode::InvalidIdempotencyKey, detail))
}

/// Two spellings of a phone number are the same request.
fn body_hash(request: &SendRequest, to: &PhoneNumber) -> String {
    let mut digest = Sha256::new()
        .chain_update(request.account_id.0.as_bytes())
        .chain_update(to.as_str())
        .chain_update([0]);
    // No text begins with or has a zero byte, so what follows one is never taken for text.
    match &request.content {
        SendContent::Text(text) => digest.update(text),
        SendContent::File(file) => file::digest(&mut digest, file),
        SendContent::Reaction { message_id, emoji } => {
            digest.update([0]);
            digest.update(message_id.0.as_bytes());
            digest.update(emoji);
        }
    }
    if let Some(answered) = request.reply_to {
        digest.update([0]);
        digest.update(answered.0.as_bytes());
    }
    hex::encode(digest.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_printable_ascii_within_bounds() {
        assert!(checked_key("a").is_ok() && checked_key(&"k".repeat(MAX_KEY_CHARS)).is_ok());
        for bad in ["", "ä", "a\tb", &"k".repeat(MAX_KEY_CHARS + 1)] {
            assert_eq!(checked_key(bad).unwrap_err().code(), ErrorCode::InvalidIdempotencyKey, "{bad:?}");
        }
    }

    #[test]
    fn texts_have_something_to_say_and_bounds() {
        assert!(check_text("hi").is_ok() && check_text(&"x".repeat(MAX_TEXT_BYTES)).is_ok());
        for bad in ["", " \n", "a\0b", &"x".repeat(MAX_TEXT_BYTES + 1)] {
            assert_eq!(check_text(bad).unwrap_err().code(), ErrorCode::InvalidRequest);
        }
    }

    #[test]
    fn emojis_have_bounds_and_may_be_empty() {
        for good in ["", "👍", "👨‍👩‍👧‍👦", "❤️"] {
            assert!(check_emoji(good).is_ok(), "{good}");
        }
        for bad in ["a b", "\n", "\0", &"👍".repeat(17)] {
            assert_eq!(check_emoji(bad).unwrap_err().code(), ErrorCode::InvalidRequest, "{bad:?}");
        }
        let reaction = SendContent::Reaction { message_id: MessageId::new(), emoji: "👍".to_owned() };
        assert!(check_content(&reaction, Some(MessageId::new())).is_err());
    }

    #[test]
    fn the_hash_tells_requests_apart_and_spellings_not() {
        let id = AccountId::new();
        let to = |text: &str| text.parse::<PhoneNumber>().unwrap();
        let (first, second) = ("+15550000001", "+15550000002");
        let request = |account_id, content, reply_to| SendRequest {
            account_id,
            to: first.to_owned(),
            content,
            reply_to,
        };
        let text = |text: &str| SendContent::Text(text.to_owned());
        let reaction = |message_id| SendContent::Reaction { message_id, emoji: "👍".to_owned() };
        let media_id = MediaId::new();
        let image = |caption: Option<&str>| {
            let caption = caption.map(str::to_owned);
            SendContent::File(SendFile {
                kind: MediaKind::Image,
                media_id,
                caption,
                filename: None,
                voice: false,
            })
        };
        let hi = request(id, text("hi"), None);
        let hash = body_hash(&hi, &to(first));
        assert_eq!(hash, body_hash(&hi, &to("1 (555) 000-0001")));
        let mut hashes = std::collections::HashSet::from([hash, body_hash(&hi, &to(second))]);
        for other in [
            request(id, text("ho"), None),
            request(AccountId::new(), text("hi"), None),
            request(id, text("hi"), Some(MessageId::new())),
            request(id, text("hi"), Some(MessageId::new())),
            request(id, reaction(MessageId::new()), None),
            request(id, reaction(MessageId::new()), None),
            request(id, image(None), None),
            request(id, image(Some("a")), None),
            request(id, image(Some("")), None),
        ] {
            hashes.insert(body_hash(&other, &to(first)));
        }
        assert_eq!(hashes.len(), 11);
    }
}
