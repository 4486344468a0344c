//! Sessions on a file system that fails: it stops those that it hits, for as long as it lasts.

use blazz_domain::{AccountState, Lease, StateReason};
use blazz_fault_fs::{Call, Client, ClientOptions, Effect, Errno, Fault, Server};

use crate::stage::{ANNA, BERT, CARL, Node, Stage};
use crate::until::{PATIENCE, until};

/// A node whose sessions lie on such a file system, with two of them linked.
struct World {
    client: Client,
    stage: Stage,
    node: Node,
    anna: Lease,
    bert: Lease,
}

impl World {
    async fn new() -> Self {
        let server = Server::new();
        let client = server.mount(ClientOptions::default()).unwrap();
        let stage = Stage::with_sessions_in(client.path().join("sessions")).await;
        let node = stage.start().await;
        let (anna, bert) = (stage.link(&node, ANNA).await, stage.link(&node, BERT).await);
        Self { client, stage, node, anna, bert }
    }

    /// Everything that was written to a phone is with the API, once and in order.
    async fn has(&self, lease: Lease, texts: &[&str]) {
        assert_eq!(self.stage.control.texts(lease.account_id, texts.len()).await, texts);
    }

    /// It stands still, or is about to be opened anew, and the API hears why.
    async fn says_why(&self, lease: Lease) {
        until("the reason", async || {
            let report = self.stage.control.report(lease.account_id)?;
            (report.reason == Some(StateReason::StorageFailed)).then_some(())
        })
        .await;
    }

    async fn is_back(&self, lease: Lease) {
        until("the session is back", async || {
            (self.node.state(&lease).await == AccountState::Connected).then_some(())
        })
        .await;
    }

    /// Nothing comes late.
    async fn ends(self) {
        let (control, leases) = (&self.stage.control, [self.anna, self.bert]);
        let before = leases.map(|lease| control.texts_now(lease.account_id));
        self.node.end().await.unwrap();
        assert_eq!(leases.map(|lease| control.texts_now(lease.account_id)), before);
        assert!(control.script(|script| script.contradictions.is_empty()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fails_stops_its_session_which_says_why_and_comes_back_with_everything() {
    let world = World::new().await;
    let mut expected = Vec::new();
    let outbox = format!("{}/1/outbox", world.anna.account_id);
    for (round, calls) in [[Call::Create, Call::Write], [Call::Sync, Call::Sync]].into_iter().enumerate() {
        let [during, meanwhile, after] =
            ["during", "meanwhile", "after"].map(|text| format!("{text} {round}"));
        let fault = world.client.fault(Fault::new(Effect::Fail(Errno::EIO)).on(&calls).at(&outbox));
        world.stage.writes(CARL, ANNA, &during).await;
        world.says_why(world.anna).await;
        // The other one does not notice.
        world.stage.writes(CARL, BERT, &meanwhile).await;
        let texts = world.stage.control.texts(world.bert.account_id, round + 1).await;
        assert_eq!(texts.last(), Some(&meanwhile));
        assert_eq!(world.node.state(&world.bert).await, AccountState::Connected);

        fault.lift();
        world.is_back(world.anna).await;
        world.stage.writes(CARL, ANNA, &after).await;
        // What was not on disk when the API had it comes from WhatsApp again, under its id, by which the API knows it.
        expected.extend([during, after]);
        until("what was written", async || {
            let mut texts = world.stage.control.texts_now(world.anna.account_id);
            texts.dedup();
            (texts == expected).then_some(())
        })
        .await;
    }
    world.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_hangs_holds_up_its_session_and_no_other() {
    let world = World::new().await;
    let fault =
        Fault::new(Effect::Hang).on(&[Call::Create, Call::Write]).at(&world.anna.account_id.to_string());
    let fault = world.client.fault(fault);
    world.stage.writes(CARL, ANNA, "held").await;
    let hit = tokio::task::spawn_blocking(move || (fault.wait_for_hit(PATIENCE), fault)).await.unwrap();
    assert!(hit.0);
    for count in 1..=5 {
        world.stage.writes(CARL, BERT, "passes").await;
        world.has(world.bert, &vec!["passes"; count]).await;
    }
    assert_eq!(world.stage.control.texts_now(world.anna.account_id), Vec::<String>::new());
    hit.1.lift();
    world.has(world.anna, &["held"]).await;
    world.ends().await;
}
