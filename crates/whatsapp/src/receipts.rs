//! Receipts that the account gives: what it has read.

use std::sync::Arc;

use blazz_domain::{Jid, ProviderMessageId};
use whatsapp_rust::Jid as EngineJid;

use crate::connection::Link;

/// Says that messages were read. `false` when that cannot be said now.
pub(crate) async fn read(
    link: &Arc<Link>,
    chat: &Jid,
    sender: Option<&Jid>,
    ids: &[ProviderMessageId],
) -> bool {
    let Ok(chat) = chat.as_str().parse::<EngineJid>() else { return false };
    let sender = sender.and_then(|sender| sender.as_str().parse::<EngineJid>().ok());
    if !link.client.is_connected() || !link.client.is_logged_in() {
        return false;
    }
    let (client, ids) = (Arc::clone(&link.client), ids.to_vec());
    let telling = link.tasks.run(async move {
        let ids: Vec<&str> = ids.iter().map(|id| id.0.as_str()).collect();
        client.mark_as_read(&chat, sender.as_ref(), &ids).await
    });
    match telling.await {
        Ok(Some(Ok(()))) => true,
        Ok(Some(Err(error))) => {
            tracing::warn!(%error, "a read receipt failed on its way");
            false
        }
        Ok(None) | Err(_) => false,
    }
}
