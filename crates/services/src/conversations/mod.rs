//! Conversations and what was said in them.

mod read;
mod tell_read;

pub use read::read;
pub use tell_read::TellReadJob;

use blazz_database::{conversations, messages};
use blazz_domain::{Conversation, ConversationId, Message, Page, WorkspaceId};

use crate::cursor::{PageQuery, RecentCursor, id_cursor, page_of};
use crate::{ServiceError, Services};

/// The conversations of a workspace, the one that was last active first.
///
/// # Errors
/// When the page is not one.
pub async fn list(
    services: &Services,
    workspace_id: WorkspaceId,
    page: &PageQuery,
) -> Result<Page<Conversation>, ServiceError> {
    let (after, limit) = (page.after_recent()?, page.limit()?);
    let after = after.map(|cursor| (cursor.active_at, cursor.id));
    let mut conn = services.pool.get().await?;
    let rows = conversations::list(&mut conn, workspace_id, after, limit + 1).await?;
    let cursor = |row: &conversations::ConversationWithContact| {
        RecentCursor { active_at: row.conversation.active_at, id: row.conversation.id }.encode()
    };
    Ok(page_of(rows, limit, cursor, Conversation::from))
}

/// The messages of a conversation, newest first.
///
/// # Errors
/// When the page is not one, or the workspace has no such conversation.
pub async fn messages(
    services: &Services,
    workspace_id: WorkspaceId,
    id: ConversationId,
    page: &PageQuery,
) -> Result<Page<Message>, ServiceError> {
    let (after, limit) = (page.after_id()?, page.limit()?);
    let mut conn = services.pool.get().await?;
    if conversations::find(&mut conn, workspace_id, id).await?.is_none() {
        return Err(ServiceError::not_found("conversation"));
    }
    let rows = messages::list_of_conversation(&mut conn, workspace_id, id, after, limit + 1).await?;
    Ok(page_of(rows, limit, |row| id_cursor(row.id.0), Message::from))
}
