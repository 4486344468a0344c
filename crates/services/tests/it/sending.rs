//! Messages out: stored with all that belongs to them, sent once, in order, come what may.

use std::sync::Arc;
use std::time::Duration;

use blazz_database::jobs;
use blazz_database::nodes::{self, NewRegistration};
use blazz_domain::{
    AccountState, Clock as _, ErrorCode, EventPayload, MessageContent, MessageStatus, SendOutcome,
    SystemClock,
};
use blazz_jobs::Job as _;
use blazz_services::messages::{SendMessageJob, SendRequest, deliver, send, store};
use blazz_services::{PageQuery, Settings, conversations};
use blazz_test_support::{eventually, for_each_database};
use blazz_wire::problem::Problem;
use tokio::sync::Notify;

use crate::node::{Reply, acknowledged};
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
async fn messages_wait_for_their_session_and_go_when_it_connects() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        world.report(&node, account, AccountState::Disconnected).await;
        let mut ids = Vec::new();
        for n in 0..3 {
            let sent = world.send(account, &n.to_string()).await.unwrap();
            assert_eq!(sent.message.status, MessageStatus::Queued);
            assert!(sent.message.expires_at.is_some());
            ids.push(sent.message.id);
        }
        assert!(node.sends().is_empty());
        world.report(&node, account, AccountState::Connected).await;
        for id in ids {
            world.becomes(id, MessageStatus::Sent).await;
        }
        assert_eq!(node.sends().len(), 3);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_makes_waiting_jobs_due_at_once() {
    for_each_database(async |db| {
        let world = World::new(db, without_takeover()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        world.report(&node, account, AccountState::Disconnected).await;
        let request = to_contact(account, "hello");
        let stored = store(&world.services, world.workspace, &request, None, &request_id()).await.unwrap();
        // Its job would start in an hour.
        world.report(&node, account, AccountState::Connected).await;
        world.becomes(stored.message.id, MessageStatus::Sent).await;
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
async fn a_message_that_expires_unsent_has_failed() {
    for_each_database(async |db| {
        let settings = Settings { message_ttl: Duration::from_secs(2), ..quick() };
        let world = World::new(db, settings).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        world.report(&node, account, AccountState::Disconnected).await;
        let sent = world.send(account, "hello").await.unwrap();
        let failed = world.becomes(sent.message.id, MessageStatus::Failed).await;
        assert_eq!(failed.error.as_deref(), Some("message_expired"));
        assert!(node.sends().is_empty());
        // It blocks nothing behind it.
        world.report(&node, account, AccountState::Connected).await;
        assert_eq!(world.send(account, "next").await.unwrap().message.status, MessageStatus::Sent);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_expires_after_a_possible_write_is_uncertain() {
    for_each_database(async |db| {
        let settings = Settings { message_ttl: Duration::from_secs(2), ..quick() };
        let world = World::new(db, settings).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        node.will(std::iter::repeat_n(Reply::Outcome(SendOutcome::Unacknowledged), 20));
        let sent = world.send(account, "hello").await.unwrap();
        assert_eq!(sent.message.status, MessageStatus::Sending);
        world.report(&node, account, AccountState::Disconnected).await;
        let uncertain = world.becomes(sent.message.id, MessageStatus::Uncertain).await;
        assert_eq!(uncertain.error.as_deref(), Some("message_expired"));
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_reuses_the_id() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        node.will([Reply::Outcome(SendOutcome::Unacknowledged), acknowledged()]);
        let sent = world.send(account, "hello").await.unwrap();
        world.becomes(sent.message.id, MessageStatus::Sent).await;
        let ids: Vec<_> = node.sends().into_iter().map(|(_, body, _)| body.id).collect();
        assert_eq!(ids, vec![sent.message.provider_message_id.clone(), sent.message.provider_message_id]);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_whatsapp_refuses_has_failed() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        node.will([Reply::Outcome(SendOutcome::Refused { code: 406 })]);
        let sent = world.send(account, "hello").await.unwrap();
        assert_eq!(sent.message.status, MessageStatus::Failed);
        assert_eq!(sent.message.error.as_deref(), Some("message_refused"));
        assert_eq!(world.send(account, "next").await.unwrap().message.status, MessageStatus::Sent);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_away_or_not_connected_costs_nothing_but_time() {
    for_each_database(async |db| {
        let world = World::new(db, quick()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        node.will([
            Reply::Outcome(SendOutcome::NotConnected),
            Reply::Problem(Problem::new(409, ErrorCode::SessionNotRunning)),
        ]);
        let sent = world.send(account, "hello").await.unwrap();
        assert_eq!(sent.message.status, MessageStatus::Queued, "nothing was written");
        let sent = world.becomes(sent.message.id, MessageStatus::Sent).await;
        assert_eq!(node.sends().len(), 3);

        node.die().await;
        let waiting = world.send(account, "again").await.unwrap();
        assert_eq!(waiting.message.status, MessageStatus::Queued);
        // The node is started again: another port, another incarnation, the same name.
        let node = world.node("node-1").await;
        node.links(crate::world::OWN);
        world.report(&node, account, AccountState::Connected).await;
        world.becomes(waiting.message.id, MessageStatus::Sent).await;
        assert_eq!(node.sends().len(), 1);
        assert!(sent.sent_at.is_some_and(|at| at <= SystemClock.now()));
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

/// A session that connects while its message's job is at work must not cost that message its wait for the next look.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_during_an_attempt_is_not_missed() {
    for_each_database(async |db| {
        let world = World::at_rest(db, quick()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        let gate = Arc::new(Notify::new());
        node.will([Reply::HoldThen(Arc::clone(&gate), SendOutcome::NotConnected)]);
        let request = to_contact(account, "hello");
        let stored = store(&world.services, world.workspace, &request, None, &request_id()).await.unwrap();
        let job_id = stored.job_id.unwrap();
        let attempt = tokio::spawn({
            let services = world.services.clone();
            async move { deliver(&services, job_id).await }
        });
        eventually(DEADLINE, async || (node.sends().len() == 1).then_some(())).await.unwrap();
        world.report(&node, account, AccountState::Disconnected).await;
        world.report(&node, account, AccountState::Connected).await;
        gate.notify_one();
        attempt.await.unwrap();
        let mut conn = db.pool().get().await.unwrap();
        let job = jobs::find(&mut conn, job_id).await.unwrap().unwrap();
        assert!(job.run_at <= SystemClock.now(), "it is due at once");
        Ok(())
    })
    .await
    .unwrap();
}

/// A job that cannot be run any more takes its message along: nobody waits for ever.
#[tokio::test(flavor = "multi_thread")]
async fn the_message_of_a_dead_job_is_settled() {
    for_each_database(async |db| {
        let world = World::at_rest(db, quick()).await;
        let node = world.node("node-1").await;
        let account = world.connected(&node).await;
        let request = to_contact(account, "hello");
        let stored = store(&world.services, world.workspace, &request, None, &request_id()).await.unwrap();
        let mut conn = db.pool().get().await.unwrap();
        // Every attempt but the last was abandoned, and the last meets a node that cannot be called at all.
        let now = SystemClock.now();
        for _ in 1..SendMessageJob::MAX_ATTEMPTS {
            let far = now.plus(Duration::from_secs(3600));
            let claimed = jobs::claim(&mut conn, &[SendMessageJob::NAME], far, now, 1).await.unwrap();
            assert_eq!(claimed.len(), 1);
        }
        let registration = node.registration(100);
        let unreachable = NewRegistration {
            id: registration.node_id,
            url: "nonsense".into(),
            root_id: registration.root_id,
            capacity: registration.capacity,
            version: registration.version,
            sandbox: registration.sandbox,
            registered_at: now,
            expires_at: now.plus(Duration::from_secs(60)),
        };
        nodes::upsert_registration(&mut conn, unreachable).await.unwrap();
        let runner = Arc::clone(&world.services.runner);
        tokio::spawn(runner.run());
        let message = world.becomes(stored.message.id, MessageStatus::Uncertain).await;
        assert_eq!(message.error, Some(ErrorCode::AttemptsExhausted.as_str().to_owned()));
        Ok(())
    })
    .await
    .unwrap();
}
