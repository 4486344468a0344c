//! Messages and the ladder of their statuses.

mod change;

use blazz_domain::{
    AccountId, ConversationId, Direction, Message, MessageContent, MessageId, MessageStatus, PhoneNumber,
    ProviderMessageId, Quote, Reaction, Timestamp, WorkspaceId,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::conn::Link;
use crate::schema::messages::dsl;
use crate::schema::{contacts, conversations};
use crate::types::{Id, Json, UtcTime, Word};
use crate::{Conn, DatabaseError};

pub use change::{raise_status, set_content, set_reactions, set_read, take_back_sending};

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRow {
    /// Its id.
    pub id: MessageId,
    /// The workspace it belongs to.
    pub workspace_id: WorkspaceId,
    /// The account that sent or received it.
    pub account_id: AccountId,
    /// Its thread.
    pub conversation_id: ConversationId,
    /// Who wrote it.
    pub direction: Direction,
    /// `me`, or the id of the contact that wrote it.
    pub sender: String,
    /// WhatsApp's id of it.
    pub provider_message_id: ProviderMessageId,
    /// The number of the conversation's contact, where known. Read from there, not stored here.
    pub contact_phone: Option<PhoneNumber>,
    /// What it says.
    pub content: MessageContent,
    /// How far it has come.
    pub status: MessageStatus,
    /// Why it failed.
    pub error: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When WhatsApp's server had it.
    pub sent_at: Option<Timestamp>,
    /// When the contact's device had it.
    pub delivered_at: Option<Timestamp>,
    /// When it was read: by the contact, or an inbound one by the account.
    pub read_at: Option<Timestamp>,
    /// When it stops being worth sending.
    pub expires_at: Option<Timestamp>,
    /// The message that it answers.
    pub reply_to: Option<Quote>,
    /// The latest reaction of everybody.
    pub reactions: Vec<Reaction>,
}

impl From<MessageRow> for Message {
    fn from(row: MessageRow) -> Self {
        Self {
            id: row.id,
            account_id: row.account_id,
            conversation_id: row.conversation_id,
            direction: row.direction,
            provider_message_id: row.provider_message_id,
            contact_phone: row.contact_phone,
            content: row.content,
            reply_to: row.reply_to,
            reactions: row.reactions,
            status: row.status,
            error: row.error,
            created_at: row.created_at,
            sent_at: row.sent_at,
            delivered_at: row.delivered_at,
            read_at: row.read_at,
            expires_at: row.expires_at,
        }
    }
}

/// Which messages a list holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MessageFilter {
    /// Those of this account.
    pub account_id: Option<AccountId>,
    /// Those of this status.
    pub status: Option<MessageStatus>,
}

type Raw = (
    Id,
    Id,
    Id,
    Id,
    Word<Direction>,
    String,
    Word<ProviderMessageId>,
    Json<MessageContent>,
    Word<MessageStatus>,
    i16,
    Option<String>,
    UtcTime,
    Option<UtcTime>,
    Option<UtcTime>,
    Option<UtcTime>,
    Option<UtcTime>,
    Option<Json<Quote>>,
    Option<Json<Vec<Reaction>>>,
);

type RawWithPhone = (Raw, Option<Word<PhoneNumber>>);

fn row((raw, phone): RawWithPhone) -> MessageRow {
    MessageRow {
        id: raw.0.into(),
        workspace_id: raw.1.into(),
        account_id: raw.2.into(),
        conversation_id: raw.3.into(),
        direction: raw.4.0,
        sender: raw.5,
        provider_message_id: raw.6.0,
        contact_phone: phone.map(|phone| phone.0),
        content: raw.7.0,
        status: raw.8.0,
        error: raw.10,
        created_at: raw.11.0,
        sent_at: raw.12.map(|at| at.0),
        delivered_at: raw.13.map(|at| at.0),
        read_at: raw.14.map(|at| at.0),
        expires_at: raw.15.map(|at| at.0),
        reply_to: raw.16.map(|quote| quote.0),
        reactions: raw.17.map(|reactions| reactions.0).unwrap_or_default(),
    }
}

/// Messages of a workspace, each with its contact's number.
macro_rules! own {
    ($workspace_id:expr) => {
        dsl::messages
            .inner_join(conversations::table.inner_join(contacts::table))
            .filter(dsl::workspace_id.eq(Id::from($workspace_id)))
            .select((dsl::messages::all_columns(), contacts::phone))
    };
}

/// One message of a workspace.
#[diesel::dsl::auto_type(no_type_alias)]
fn of(workspace_id: WorkspaceId, id: MessageId) -> _ {
    let (id, workspace_id): (Id, Id) = (Id(id.0), Id(workspace_id.0));
    dsl::messages.filter(dsl::workspace_id.eq(workspace_id)).filter(dsl::id.eq(id))
}

/// Stores a message; `None`, and nothing stored, when the conversation has one of this sender and provider id already.
///
/// # Errors
/// `ForeignKey` when there is no such conversation.
pub async fn insert(conn: &mut Conn, new: &MessageRow) -> Result<Option<MessageRow>, DatabaseError> {
    let values = (
        dsl::id.eq(Id::from(new.id)),
        dsl::workspace_id.eq(Id::from(new.workspace_id)),
        dsl::account_id.eq(Id::from(new.account_id)),
        dsl::conversation_id.eq(Id::from(new.conversation_id)),
        dsl::direction.eq(Word(new.direction)),
        dsl::sender.eq(&new.sender),
        dsl::provider_message_id.eq(Word(new.provider_message_id.clone())),
        dsl::content.eq(Json(new.content.clone())),
        dsl::status.eq(Word(new.status)),
        dsl::status_rank.eq(new.status.rank()),
        dsl::error.eq(&new.error),
        dsl::created_at.eq(UtcTime(new.created_at)),
        dsl::sent_at.eq(new.sent_at.map(UtcTime)),
        dsl::delivered_at.eq(new.delivered_at.map(UtcTime)),
        dsl::read_at.eq(new.read_at.map(UtcTime)),
        dsl::expires_at.eq(new.expires_at.map(UtcTime)),
        dsl::reply_to.eq(new.reply_to.clone().map(Json)),
    );
    let key = (dsl::account_id, dsl::conversation_id, dsl::sender, dsl::provider_message_id);
    let stored: usize = on!(conn, c => {
        diesel::insert_into(dsl::messages).values(values).on_conflict(key).do_nothing().execute(c).await
    })?;
    Ok((stored == 1).then(|| new.clone()))
}

/// The message of this id.
///
/// # Errors
/// When the database is not there.
pub async fn find(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    id: MessageId,
) -> Result<Option<MessageRow>, DatabaseError> {
    let raw: Option<RawWithPhone> =
        on!(conn, c => own!(workspace_id).filter(dsl::id.eq(Id::from(id))).first(c).await.optional())?;
    Ok(raw.map(row))
}

/// The message of this id, locked until the transaction ends.
///
/// # Errors
/// When the database is not there.
pub async fn find_for_update(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    id: MessageId,
) -> Result<Option<MessageRow>, DatabaseError> {
    if let Link::Postgres(c) = &mut conn.link {
        let locked = of(workspace_id, id).select(dsl::id);
        let _locked: Option<Id> = locked.for_no_key_update().first(&mut **c).await.optional()?;
    }
    // On SQLite the transaction holds the only write lock there is.
    find(conn, workspace_id, id).await
}

/// The messages of an account that carry this id of WhatsApp's, whoever gave it to them, the oldest first; at most sixteen.
///
/// # Errors
/// When the database is not there.
pub async fn list_by_provider_id(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    account_id: AccountId,
    id: &ProviderMessageId,
) -> Result<Vec<MessageRow>, DatabaseError> {
    let raws: Vec<RawWithPhone> = on!(conn, c => {
        let own = own!(workspace_id).filter(dsl::account_id.eq(Id::from(account_id)));
        own.filter(dsl::provider_message_id.eq(Word(id.clone()))).order(dsl::id).limit(16).load(c).await
    })?;
    Ok(raws.into_iter().map(row).collect())
}

/// The conversations of an account that have messages waiting to be sent.
///
/// # Errors
/// When the database is not there.
pub async fn list_unsettled_conversations(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    account_id: AccountId,
) -> Result<Vec<ConversationId>, DatabaseError> {
    let unsettled = [Word(MessageStatus::Queued), Word(MessageStatus::Sending)];
    let ids: Vec<Id> = on!(conn, c => {
        let own = dsl::messages.filter(dsl::workspace_id.eq(Id::from(workspace_id)));
        own.filter(dsl::account_id.eq(Id::from(account_id)))
            .filter(dsl::status.eq_any(&unsettled))
            .select(dsl::conversation_id)
            .distinct()
            .load(c)
            .await
    })?;
    Ok(ids.into_iter().map(Into::into).collect())
}

/// Deletes up to `limit` messages of an account; how many it were.
///
/// # Errors
/// When the database is not there.
pub async fn delete_some(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    account_id: AccountId,
    limit: u32,
) -> Result<u32, DatabaseError> {
    conn.in_turn(async |conn| {
        let deleted: usize = on!(conn, c => {
            let own = dsl::messages.filter(dsl::workspace_id.eq(Id::from(workspace_id)));
            let some = own.filter(dsl::account_id.eq(Id::from(account_id))).select(dsl::id).limit(limit.into());
            let ids: Vec<Id> = some.load(c).await?;
            diesel::delete(dsl::messages.filter(dsl::id.eq_any(&ids))).execute(c).await
        })?;
        Ok(u32::try_from(deleted).unwrap_or(u32::MAX))
    })
    .await
}

/// A workspace's messages, newest first, those before `after`.
///
/// # Errors
/// When the database is not there.
pub async fn list(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    filter: MessageFilter,
    after: Option<MessageId>,
    limit: u32,
) -> Result<Vec<MessageRow>, DatabaseError> {
    let raws: Vec<RawWithPhone> = on!(conn, c => {
        let mut query = own!(workspace_id).into_boxed();
        if let Some(account_id) = filter.account_id {
            query = query.filter(dsl::account_id.eq(Id::from(account_id)));
        }
        if let Some(status) = filter.status {
            query = query.filter(dsl::status.eq(Word(status)));
        }
        if let Some(after) = after {
            query = query.filter(dsl::id.lt(Id::from(after)));
        }
        query.order(dsl::id.desc()).limit(limit.into()).load(c).await
    })?;
    Ok(raws.into_iter().map(row).collect())
}

/// The messages of a conversation, newest first, those before `after`.
///
/// # Errors
/// When the database is not there.
pub async fn list_of_conversation(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    conversation_id: ConversationId,
    after: Option<MessageId>,
    limit: u32,
) -> Result<Vec<MessageRow>, DatabaseError> {
    let raws: Vec<RawWithPhone> = on!(conn, c => {
        let mut query = own!(workspace_id).filter(dsl::conversation_id.eq(Id::from(conversation_id))).into_boxed();
        if let Some(after) = after {
            query = query.filter(dsl::id.lt(Id::from(after)));
        }
        query.order(dsl::id.desc()).limit(limit.into()).load(c).await
    })?;
    Ok(raws.into_iter().map(row).collect())
}
