//! What people think of a message, kept beside it.

use blazz_database::Conn;
use blazz_database::messages::{self, MessageRow};
use blazz_domain::reference::put_reaction;
use blazz_domain::{
    ContactId, Direction, EventPayload, Message, MessageContent, MessageId, Reaction, Timestamp,
};

use super::Courier;
use crate::{ServiceError, events};

/// Puts a reaction that WhatsApp has in its place among those of its message, with the event of it. Doing it again changes nothing, and neither does a
/// message that is no reaction, or one to a message that is not known.
pub(crate) async fn apply(
    conn: &mut Conn,
    message: &MessageRow,
    at: Timestamp,
) -> Result<Option<EventPayload>, ServiceError> {
    let Some((target, reaction)) = reaction_of(message, at) else { return Ok(None) };
    let Some(mut target) = messages::find_for_update(conn, message.workspace_id, target).await? else {
        return Ok(None);
    };
    if !put_reaction(&mut target.reactions, reaction) {
        return Ok(None);
    }
    messages::set_reactions(conn, target.workspace_id, target.id, &target.reactions).await?;
    Ok(Some(EventPayload::MessageReactionsUpdated(Message::from(target))))
}

/// The same, in a transaction of its own: before the message is settled, so that no run that comes again finds it settled and this undone.
pub(super) async fn record(
    courier: &Courier,
    message: &MessageRow,
    at: Timestamp,
) -> Result<(), ServiceError> {
    if reaction_of(message, at).is_none() {
        return Ok(());
    }
    let clock = courier.clock.as_ref();
    let mut conn = courier.pool.get().await?;
    let mark = conn
        .transaction(async |conn| {
            let Some(payload) = apply(conn, message, at).await? else { return Ok::<_, ServiceError>(None) };
            Ok(events::append(conn, clock, message.workspace_id, vec![payload]).await?)
        })
        .await?;
    events::announce(&courier.bus, mark);
    Ok(())
}

fn reaction_of(message: &MessageRow, at: Timestamp) -> Option<(MessageId, Reaction)> {
    let MessageContent::Reaction { message_id: Some(target), emoji, .. } = &message.content else {
        return None;
    };
    let contact_id = match message.direction {
        Direction::Outbound => None,
        Direction::Inbound => message.sender.parse().ok().map(ContactId),
    };
    let reaction = Reaction { direction: message.direction, contact_id, emoji: emoji.clone(), at };
    Some((*target, reaction))
}
