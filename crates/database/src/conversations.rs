//! Conversations: the thread of one account with one contact.

use blazz_domain::{AccountId, ContactId, Conversation, ConversationId, Timestamp, WorkspaceId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::conn::Link;
use crate::contacts::{self, ContactRow};
use crate::schema::contacts as contacts_table;
use crate::schema::conversations::dsl;
use crate::types::{Id, UtcTime};
use crate::{Conn, DatabaseError};

/// A conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationRow {
    /// Its id.
    pub id: ConversationId,
    /// The workspace it belongs to.
    pub workspace_id: WorkspaceId,
    /// The account that holds it.
    pub account_id: AccountId,
    /// With whom.
    pub contact_id: ContactId,
    /// The beginning of its last message.
    pub last_message_preview: Option<String>,
    /// When that was sent.
    pub last_message_at: Option<Timestamp>,
    /// Inbound messages since the account last wrote.
    pub unread: i32,
    /// When it began.
    pub created_at: Timestamp,
}

/// A conversation and the contact it is held with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationWithContact {
    /// The conversation.
    pub conversation: ConversationRow,
    /// With whom.
    pub contact: ContactRow,
}

impl From<ConversationWithContact> for Conversation {
    fn from(row: ConversationWithContact) -> Self {
        Self {
            id: row.conversation.id,
            account_id: row.conversation.account_id,
            contact: row.contact.into(),
            last_message_preview: row.conversation.last_message_preview,
            last_message_at: row.conversation.last_message_at,
            unread: row.conversation.unread,
            created_at: row.conversation.created_at,
        }
    }
}

/// What a new message does to its conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Touch {
    /// The account wrote: nothing is unread any more.
    Written {
        /// The beginning of the message.
        preview: String,
        /// When it was written.
        at: Timestamp,
    },
    /// The contact wrote.
    Received {
        /// The beginning of the message.
        preview: String,
        /// When it was sent.
        at: Timestamp,
    },
}

type Raw = (Id, Id, Id, Id, Option<String>, Option<UtcTime>, i32, UtcTime);

fn row(
    (id, workspace_id, account_id, contact_id, preview, last_message_at, unread, created_at): Raw,
) -> ConversationRow {
    ConversationRow {
        id: id.into(),
        workspace_id: workspace_id.into(),
        account_id: account_id.into(),
        contact_id: contact_id.into(),
        last_message_preview: preview,
        last_message_at: last_message_at.map(|at| at.0),
        unread,
        created_at: created_at.0,
    }
}

fn with_contact((conversation, contact): (Raw, contacts::Raw)) -> ConversationWithContact {
    ConversationWithContact { conversation: row(conversation), contact: contacts::row(contact) }
}

macro_rules! own {
    ($workspace_id:expr, $id:expr) => {
        dsl::conversations
            .filter(dsl::workspace_id.eq(Id::from($workspace_id)))
            .filter(dsl::id.eq(Id::from($id)))
    };
}

/// The conversation of an account with a contact, and whether it has just begun.
///
/// # Errors
/// When the database is not there.
pub async fn upsert(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    account_id: AccountId,
    contact_id: ContactId,
    now: Timestamp,
) -> Result<(ConversationRow, bool), DatabaseError> {
    let (account, contact) = (Id::from(account_id), Id::from(contact_id));
    let values = (
        dsl::id.eq(Id::from(ConversationId::new())),
        dsl::workspace_id.eq(Id::from(workspace_id)),
        dsl::account_id.eq(account),
        dsl::contact_id.eq(contact),
        dsl::unread.eq(0),
        dsl::created_at.eq(UtcTime(now)),
    );
    let made: usize = on!(conn, c => {
        diesel::insert_into(dsl::conversations).values(values).on_conflict_do_nothing().execute(c).await
    })?;
    let raw: Raw = on!(conn, c => {
        let own = dsl::conversations.filter(dsl::workspace_id.eq(Id::from(workspace_id)));
        own.filter(dsl::account_id.eq(account)).filter(dsl::contact_id.eq(contact)).first(c).await
    })?;
    Ok((row(raw), made == 1))
}

/// Locks a conversation until the transaction ends: whoever stores messages of it does so in turn.
///
/// # Errors
/// `NotFound` when the workspace has none of this id.
pub async fn lock(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    id: ConversationId,
) -> Result<ConversationRow, DatabaseError> {
    let raw: Raw = match &mut conn.link {
        Link::Postgres(c) => own!(workspace_id, id).for_no_key_update().first(&mut **c).await?,
        // The transaction holds the only write lock there is.
        Link::Sqlite(c) => own!(workspace_id, id).first(&mut c.conn).await?,
    };
    Ok(row(raw))
}

/// Notes a new message. An older one than the last leaves the preview as it is. The caller holds the conversation's lock.
///
/// # Errors
/// `NotFound` when the workspace has none of this id.
pub async fn touch(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    id: ConversationId,
    touch: Touch,
) -> Result<(), DatabaseError> {
    let known: Raw = on!(conn, c => own!(workspace_id, id).first(c).await)?;
    let known = row(known);
    let (preview, at, unread) = match touch {
        Touch::Written { preview, at } => (preview, at, 0),
        Touch::Received { preview, at } => (preview, at, known.unread.saturating_add(1)),
    };
    let is_last = known.last_message_at.is_none_or(|last| at >= last);
    let (preview, at) =
        if is_last { (Some(preview), Some(at)) } else { (known.last_message_preview, known.last_message_at) };
    let change = (
        dsl::last_message_preview.eq(preview),
        dsl::last_message_at.eq(at.map(UtcTime)),
        dsl::unread.eq(unread),
    );
    on!(conn, c => diesel::update(own!(workspace_id, id)).set(change).execute(c).await)?;
    Ok(())
}

/// The conversation of this id.
///
/// # Errors
/// When the database is not there.
pub async fn find(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    id: ConversationId,
) -> Result<Option<ConversationWithContact>, DatabaseError> {
    let raw: Option<(Raw, contacts::Raw)> = on!(conn, c => {
        let joined = own!(workspace_id, id).inner_join(contacts_table::table);
        joined.select((dsl::conversations::all_columns(), contacts_table::table::all_columns())).first(c).await.optional()
    })?;
    Ok(raw.map(with_contact))
}

/// A workspace's conversations, the one with the newest message first, those after the place `(last_message_at, id)`. Conversations
/// without a message come last.
///
/// # Errors
/// When the database is not there.
pub async fn list(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    after: Option<(Option<Timestamp>, ConversationId)>,
    limit: u32,
) -> Result<Vec<ConversationWithContact>, DatabaseError> {
    let raws: Vec<(Raw, contacts::Raw)> = on!(conn, c => {
        let mut query = dsl::conversations.inner_join(contacts_table::table).filter(dsl::workspace_id.eq(Id::from(workspace_id))).into_boxed();
        match after {
            Some((Some(at), id)) => {
                let older = dsl::last_message_at.lt(UtcTime(at)).or(dsl::last_message_at.is_null());
                let same = dsl::last_message_at.eq(UtcTime(at)).and(dsl::id.lt(Id::from(id)));
                query = query.filter(older.or(same));
            }
            Some((None, id)) => {
                query = query.filter(dsl::last_message_at.is_null()).filter(dsl::id.lt(Id::from(id)));
            }
            None => {}
        }
        query
            .order((dsl::last_message_at.is_null(), dsl::last_message_at.desc(), dsl::id.desc()))
            .limit(limit.into())
            .select((dsl::conversations::all_columns(), contacts_table::table::all_columns()))
            .load(c)
            .await
    })?;
    Ok(raws.into_iter().map(with_contact).collect())
}
