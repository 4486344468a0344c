//! Sessions on a file system that fails: it stops those that it hits, for as long as it lasts.

use blazz_domain::{AccountState, Lease, StateReason};
use blazz_fault_fs::{Call, Client, ClientOptions, Effect, Errno, Fault, Server};

use crate::stage::{ANNA, BERT, CARL, Node, Stage};
use crate::until::{PATIENCE, until};

/// A node whose sessions lie on such a file system, with two of them linked.
struct World {
    server: Server,
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
        Self { server, client, stage, node, anna, bert }
    }

    /// Everything that was written to a phone is with the API, once and in order.
    async fn has(&self, lease: Lease, texts: &[&str]) {
        assert_eq!(self.stage.control.texts(lease.account_id, texts.len()).await, texts);
    }

    async fn failed_and_says_why(&self, lease: Lease) {
        let failed = self.stage.control.reported(lease.account_id, AccountState::Failed).await;
        assert_eq!(failed.reason, Some(StateReason::StorageFailed));
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
    for (round, calls) in [vec![Call::Write], vec![Call::Sync], vec![Call::Create, Call::Write, Call::Sync]]
        .into_iter()
        .enumerate()
    {
        let [during, meanwhile, after] =
            ["during", "meanwhile", "after"].map(|text| format!("{text} {round}"));
        let before = round * 2;
        let fault = Fault::new(Effect::Fail(Errno::EIO)).on(&calls).at(&world.anna.account_id.to_string());
        let fault = world.client.fault(fault);
        world.stage.writes(CARL, ANNA, &during).await;
        world.failed_and_says_why(world.anna).await;
        // The other one does not notice.
        world.stage.writes(CARL, BERT, &meanwhile).await;
        let texts = world.stage.control.texts(world.bert.account_id, round + 1).await;
        assert_eq!(texts.last(), Some(&meanwhile));
        assert_eq!(world.node.state(&world.bert).await, AccountState::Connected);

        fault.lift();
        world.is_back(world.anna).await;
        world.stage.writes(CARL, ANNA, &after).await;
        let texts = world.stage.control.texts(world.anna.account_id, before + 2).await;
        assert_eq!(texts[before..], [during, after]);
    }
    world.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_who_writes_until_there_is_room() {
    let world = World::new().await;
    world.server.set_room(Some(10));
    world.stage.writes(CARL, ANNA, "one").await;
    world.failed_and_says_why(world.anna).await;
    world.server.set_room(None);
    world.is_back(world.anna).await;
    world.stage.writes(CARL, BERT, "two").await;
    world.has(world.anna, &["one"]).await;
    world.has(world.bert, &["two"]).await;
    world.ends().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_hangs_holds_up_its_session_and_no_other() {
    let world = World::new().await;
    let fault = Fault::new(Effect::Hang).on(&[Call::Sync]).at(&world.anna.account_id.to_string());
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
