//! Receipts that came before the message they are about.

use blazz_domain::{AccountId, ConversationId, MessageStatus, ProviderMessageId, Timestamp, WorkspaceId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::schema::early_receipts::dsl;
use crate::types::{Id, UtcTime, Word};
use crate::{Conn, DatabaseError};

/// A receipt that waits for its message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlyReceiptRow {
    /// The account that sent the message.
    pub account_id: AccountId,
    /// The conversation it is in.
    pub conversation_id: ConversationId,
    /// WhatsApp's id of it.
    pub provider_message_id: ProviderMessageId,
    /// The workspace of the account.
    pub workspace_id: WorkspaceId,
    /// How far it has come.
    pub status: MessageStatus,
    /// When.
    pub at: Timestamp,
}

type Raw = (Id, Id, Word<ProviderMessageId>, Id, Word<MessageStatus>, i16, UtcTime);

fn row(
    (account_id, conversation_id, provider_message_id, workspace_id, status, _, at): Raw,
) -> EarlyReceiptRow {
    EarlyReceiptRow {
        account_id: account_id.into(),
        conversation_id: conversation_id.into(),
        provider_message_id: provider_message_id.0,
        workspace_id: workspace_id.into(),
        status: status.0,
        at: at.0,
    }
}

/// Keeps a receipt; of several for one message the highest.
///
/// # Errors
/// When the database is not there.
pub async fn upsert(conn: &mut Conn, new: &EarlyReceiptRow) -> Result<(), DatabaseError> {
    let values = (
        dsl::account_id.eq(Id::from(new.account_id)),
        dsl::conversation_id.eq(Id::from(new.conversation_id)),
        dsl::provider_message_id.eq(Word(new.provider_message_id.clone())),
        dsl::workspace_id.eq(Id::from(new.workspace_id)),
        dsl::status.eq(Word(new.status)),
        dsl::status_rank.eq(new.status.rank()),
        dsl::at.eq(UtcTime(new.at)),
    );
    let key = (dsl::account_id, dsl::conversation_id, dsl::provider_message_id);
    let stored: usize = on!(conn, c => {
        diesel::insert_into(dsl::early_receipts).values(values).on_conflict(key).do_nothing().execute(c).await
    })?;
    if stored == 0 {
        raise(conn, new).await?;
    }
    Ok(())
}

async fn raise(conn: &mut Conn, new: &EarlyReceiptRow) -> Result<(), DatabaseError> {
    let higher = (
        dsl::status.eq(Word(new.status)),
        dsl::status_rank.eq(new.status.rank()),
        dsl::at.eq(UtcTime(new.at)),
    );
    on!(conn, c => {
        let own = dsl::early_receipts.filter(dsl::workspace_id.eq(Id::from(new.workspace_id)));
        let lower = own
            .filter(dsl::account_id.eq(Id::from(new.account_id)))
            .filter(dsl::conversation_id.eq(Id::from(new.conversation_id)))
            .filter(dsl::provider_message_id.eq(Word(new.provider_message_id.clone())))
            .filter(dsl::status_rank.lt(new.status.rank()));
        diesel::update(lower).set(higher).execute(c).await
    })?;
    Ok(())
}

/// Takes the receipt that waits for a message, if there is one.
///
/// # Errors
/// When the database is not there.
pub async fn take(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    account_id: AccountId,
    conversation_id: ConversationId,
    id: &ProviderMessageId,
) -> Result<Option<EarlyReceiptRow>, DatabaseError> {
    let raw: Option<Raw> = on!(conn, c => {
        let own = dsl::early_receipts.filter(dsl::workspace_id.eq(Id::from(workspace_id)));
        let one = own
            .filter(dsl::account_id.eq(Id::from(account_id)))
            .filter(dsl::conversation_id.eq(Id::from(conversation_id)))
            .filter(dsl::provider_message_id.eq(Word(id.clone())));
        diesel::delete(one).returning(dsl::early_receipts::all_columns()).get_result(c).await.optional()
    })?;
    Ok(raw.map(row))
}
