//! Replies and reactions, out and in: each finds the message that it is about, and reactions stand on it.

use blazz_domain::{
    AccountId, Address, Direction, ErrorCode, EventPayload, Message, MessageContent, MessageId,
    MessageStatus, ProviderMessageId, Quote, ReceiptKind, Reference, SendOutcome, SessionEvent,
    SessionMessage,
};
use blazz_services::messages::{SendContent, SendRequest, Sent, send};
use blazz_services::{PageQuery, ServiceError, conversations, workspaces};
use blazz_test_support::for_each_database;

use crate::node::Reply;
use crate::outbox::{Outbox, at, from_phone, inbound, message, receipt};
use crate::world::{CONTACT, CONTACT_JID, World, quick, request_id, to_contact, without_takeover};

fn reacts(id: &str, target: &str, emoji: &str, second: u32) -> SessionMessage {
    let content = MessageContent::Reaction {
        message_id: None,
        provider_message_id: ProviderMessageId(target.into()),
        emoji: emoji.into(),
    };
    SessionMessage { content, sent_at: at(second), ..message(id, "") }
}

fn answers(id: &str, target: &str) -> SessionEvent {
    let quote = Quote {
        message_id: None,
        provider_message_id: ProviderMessageId(target.into()),
        preview: "quoted".into(),
    };
    SessionEvent::Message(SessionMessage { reply_to: Some(quote), ..message(id, "an answer") })
}

fn reaction(account_id: AccountId, message_id: MessageId, emoji: &str) -> SendRequest {
    let content = SendContent::Reaction { message_id, emoji: emoji.into() };
    SendRequest { content, ..to_contact(account_id, "") }
}

async fn sent(world: &World, request: &SendRequest) -> Result<Sent, ServiceError> {
    send(&world.services, world.workspace, request, None, &request_id()).await
}

async fn by_provider_id(world: &World, id: &str) -> Message {
    world.all_messages().await.into_iter().find(|message| message.provider_message_id.0 == id).unwrap()
}

fn emojis(message: &Message) -> Vec<(Direction, &str)> {
    message.reactions.iter().map(|reaction| (reaction.direction, reaction.emoji.as_str())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_goes_with_what_it_answers() {
    for_each_database(async |db| {
        let world = World::new(db, without_takeover()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        Outbox::new(&world, &node, account).deliver(&[inbound("A1", "ten o'clock?")]).await;
        let asked = by_provider_id(&world, "A1").await;
        let request = SendRequest { reply_to: Some(asked.id), ..to_contact(account, "fine") };
        let answer = sent(&world, &request).await.unwrap().message;
        assert_eq!(answer.status, MessageStatus::Sent);
        let quote = answer.reply_to.unwrap();
        assert_eq!((quote.message_id, quote.preview.as_str()), (Some(asked.id), "ten o'clock?"));
        let about = node.sends()[0].1.about.clone();
        let expected = Reference {
            id: asked.provider_message_id,
            from_me: false,
            sender: Some(CONTACT_JID.parse().unwrap()),
            content: asked.content,
        };
        assert_eq!(about, Some(expected));
        // One's own message can be answered too.
        let request = SendRequest { reply_to: Some(answer.id), ..to_contact(account, "sharp") };
        sent(&world, &request).await.unwrap();
        let about = node.sends()[1].1.about.clone().unwrap();
        assert_eq!((about.id, about.from_me, about.sender), (answer.provider_message_id, true, None));
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_in_names_the_message_where_it_is_known() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        let asked = world.send(account, "hello").await.unwrap().message;
        let known = answers("A1", &asked.provider_message_id.0);
        Outbox::new(&world, &node, account).deliver(&[known, answers("A2", "LOST")]).await;
        let quote = by_provider_id(&world, "A1").await.reply_to.unwrap();
        assert_eq!((quote.message_id, quote.preview.as_str()), (Some(asked.id), "quoted"));
        let quote = by_provider_id(&world, "A2").await.reply_to.unwrap();
        assert_eq!((quote.message_id, quote.provider_message_id.0.as_str()), (None, "LOST"));
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reaction_stands_on_its_message_once_whatsapp_has_it() {
    for_each_database(async |db| {
        let world = World::new(db, without_takeover()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        Outbox::new(&world, &node, account).deliver(&[inbound("A1", "hi")]).await;
        let target = by_provider_id(&world, "A1").await;
        node.will([Reply::Outcome(SendOutcome::Refused { code: 406 })]);
        let refused = sent(&world, &reaction(account, target.id, "👎")).await.unwrap().message;
        assert_eq!(refused.status, MessageStatus::Failed);
        assert!(world.message(target.id).await.reactions.is_empty(), "nobody has seen it");

        let reacted = sent(&world, &reaction(account, target.id, "👍")).await.unwrap().message;
        assert_eq!(reacted.status, MessageStatus::Sent);
        assert_eq!(emojis(&world.message(target.id).await), [(Direction::Outbound, "👍")]);
        let about = node.sends()[1].1.about.clone().unwrap();
        assert_eq!((about.id, about.from_me), (target.provider_message_id.clone(), false));
        let listed =
            conversations::list(&world.services, world.workspace, &PageQuery::default()).await.unwrap();
        assert_eq!(listed.data[0].last_message_preview.as_deref(), Some("hi"), "it is no news");
        assert_eq!(listed.data[0].unread, 1);

        sent(&world, &reaction(account, target.id, "")).await.unwrap();
        assert!(world.message(target.id).await.reactions.is_empty());
        let events = world.events().await.into_iter();
        let updates = events.filter_map(|payload| match payload {
            EventPayload::MessageReactionsUpdated(message) => Some((message.id, message.reactions.len())),
            _ => None,
        });
        let updates: Vec<_> = updates.collect();
        assert_eq!(updates, [(target.id, 1), (target.id, 0)]);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_latest_reaction_of_each_counts_and_a_repeat_changes_nothing() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        let target = world.send(account, "hello").await.unwrap().message;
        let on = target.provider_message_id.0.as_str();
        let first = SessionEvent::Message(reacts("R1", on, "👍", 3));
        let mut outbox = Outbox::new(&world, &node, account);
        outbox
            .deliver(&[first.clone(), SessionEvent::Message(reacts("R2", on, "❤️", 4)), first.clone()])
            .await;
        // From another outbox, and one that was overtaken.
        let mut other = Outbox::new(&world, &node, account);
        other.deliver(&[first, SessionEvent::Message(reacts("R0", on, "😢", 2))]).await;
        let shown = world.message(target.id).await;
        assert_eq!(emojis(&shown), [(Direction::Inbound, "❤️")]);
        let contact =
            conversations::list(&world.services, world.workspace, &PageQuery::default()).await.unwrap();
        assert_eq!(shown.reactions[0].contact_id, Some(contact.data[0].contact.id));
        assert_eq!(contact.data[0].unread, 0, "a reaction is no news");

        let SessionEvent::Message(own) = from_phone("R3", "") else { panic!("it is a message") };
        let own = SessionMessage { content: reacts("R3", on, "🎉", 5).content, ..own };
        outbox.deliver(&[SessionEvent::Message(own), SessionEvent::Message(reacts("R4", on, "", 6))]).await;
        assert_eq!(emojis(&world.message(target.id).await), [(Direction::Outbound, "🎉")]);
        let updates = world.event_kinds().await;
        assert_eq!(updates.iter().filter(|kind| **kind == "message.reactions.updated").count(), 4);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reaction_to_an_unknown_message_is_kept_and_one_elsewhere_is_not_mixed_in() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        let target = world.send(account, "hello").await.unwrap().message;
        let stranger = Address {
            jid: "15550000009@s.whatsapp.net".parse().unwrap(),
            phone: "+15550000009".parse().ok(),
            lid: None,
        };
        let elsewhere = SessionMessage {
            chat: stranger.clone(),
            sender: stranger,
            ..reacts("R2", &target.provider_message_id.0, "👍", 3)
        };
        let lost = SessionEvent::Message(reacts("R1", "LOST", "👍", 3));
        Outbox::new(&world, &node, account).deliver(&[lost, SessionEvent::Message(elsewhere)]).await;
        for id in ["R1", "R2"] {
            let MessageContent::Reaction { message_id, .. } = by_provider_id(&world, id).await.content else {
                panic!("it is a reaction");
            };
            assert_eq!(message_id, None);
        }
        assert!(world.message(target.id).await.reactions.is_empty());
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_proves_a_reaction_whose_acknowledgement_was_lost() {
    for_each_database(async |db| {
        let world = World::new(db, without_takeover()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        let mut outbox = Outbox::new(&world, &node, account);
        outbox.deliver(&[inbound("A1", "hi")]).await;
        let target = by_provider_id(&world, "A1").await;
        node.will([Reply::Outcome(SendOutcome::Unacknowledged)]);
        let open = sent(&world, &reaction(account, target.id, "👍")).await.unwrap().message;
        assert_eq!(open.status, MessageStatus::Sending);
        assert!(world.message(target.id).await.reactions.is_empty());
        outbox.deliver(&[receipt(&[&open.provider_message_id.0], ReceiptKind::Delivered, 9)]).await;
        assert_eq!(emojis(&world.message(target.id).await), [(Direction::Outbound, "👍")]);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_of_the_conversation_is_refused() {
    for_each_database(async |db| {
        let world = World::new(db, without_takeover()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        let target = world.send(account, "hello").await.unwrap().message;
        let other = SendRequest { to: "+15550000009".into(), ..to_contact(account, "hi") };
        let elsewhere = sent(&world, &other).await.unwrap().message;
        let foreign = workspaces::create(&world.services, "other").await.unwrap().id;
        let before = (world.all_messages().await.len(), world.events().await.len());
        for (id, code) in
            [(elsewhere.id, ErrorCode::WrongConversation), (MessageId::new(), ErrorCode::MessageNotFound)]
        {
            let reply = SendRequest { reply_to: Some(id), ..to_contact(account, "no") };
            assert_eq!(sent(&world, &reply).await.unwrap_err().code(), code);
            assert_eq!(sent(&world, &reaction(account, id, "👍")).await.unwrap_err().code(), code);
        }
        // Of another workspace: as if it were not there.
        let request = reaction(account, target.id, "👍");
        let refused = send(&world.services, foreign, &request, None, &request_id()).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::AccountNotFound);
        let both = SendRequest { reply_to: Some(target.id), ..request.clone() };
        assert_eq!(sent(&world, &both).await.unwrap_err().code(), ErrorCode::InvalidRequest);
        assert_eq!((world.all_messages().await.len(), world.events().await.len()), before);

        let reacted = sent(&world, &request).await.unwrap().message;
        let again = sent(&world, &reaction(account, reacted.id, "👍")).await.unwrap_err();
        assert_eq!(again.code(), ErrorCode::InvalidRequest, "to a reaction nobody reacts");
        assert_eq!(world.message(target.id).await.contact_phone, CONTACT.parse().ok());
        Ok(())
    })
    .await
    .unwrap();
}
