//! Conversations: the thread of one account with one contact.

use blazz_domain::{AccountId, ContactId, Conversation, ConversationId, Timestamp, WorkspaceId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::conn::Link;
use crate::contacts::{ContactRow, KeptContact};
use crate::schema::{contacts, conversations};
use crate::types::{Id, UtcTime};
use crate::{Conn, DatabaseError};

row! {
    /// A conversation.
    pub struct ConversationRow as KeptConversation in conversations {
        /// Its id.
        id: ConversationId as Id,
        /// The workspace it belongs to.
        workspace_id: WorkspaceId as Id,
        /// The account that holds it.
        account_id: AccountId as Id,
        /// With whom.
        contact_id: ContactId as Id,
        /// The beginning of its last message.
        last_message_preview: Option<String> as Option<String>,
        /// When that was sent.
        last_message_at: Option<Timestamp> as Option<UtcTime>,
        /// The same, or when it began: the order of the list.
        active_at: Timestamp as UtcTime,
        /// Inbound messages since the account last wrote or read.
        unread: i32 as i32,
        /// When it began.
        created_at: Timestamp as UtcTime,
    }
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

type KeptBoth = (KeptConversation, KeptContact);

fn with_contact((conversation, contact): KeptBoth) -> ConversationWithContact {
    ConversationWithContact { conversation: conversation.into(), contact: contact.into() }
}

macro_rules! own {
    ($workspace_id:expr, $id:expr) => {
        conversations::table
            .filter(conversations::workspace_id.eq(Id::from($workspace_id)))
            .filter(conversations::id.eq(Id::from($id)))
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
    let row = ConversationRow {
        id: ConversationId::new(),
        workspace_id,
        account_id,
        contact_id,
        last_message_preview: None,
        last_message_at: None,
        active_at: now,
        unread: 0,
        created_at: now,
    };
    let kept = KeptConversation::from(&row);
    let made: usize = on!(conn, c => {
        diesel::insert_into(conversations::table).values(&kept).on_conflict_do_nothing().execute(c).await
    })?;
    if made == 1 {
        return Ok((row, true));
    }
    let kept: KeptConversation = on!(conn, c => {
        let own = conversations::table.filter(conversations::workspace_id.eq(Id(workspace_id.0)));
        let own = own.filter(conversations::account_id.eq(Id(account_id.0)));
        own.filter(conversations::contact_id.eq(Id(contact_id.0))).first(c).await
    })?;
    Ok((kept.into(), false))
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
    let kept: KeptConversation = match &mut conn.link {
        Link::Postgres(c) => own!(workspace_id, id).for_no_key_update().first(&mut **c).await?,
        // The transaction holds the only write lock there is.
        Link::Sqlite(c) => own!(workspace_id, id).first(&mut c.conn).await?,
    };
    Ok(kept.into())
}

/// Notes a new message. An older one than the last leaves the preview as it is; WhatsApp tells the time of a message in seconds, so of two
/// in one second the later noted is the last. The caller holds the conversation's lock.
///
/// # Errors
/// `NotFound` when the workspace has none of this id.
pub async fn touch(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    id: ConversationId,
    touch: Touch,
) -> Result<(), DatabaseError> {
    let kept: KeptConversation = on!(conn, c => own!(workspace_id, id).first(c).await)?;
    let known = ConversationRow::from(kept);
    let (preview, at, unread) = match touch {
        Touch::Written { preview, at } => (preview, at, 0),
        Touch::Received { preview, at } => (preview, at, known.unread.saturating_add(1)),
    };
    let after = match known.last_message_at {
        Some(last) if at.unix_seconds() < last.unix_seconds() => ConversationRow { unread, ..known },
        last => {
            let at = last.map_or(at, |last| last.max(at));
            ConversationRow {
                last_message_preview: Some(preview),
                last_message_at: Some(at),
                active_at: at,
                unread,
                ..known
            }
        }
    };
    let kept = KeptConversation::from(&after);
    on!(conn, c => diesel::update(own!(workspace_id, id)).set(&kept).execute(c).await)?;
    Ok(())
}

/// Sets how many inbound messages nobody has read. The caller holds the conversation's lock.
///
/// # Errors
/// When the database is not there.
pub async fn set_unread(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    id: ConversationId,
    unread: i32,
) -> Result<(), DatabaseError> {
    on!(conn, c => {
        diesel::update(own!(workspace_id, id)).set(conversations::unread.eq(unread)).execute(c).await
    })?;
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
    let kept: Option<KeptBoth> = on!(conn, c => {
        let joined = own!(workspace_id, id).inner_join(contacts::table);
        let both = joined.select((conversations::all_columns, contacts::all_columns));
        both.first(c).await.optional()
    })?;
    Ok(kept.map(with_contact))
}

/// A workspace's conversations, the one that was last active first, those after the place `(active_at, id)`.
///
/// # Errors
/// When the database is not there.
pub async fn list(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    after: Option<(Timestamp, ConversationId)>,
    limit: u32,
) -> Result<Vec<ConversationWithContact>, DatabaseError> {
    let kept: Vec<KeptBoth> = on!(conn, c => {
        let own = conversations::table.filter(conversations::workspace_id.eq(Id(workspace_id.0)));
        let joined = own.inner_join(contacts::table);
        let mut query = joined.select((conversations::all_columns, contacts::all_columns)).into_boxed();
        if let Some((at, id)) = after {
            let at = UtcTime(at);
            let same = conversations::active_at.eq(at).and(conversations::id.lt(Id(id.0)));
            // The first condition says nothing new; it lets the index find the place.
            query = query
                .filter(conversations::active_at.le(at))
                .filter(conversations::active_at.lt(at).or(same));
        }
        query
            .order((conversations::active_at.desc(), conversations::id.desc()))
            .limit(limit.into())
            .load(c)
            .await
    })?;
    Ok(kept.into_iter().map(with_contact).collect())
}
