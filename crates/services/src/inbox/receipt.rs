//! Receipts: how far messages that the account sent have come.

use blazz_database::Conn;
use blazz_database::early_receipts::{self, EarlyReceiptRow};
use blazz_database::messages::{self, MessageRow};
use blazz_domain::jid::JidKind;
use blazz_domain::{EventPayload, Message, MessageStatus, ProviderMessageId, ReceiptKind, SessionReceipt};

use super::entry::Intake;
use crate::ServiceError;
use crate::messages::{ME, reactions};

/// Whether it moves a message: a receipt of one contact for a thread with that contact. In a group it says nothing about the others.
pub(super) fn is_ours(receipt: &SessionReceipt) -> bool {
    matches!(receipt.chat.jid.kind(), JidKind::Phone | JidKind::Lid)
}

pub(super) async fn take(
    intake: &Intake<'_>,
    conn: &mut Conn,
    receipt: &SessionReceipt,
) -> Result<Vec<EventPayload>, ServiceError> {
    if !is_ours(receipt) {
        return Ok(vec![]);
    }
    let mut payloads = Vec::new();
    for id in &receipt.ids {
        payloads.extend(apply(intake, conn, receipt, id).await?);
    }
    Ok(payloads)
}

async fn apply(
    intake: &Intake<'_>,
    conn: &mut Conn,
    receipt: &SessionReceipt,
    id: &ProviderMessageId,
) -> Result<Vec<EventPayload>, ServiceError> {
    let (workspace_id, account_id) = (intake.lease.workspace_id, intake.lease.account_id);
    let status = status_of(receipt.kind);
    let same_id = messages::list_by_provider_id(conn, workspace_id, account_id, id).await?;
    let Some(message) = meant(same_id, receipt) else {
        let early = EarlyReceiptRow {
            account_id,
            provider_message_id: id.clone(),
            workspace_id,
            status,
            status_rank: status.rank(),
            at: receipt.at,
        };
        early_receipts::upsert(conn, &early).await?;
        return Ok(vec![]);
    };
    let raised = messages::raise_status(conn, workspace_id, message.id, status, receipt.at, None).await?;
    let Some(row) = raised else { return Ok(vec![]) };
    // It proves that the message was sent, also when the acknowledgement was lost.
    let reacted = reactions::apply(conn, &row, row.sent_at.unwrap_or(receipt.at)).await?;
    Ok(reacted.into_iter().chain([EventPayload::MessageStatusUpdated(Message::from(row))]).collect())
}

/// The message that a receipt is about: it knows it by its id, and may name the contact by an address that nobody has joined with the
/// message's yet. A phone gives one id to the copies of a broadcast; then the number decides.
fn meant(same_id: Vec<MessageRow>, receipt: &SessionReceipt) -> Option<MessageRow> {
    let ours: Vec<MessageRow> = same_id.into_iter().filter(|message| message.sender == ME).collect();
    let phone = receipt.chat.phone.clone().or_else(|| receipt.chat.jid.phone_number());
    let of_contact = ours.iter().find(|message| phone.is_some() && message.contact_phone == phone).cloned();
    of_contact.or_else(|| ours.into_iter().next())
}

const fn status_of(kind: ReceiptKind) -> MessageStatus {
    match kind {
        ReceiptKind::Delivered => MessageStatus::Delivered,
        ReceiptKind::Read => MessageStatus::Read,
        ReceiptKind::Played => MessageStatus::Played,
    }
}
