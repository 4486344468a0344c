//! Receipts that came before the message they are about.

use blazz_domain::{AccountId, MessageStatus, ProviderMessageId, Timestamp, WorkspaceId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::schema::early_receipts;
use crate::types::{Id, UtcTime, Word};
use crate::{Conn, DatabaseError};

row! {
    /// A receipt that waits for its message.
    pub struct EarlyReceiptRow as KeptReceipt in early_receipts {
        /// The account that sent the message.
        account_id: AccountId as Id,
        /// WhatsApp's id of it.
        provider_message_id: ProviderMessageId as Word<ProviderMessageId>,
        /// The workspace of the account.
        workspace_id: WorkspaceId as Id,
        /// How far it has come.
        status: MessageStatus as Word<MessageStatus>,
        /// The place of that on the ladder.
        status_rank: i16 as i16,
        /// When.
        at: Timestamp as UtcTime,
    }
}

/// Keeps a receipt; of several for one message the highest.
///
/// # Errors
/// When the database is not there.
pub async fn upsert(conn: &mut Conn, new: &EarlyReceiptRow) -> Result<(), DatabaseError> {
    let kept = KeptReceipt::from(new);
    let key = (early_receipts::account_id, early_receipts::provider_message_id);
    let stored: usize = on!(conn, c => {
        diesel::insert_into(early_receipts::table).values(&kept).on_conflict(key).do_nothing().execute(c).await
    })?;
    if stored == 0 {
        let one = of(new.workspace_id, new.account_id, &new.provider_message_id);
        let lower = one.filter(early_receipts::status_rank.lt(new.status_rank));
        on!(conn, c => diesel::update(lower).set(&kept).execute(c).await)?;
    }
    Ok(())
}

#[diesel::dsl::auto_type(no_type_alias)]
fn of<'a>(workspace_id: WorkspaceId, account_id: AccountId, id: &'a ProviderMessageId) -> _ {
    let (workspace_id, account_id): (Id, Id) = (Id(workspace_id.0), Id(account_id.0));
    let id: &'a str = id.0.as_str();
    early_receipts::table
        .filter(early_receipts::workspace_id.eq(workspace_id))
        .filter(early_receipts::account_id.eq(account_id))
        .filter(early_receipts::provider_message_id.eq(id))
}

/// Takes the receipt that waits for a message, if there is one.
///
/// # Errors
/// When the database is not there.
pub async fn take(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    account_id: AccountId,
    id: &ProviderMessageId,
) -> Result<Option<EarlyReceiptRow>, DatabaseError> {
    let take = diesel::delete(of(workspace_id, account_id, id)).returning(early_receipts::all_columns);
    let kept: Option<KeptReceipt> = on!(conn, c => take.get_result(c).await.optional())?;
    Ok(kept.map(EarlyReceiptRow::from))
}

/// Deletes up to `limit` of those that are older than `before`; how many it were.
///
/// # Errors
/// When the database is not there.
pub async fn delete_before(conn: &mut Conn, before: Timestamp, limit: u32) -> Result<u32, DatabaseError> {
    conn.in_turn(async |conn| {
        let deleted: usize = on!(conn, c => {
            let old = early_receipts::table.filter(early_receipts::at.lt(UtcTime(before)));
            let newest: Option<UtcTime> = old
                .order(early_receipts::at)
                .offset(limit.saturating_sub(1).into())
                .select(early_receipts::at)
                .first(c)
                .await
                .optional()?;
            let until = newest.unwrap_or(UtcTime(before));
            let some = early_receipts::table.filter(early_receipts::at.le(until));
            diesel::delete(some.filter(early_receipts::at.lt(UtcTime(before)))).execute(c).await
        })?;
        Ok(u32::try_from(deleted).unwrap_or(u32::MAX))
    })
    .await
}
