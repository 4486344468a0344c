//! Receipts: how far messages that the account sent have come.

use blazz_database::early_receipts::{self, EarlyReceiptRow};
use blazz_database::{Conn, messages};
use blazz_domain::jid::JidKind;
use blazz_domain::{EventPayload, Message, MessageStatus, ProviderMessageId, ReceiptKind, SessionReceipt};

use super::entry::Intake;
use super::thread::{self, Thread};
use crate::ServiceError;
use crate::messages::ME;

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
    let (workspace_id, account_id) = (intake.lease.workspace_id, intake.lease.account_id);
    let thread = thread::open(intake.services, conn, workspace_id, account_id, &receipt.chat, None).await?;
    let mut payloads = thread.created_event(conn, workspace_id).await?;
    for id in &receipt.ids {
        payloads.extend(apply(intake, conn, receipt, &thread, id).await?);
    }
    Ok(payloads)
}

async fn apply(
    intake: &Intake<'_>,
    conn: &mut Conn,
    receipt: &SessionReceipt,
    thread: &Thread,
    id: &ProviderMessageId,
) -> Result<Option<EventPayload>, ServiceError> {
    let (workspace_id, account_id) = (intake.lease.workspace_id, intake.lease.account_id);
    let status = status_of(receipt.kind);
    let message =
        messages::find_by_provider_id(conn, workspace_id, account_id, thread.conversation_id, ME, id).await?;
    let Some(message) = message else {
        let early = EarlyReceiptRow {
            account_id,
            conversation_id: thread.conversation_id,
            provider_message_id: id.clone(),
            workspace_id,
            status,
            at: receipt.at,
        };
        early_receipts::upsert(conn, &early).await?;
        return Ok(None);
    };
    let raised = messages::raise_status(conn, workspace_id, message.id, status, receipt.at, None).await?;
    Ok(raised.map(|row| EventPayload::MessageStatusUpdated(Message::from(row))))
}

const fn status_of(kind: ReceiptKind) -> MessageStatus {
    match kind {
        ReceiptKind::Delivered => MessageStatus::Delivered,
        ReceiptKind::Read => MessageStatus::Read,
        ReceiptKind::Played => MessageStatus::Played,
    }
}
