//! Messages out: stored with all that belongs to them, sent once, in order, come what may.

use std::sync::Arc;

use blazz_domain::{AccountState, ErrorCode, EventPayload, MessageContent, MessageStatus, SendOutcome};
use blazz_services::messages::{SendRequest, deliver, send, store};
use blazz_services::{PageQuery, conversations};
use blazz_test_support::{eventually, for_each_database};
use tokio::sync::Notify;

use crate::node::Reply;
use crate::world::{CONTACT_JID, DEADLINE, World, quick, request_id, to_contact, without_takeover};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_sent_by_its_request() {
    for_each_database(async |db| {
        let world = World::new(db, without_takeover()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        let sent = world.send(account, "hello").await.unwrap();
        assert_eq!((sent.message.status, sent.replayed), (MessageStatus::Sent, false));
        assert!(sent.message.sent_at.is_some() && sent.message.error.is_none());

        let sends = node.sends();
        assert_eq!(sends.len(), 1);
        let (lease, body, _) = &sends[0];
        assert_eq!(*lease, world.lease(account));
        assert_eq!(body.to.as_str(), CONTACT_JID);
        assert_eq!(body.id, sent.message.provider_message_id);
        assert_eq!(body.content, MessageContent::Text { text: "hello".into() });

        let kinds = world.event_kinds().await;
        let tail = ["conversation.created", "message.created", "message.status.updated"];
        assert!(kinds.ends_with(&tail), "{kinds:?}");
        let listed =
            conversations::list(&world.services, world.workspace, &PageQuery::default()).await.unwrap();
        assert_eq!(listed.data.len(), 1);
        assert_eq!(listed.data[0].last_message_preview.as_deref(), Some("hello"));
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_request_id_reaches_the_node() {
    for_each_database(async |db| {
        let world = World::new(db, without_takeover()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        let id = request_id();
        send(&world.services, world.workspace, &to_contact(account, "hello"), None, &id).await.unwrap();
        assert_eq!(node.sends()[0].2, id.to_string());
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_requests_with_one_key_are_one_message() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        for round in 0..5 {
            let (key, text) = (format!("key-{round}"), format!("text {round}"));
            let attempts = (0..4).map(|_| world.send_with_key(account, &text, Some(&key)));
            let results = futures_util::future::join_all(attempts).await;
            let results: Vec<_> = results.into_iter().map(Result::unwrap).collect();
            assert!(results.iter().all(|sent| sent.message.id == results[0].message.id));
            assert_eq!(results.iter().filter(|sent| !sent.replayed).count(), 1);
            world.becomes(results[0].message.id, MessageStatus::Sent).await;
        }
        assert_eq!(world.all_messages().await.len(), 5);
        assert_eq!(node.sends().len(), 5);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_belongs_to_one_request() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        let first = world.send_with_key(account, "one", Some("k")).await.unwrap();
        let other = world.send_with_key(account, "two", Some("k")).await.unwrap_err();
        assert_eq!(other.code(), ErrorCode::IdempotencyKeyReused);
        // Another spelling of the number is the same request, also once the account is gone off.
        world.report(&node, account, AccountState::LoggedOut).await;
        let again = SendRequest { to: "1 (555) 000-0002".into(), ..to_contact(account, "one") };
        let again = send(&world.services, world.workspace, &again, Some("k"), &request_id()).await.unwrap();
        assert!(again.replayed && again.message.id == first.message.id);
        assert_eq!(world.all_messages().await.len(), 1);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_a_conversation_go_in_the_order_they_were_stored() {
    for_each_database(async |db| {
        let world = Arc::new(World::new(db, quick()).await);
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        let gate = Arc::new(Notify::new());
        node.will([Reply::Hold(Arc::clone(&gate))]);
        let first = tokio::spawn({
            let world = Arc::clone(&world);
            async move { world.send(account, "0").await.unwrap() }
        });
        eventually(DEADLINE, async || (node.sends().len() == 1).then_some(())).await.unwrap();
        for n in 1..=10 {
            let waiting = world.send(account, &n.to_string()).await.unwrap();
            assert_eq!(waiting.message.status, MessageStatus::Queued, "the first is not settled");
        }
        assert_eq!(node.sends().len(), 1);
        gate.notify_one();
        first.await.unwrap();
        eventually(DEADLINE, async || (node.sends().len() == 11).then_some(())).await.unwrap();
        let expected: Vec<_> = (0..=10).map(|n: i32| MessageContent::Text { text: n.to_string() }).collect();
        let order: Vec<_> = node.sends().into_iter().map(|(_, body, _)| body.content).collect();
        assert_eq!(order, expected);
        for message in world.all_messages().await {
            world.becomes(message.id, MessageStatus::Sent).await;
        }
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_request_died_after_storing_is_sent_once_by_its_job() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        let stored =
            store(&world.services, world.workspace, &to_contact(account, "hello"), Some("k"), &request_id())
                .await;
        let stored = stored.unwrap();
        assert_eq!(stored.message.status, MessageStatus::Queued);
        world.becomes(stored.message.id, MessageStatus::Sent).await;
        // The late request finds nothing left to do.
        deliver(&world.services, stored.job_id.unwrap()).await;
        assert_eq!(node.sends().len(), 1);
        let again = world.send_with_key(account, "hello", Some("k")).await.unwrap();
        assert!(again.replayed && again.message.status == MessageStatus::Sent);
        assert_eq!(node.sends().len(), 1);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_hangs_up_does_not_stop_the_send() {
    for_each_database(async |db| {
        let world = World::at_rest(db, without_takeover()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        let gate = Arc::new(Notify::new());
        node.will([Reply::Hold(Arc::clone(&gate))]);
        let call = world.send(account, "hello");
        let hang_up = eventually(DEADLINE, async || (node.sends().len() == 1).then_some(()));
        tokio::select! {
            _ = call => panic!("the node holds its answer back"),
            seen = hang_up => seen.unwrap(),
        }
        gate.notify_one();
        let id = world.all_messages().await[0].id;
        world.becomes(id, MessageStatus::Sent).await;
        assert_eq!(node.sends().len(), 1);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_a_link_sends_nothing_and_stores_nothing() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let never = world.account().await;
        assert_eq!(world.send(never, "hi").await.unwrap_err().code(), ErrorCode::AccountNotLinked);
        let gone = world.connected(&node).await;
        world.report(&node, gone, AccountState::LoggedOut).await;
        assert_eq!(world.send(gone, "hi").await.unwrap_err().code(), ErrorCode::AccountLoggedOut);
        let nobody = blazz_domain::AccountId::new();
        assert_eq!(world.send(nobody, "hi").await.unwrap_err().code(), ErrorCode::AccountNotFound);
        let bad = |to: &str, text: &str| SendRequest { to: to.into(), ..to_contact(gone, text) };
        for (request, code) in [
            (bad("hello", "hi"), ErrorCode::InvalidPhone),
            (bad("+15550000002", ""), ErrorCode::InvalidRequest),
            (bad("+15550000002", &"x".repeat(70_000)), ErrorCode::InvalidRequest),
        ] {
            let error =
                send(&world.services, world.workspace, &request, None, &request_id()).await.unwrap_err();
            assert_eq!(error.code(), code);
        }
        assert!(world.all_messages().await.is_empty());
        let listed =
            conversations::list(&world.services, world.workspace, &PageQuery::default()).await.unwrap();
        assert!(listed.data.is_empty(), "no conversation by halves");
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_tells_every_step_that_a_reader_can_use() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        node.will([Reply::Outcome(SendOutcome::NotConnected)]);
        let sent = world.send(account, "hello").await.unwrap();
        world.becomes(sent.message.id, MessageStatus::Sent).await;
        let statuses: Vec<_> = world
            .events()
            .await
            .into_iter()
            .filter_map(|payload| match payload {
                EventPayload::MessageCreated(message) | EventPayload::MessageStatusUpdated(message) => {
                    Some(message.status)
                }
                _ => None,
            })
            .collect();
        assert_eq!(statuses, vec![MessageStatus::Queued, MessageStatus::Sent]);
        Ok(())
    })
    .await
    .unwrap();
}
