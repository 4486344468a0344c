//! Messages that do not go at once: they wait, are tried again, expire or are given up, and each comes to an end.

use std::sync::Arc;
use std::time::Duration;

use blazz_database::jobs;
use blazz_database::nodes::{self, NewRegistration};
use blazz_domain::{AccountState, Clock as _, ErrorCode, MessageStatus, SendOutcome, SystemClock};
use blazz_jobs::Job as _;
use blazz_services::Settings;
use blazz_services::messages::{SendMessageJob, deliver, store};
use blazz_test_support::{eventually, for_each_database};
use blazz_wire::problem::Problem;
use tokio::sync::Notify;

use crate::node::{Reply, acknowledged};
use crate::world::{DEADLINE, World, quick, request_id, to_contact, without_takeover};

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
