//! What changes a stored message: how far it has come, when it was read, its file, its reactions.

use blazz_domain::{ErrorCode, MessageContent, MessageId, MessageStatus, Reaction, Timestamp, WorkspaceId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::{MessageRow, find, of};
use crate::schema::messages::dsl;
use crate::types::{Id, Json, UtcTime, Word};
use crate::{Conn, DatabaseError};

/// Notes when the account read these messages of its contacts.
///
/// # Errors
/// When the database is not there.
pub async fn set_read(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    ids: &[MessageId],
    at: Timestamp,
) -> Result<(), DatabaseError> {
    let ids: Vec<Id> = ids.iter().copied().map(Id::from).collect();
    on!(conn, c => {
        let these = dsl::messages.filter(dsl::workspace_id.eq(Id::from(workspace_id))).filter(dsl::id.eq_any(&ids));
        diesel::update(these).set(dsl::read_at.eq(UtcTime(at))).execute(c).await
    })?;
    Ok(())
}

/// Stores what a message says. The caller holds its lock.
///
/// # Errors
/// When the database is not there.
pub async fn set_content(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    id: MessageId,
    content: &MessageContent,
) -> Result<(), DatabaseError> {
    let content = Json(content.clone());
    conn.in_turn(async |conn| {
        on!(conn, c => {
            diesel::update(of(workspace_id, id)).set(dsl::content.eq(content.clone())).execute(c).await
        })?;
        Ok(())
    })
    .await
}

/// Stores the reactions to a message. The caller holds its lock.
///
/// # Errors
/// When the database is not there.
pub async fn set_reactions(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    id: MessageId,
    reactions: &[Reaction],
) -> Result<(), DatabaseError> {
    let reactions = (!reactions.is_empty()).then(|| Json(reactions.to_vec()));
    conn.in_turn(async |conn| {
        on!(conn, c => {
            diesel::update(of(workspace_id, id)).set(dsl::reactions.eq(reactions.clone())).execute(c).await
        })?;
        Ok(())
    })
    .await
}

/// Raises a message's status, in one statement; `None` when it stands as high already. The time of the step is kept when it is the
/// first of its kind; `error` is stored as given, so a later success clears it.
///
/// # Errors
/// When the database is not there.
pub async fn raise_status(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    id: MessageId,
    status: MessageStatus,
    at: Timestamp,
    error: Option<ErrorCode>,
) -> Result<Option<MessageRow>, DatabaseError> {
    let rank = status.rank();
    let reached = |step: MessageStatus| (rank >= step.rank()).then_some(UtcTime(at));
    let (sent, delivered, read) =
        (reached(MessageStatus::Sent), reached(MessageStatus::Delivered), reached(MessageStatus::Read));
    let raised: usize = conn.in_turn(async |conn| Ok(on!(conn, c => {
        let first = |at: Option<UtcTime>| at.into_sql::<diesel::sql_types::Nullable<crate::types::sql::UtcTime>>();
        let change = (
            dsl::status.eq(Word(status)),
            dsl::status_rank.eq(rank),
            dsl::error.eq(error.map(ErrorCode::as_str)),
            dsl::sent_at.eq(coalesce(dsl::sent_at, first(sent))),
            dsl::delivered_at.eq(coalesce(dsl::delivered_at, first(delivered))),
            dsl::read_at.eq(coalesce(dsl::read_at, first(read))),
        );
        diesel::update(of(workspace_id, id).filter(dsl::status_rank.lt(rank))).set(change).execute(c).await
    })?)).await?;
    if raised == 0 { Ok(None) } else { find(conn, workspace_id, id).await }
}

diesel::define_sql_function! {
    /// The first of two that is not null.
    #[sql_name = "coalesce"]
    fn coalesce(
        first: diesel::sql_types::Nullable<crate::types::sql::UtcTime>,
        second: diesel::sql_types::Nullable<crate::types::sql::UtcTime>,
    ) -> diesel::sql_types::Nullable<crate::types::sql::UtcTime>;
}

/// Takes `sending` back to `queued`: for the run that stored it and knows that nothing was written.
///
/// # Errors
/// When the database is not there.
pub async fn take_back_sending(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    id: MessageId,
) -> Result<(), DatabaseError> {
    let change =
        (dsl::status.eq(Word(MessageStatus::Queued)), dsl::status_rank.eq(MessageStatus::Queued.rank()));
    conn.in_turn(async |conn| {
        on!(conn, c => {
            diesel::update(of(workspace_id, id).filter(dsl::status.eq(Word(MessageStatus::Sending)))).set(change).execute(c).await
        })?;
        Ok(())
    })
    .await
}
