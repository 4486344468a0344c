//! The node and the registry: registration, heartbeats, what the API wants, and the end of a node that was replaced.

use blazz_domain::{AccountState, Epoch, ErrorCode, Incarnation, Lease, StateNumber, StateReason};
use blazz_session_node::RunError;
use blazz_wire::node_api::{Assignment, StartSession};
use blazz_wire::request_id::RequestId;

use crate::linking::refused;
use crate::stage::{ANNA, BERT, Stage};
use crate::until::until;

#[tokio::test(flavor = "multi_thread")]
async fn a_node_introduces_itself_and_counts_its_heartbeats() {
    let stage = Stage::new().await;
    let node = stage.start().await;
    stage.link(&node, ANNA).await;
    until("some heartbeats", async || {
        stage.control.script(|script| (script.heartbeats.len() >= 5).then_some(()))
    })
    .await;
    stage.control.script(|script| {
        let [register] = script.registrations.as_slice() else { panic!("it registers once") };
        assert_eq!(register.node_id, stage.node_id());
        assert_eq!(register.url, node.url);
        assert!(register.sandbox && register.capacity == 50);
        let numbers: Vec<_> = script.heartbeats.iter().map(|beat| beat.number).collect();
        assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
        let last = script.heartbeats.last().unwrap();
        assert_eq!((last.incarnation, last.sessions), (Incarnation(8), 1));
        assert!(last.memory_bytes > 1_000_000);
    });
    node.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_registers_as_soon_as_the_api_is_there() {
    let mut stage = Stage::new().await;
    stage.control.down().await;
    let node = stage.launch(stage.engine()).await;
    let (status, _) = crate::stage::get(&format!("{}/readyz", node.url)).await.unwrap();
    assert_eq!(status, 503);
    stage.control.up().await;
    until("the registration", async || {
        let (status, _) = crate::stage::get(&format!("{}/readyz", node.url)).await?;
        (status == 200).then_some(())
    })
    .await;
    node.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_api_wants_is_done_and_everything_is_told_again_when_asked() {
    let stage = Stage::new().await;
    let node = stage.start().await;
    let lease = stage.link(&node, ANNA).await;

    stage.control.script(|script| script.stop = vec![lease]);
    stage.control.reported(lease.account_id, AccountState::Stopped).await;
    stage.control.script(|script| script.start = vec![Assignment::new(lease, true)]);
    stage.control.reported(lease.account_id, AccountState::Connected).await;

    let told = stage.control.script(|script| {
        script.report_all = true;
        script.reports[&lease.account_id].len()
    });
    until("the same report again", async || {
        stage.control.script(|script| (script.reports[&lease.account_id].len() > told).then_some(()))
    })
    .await;
    assert_eq!(stage.control.report(lease.account_id).unwrap().state, AccountState::Connected);
    node.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_node_registers_again_and_its_sessions_stay() {
    let stage = Stage::new().await;
    let node = stage.start().await;
    let lease = stage.link(&node, ANNA).await;
    let before = stage.control.report(lease.account_id).unwrap();
    stage.assign(&[lease]);
    stage.control.script(|script| script.refuse = Some((Incarnation(8), ErrorCode::NotRegistered)));
    let after = until("a report of the new incarnation", async || {
        stage.control.report(lease.account_id).filter(|report| report.number > before.number)
    })
    .await;
    assert!(after.number > StateNumber::new(Incarnation(9), 0));
    assert_eq!((after.state, after.since), (AccountState::Connected, before.since), "it never went away");
    node.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_replaced_ends() {
    let stage = Stage::new().await;
    let node = stage.start().await;
    stage.link(&node, ANNA).await;
    stage.control.script(|script| script.refuse = Some((Incarnation(8), ErrorCode::Superseded)));
    let ended = node.ended().await;
    assert!(matches!(ended, Err(RunError::Superseded)), "{ended:?}");
    until("the socket to close", async || {
        let devices = stage.emulator.devices(ANNA).await.unwrap();
        devices.iter().all(|device| !device.online).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_node_starts_no_other_session_not_even_one_that_it_knows() {
    let stage = Stage::new().await;
    let node = stage.start_for(1).await;
    let (first, second) = (stage.lease(), stage.lease());
    let id = RequestId::generate();
    let start = StartSession::new(false);
    node.start(&first).await;
    node.start(&first).await;
    assert!(refused(node.client.start(&second, &start, &id).await, ErrorCode::NoCapacity));
    node.client.stop(&first, &id).await.unwrap();
    node.start(&second).await;
    assert!(refused(node.client.start(&first, &start, &id).await, ErrorCode::NoCapacity));
    node.client.stop(&second, &id).await.unwrap();
    node.start(&first).await;
    node.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ended_for_a_later_grant_is_not_shown_as_connected() {
    let stage = Stage::new().await;
    let node = stage.start().await;
    let lease = stage.link(&node, ANNA).await;
    let later = Lease { epoch: Epoch(2), ..lease };
    stage.control.script(|script| script.start = vec![Assignment::new(later, true)]);
    // What the session was linked with lies under the earlier grant: the later one has to say so.
    let failed = stage.control.reported(lease.account_id, AccountState::Failed).await;
    assert_eq!(failed.reason, Some(StateReason::StorageFailed));
    assert_eq!(node.state(&later).await, AccountState::Failed);
    node.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_meant_for_an_earlier_registration_ends_nothing() {
    let stage = Stage::new().await;
    let node = stage.start().await;
    let lease = stage.link(&node, ANNA).await;
    stage.control.script(|script| script.supersede_batches_of = Some(Incarnation(8)));
    stage.writes(BERT, ANNA, "between two registrations").await;
    until("the batch", async || stage.control.script(|script| (script.held > 0).then_some(()))).await;
    // The batch is answered only when the node has registered anew.
    stage.control.script(|script| script.refuse = Some((Incarnation(8), ErrorCode::NotRegistered)));
    assert_eq!(stage.control.texts(lease.account_id, 1).await, ["between two registrations"]);
    assert_eq!(node.state(&lease).await, AccountState::Connected);
    node.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_a_deleted_account_is_logged_out_and_removed_after_the_node_was_away() {
    let stage = Stage::new().await;
    let node = stage.start().await;
    let lease = stage.link(&node, ANNA).await;
    node.end().await.unwrap();

    // The account went meanwhile: nobody assigns the session any more.
    stage.control.script(|script| script.remove = vec![lease]);
    let node = stage.start().await;
    until("the session to be gone", async || {
        stage.control.script(|script| script.remove.is_empty().then_some(()))
    })
    .await;
    assert_eq!(stage.emulator.devices(ANNA).await.unwrap(), [], "the phone shows no device any more");
    until("the API to be told no more", async || {
        stage.control.script(|script| script.heartbeats.last()?.removed.is_empty().then_some(()))
    })
    .await;
    node.end().await.unwrap();
}
