//! Reading messages.

use blazz_database::messages;
use blazz_domain::{AccountId, Message, MessageId, MessageStatus, Page, WorkspaceId};

use crate::cursor::{PageQuery, id_cursor, page_of};
use crate::{ServiceError, Services};

/// Which messages of a workspace are asked for; `None` does not narrow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MessageFilter {
    /// Only those of this account.
    pub account_id: Option<AccountId>,
    /// Only those with this status.
    pub status: Option<MessageStatus>,
}

/// The messages of a workspace, newest first.
///
/// # Errors
/// When the page is not one, or the workspace does not have the account.
pub async fn list(
    services: &Services,
    workspace_id: WorkspaceId,
    filter: MessageFilter,
    page: &PageQuery,
) -> Result<Page<Message>, ServiceError> {
    let (after, limit) = (page.after_id()?, page.limit()?);
    if let Some(account_id) = filter.account_id {
        crate::accounts::find(services, workspace_id, account_id).await?;
    }
    let mut conn = services.pool.get().await?;
    let filter = messages::MessageFilter { account_id: filter.account_id, status: filter.status };
    let rows = messages::list(&mut conn, workspace_id, filter, after, limit + 1).await?;
    Ok(page_of(rows, limit, |row| id_cursor(row.id.0), Message::from))
}

/// One message.
///
/// # Errors
/// When the workspace has none with this id.
pub async fn get(
    services: &Services,
    workspace_id: WorkspaceId,
    id: MessageId,
) -> Result<Message, ServiceError> {
    let mut conn = services.pool.get().await?;
    let row = messages::find(&mut conn, workspace_id, id).await?;
    row.map(Message::from).ok_or_else(|| ServiceError::not_found("message"))
}
