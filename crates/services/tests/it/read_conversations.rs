//! Reading a conversation: nothing is unread any more, and the writers are told.

use blazz_domain::{
    Address, Conversation, ConversationId, ErrorCode, EventPayload, Jid, Message, MessageId, SessionEvent,
    SessionMessage, WorkspaceId,
};
use blazz_services::{PageQuery, ServiceError, conversations, workspaces};
use blazz_test_support::{eventually, for_each_database};
use blazz_wire::node_api::ReadMessages;

use crate::node::TestNode;
use crate::outbox::{Outbox, inbound, message};
use crate::world::{CONTACT_JID, DEADLINE, World, quick, request_id};

async fn conversation(world: &World) -> Conversation {
    let page = PageQuery::default();
    let listed = conversations::list(&world.services, world.workspace, &page).await.unwrap().data;
    assert_eq!(listed.len(), 1);
    listed.into_iter().next().unwrap()
}

async fn read(
    world: &World,
    id: ConversationId,
    up_to: Option<MessageId>,
) -> Result<Conversation, ServiceError> {
    conversations::read(&world.services, world.workspace, id, up_to, &request_id()).await
}

/// Waits until the node was told `count` times.
async fn told(node: &TestNode, count: usize) -> Vec<ReadMessages> {
    eventually(DEADLINE, async || Some(node.reads()).filter(|reads| reads.len() >= count)).await.unwrap()
}

fn ids(read: &ReadMessages) -> Vec<&str> {
    read.ids.iter().map(|id| id.0.as_str()).collect()
}

fn by_id(messages: &[Message], id: &str) -> Message {
    messages.iter().find(|message| message.provider_message_id.0 == id).unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_hears_that_it_was_read_and_only_once() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        let mut outbox = Outbox::new(&world, &node, account);
        outbox.deliver(&[inbound("A1", "one"), inbound("A2", "two"), inbound("A3", "three")]).await;
        let thread = conversation(&world).await;
        assert_eq!(thread.unread, 3);
        let second = by_id(&world.all_messages().await, "A2");

        let seen = read(&world, thread.id, Some(second.id)).await.unwrap();
        assert_eq!((seen.id, seen.unread), (thread.id, 1));
        let reads = told(&node, 1).await;
        assert_eq!((reads[0].chat.as_str(), &reads[0].sender), (CONTACT_JID, &None));
        assert_eq!(ids(&reads[0]), ["A2", "A1"], "newest first");
        let messages = world.all_messages().await;
        assert!(by_id(&messages, "A2").read_at.is_some() && by_id(&messages, "A3").read_at.is_none());

        let last = world.events().await.pop().unwrap();
        assert_eq!(last, EventPayload::ConversationUpdated(seen));
        assert_eq!(read(&world, thread.id, None).await.unwrap().unread, 0);
        assert_eq!(ids(&told(&node, 2).await[1]), ["A3"]);

        let events = world.events().await.len();
        assert_eq!(read(&world, thread.id, None).await.unwrap().unread, 0);
        assert_eq!(world.events().await.len(), events, "nothing has changed");
        // What comes after is unread, and told after everything before it: twice would have shown by now.
        outbox.deliver(&[inbound("A4", "four")]).await;
        read(&world, thread.id, None).await.unwrap();
        assert_eq!(ids(told(&node, 3).await.last().unwrap()), ["A4"]);
        assert_eq!(node.reads().len(), 3);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_group_each_writer_hears_of_its_own() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        let address = |jid: &str| Address { jid: jid.parse().unwrap(), phone: None, lid: None };
        let from = |sender: &str, id: &str| {
            let (chat, sender) = (address("120363000000000001@g.us"), address(sender));
            SessionEvent::Message(SessionMessage { chat, sender, ..message(id, id) })
        };
        let (ann, bob) = ("15550000002@s.whatsapp.net", "15550000003@s.whatsapp.net");
        let events = [from(ann, "A1"), from(bob, "B1"), from(ann, "A2")];
        Outbox::new(&world, &node, account).deliver(&events).await;
        read(&world, conversation(&world).await.id, None).await.unwrap();
        let mut reads = told(&node, 2).await;
        reads.sort_by_key(|read| read.sender.as_ref().map(|sender| sender.as_str().to_owned()));
        let group: Jid = "120363000000000001@g.us".parse().unwrap();
        assert!(reads.iter().all(|read| read.chat == group));
        assert_eq!((reads[0].sender.as_ref().unwrap().as_str(), ids(&reads[0])), (ann, vec!["A2", "A1"]));
        assert_eq!((reads[1].sender.as_ref().unwrap().as_str(), ids(&reads[1])), (bob, vec!["B1"]));
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_hears_of_it_when_the_session_is_back() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        Outbox::new(&world, &node, account).deliver(&[inbound("A1", "one")]).await;
        world.report(&node, account, blazz_domain::AccountState::Disconnected).await;
        let thread = conversation(&world).await;
        assert_eq!(read(&world, thread.id, None).await.unwrap().unread, 0, "in the inbox it is read at once");
        assert!(node.reads().is_empty());
        world.report(&node, account, blazz_domain::AccountState::Connected).await;
        assert_eq!(ids(&told(&node, 1).await[0]), ["A1"]);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_there_can_be_read() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        Outbox::new(&world, &node, account).deliver(&[inbound("A1", "one")]).await;
        let thread = conversation(&world).await;
        let unknown = read(&world, ConversationId::new(), None).await.unwrap_err();
        assert_eq!(unknown.code(), ErrorCode::NotFound);
        let elsewhere = read(&world, thread.id, Some(MessageId::new())).await.unwrap_err();
        assert_eq!(elsewhere.code(), ErrorCode::NotFound);
        let other: WorkspaceId = workspaces::create(&world.services, "other").await.unwrap().id;
        let foreign = conversations::read(&world.services, other, thread.id, None, &request_id()).await;
        assert_eq!(foreign.unwrap_err().code(), ErrorCode::NotFound);
        assert_eq!(conversation(&world).await.unread, 1);
        Ok(())
    })
    .await
    .unwrap();
}
