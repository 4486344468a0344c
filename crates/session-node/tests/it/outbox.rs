//! What a session received reaches the API: late if need be, in order, and not again once it was taken.

use blazz_domain::{AccountState, ErrorCode};
use blazz_wire::request_id::RequestId;

use crate::stage::{ANNA, BERT, Stage};
use crate::until::until;

fn texts(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("text {n:03}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_that_came_while_the_api_was_away_arrive_in_order_afterwards() {
    let mut stage = Stage::new().await;
    let node = stage.start().await;
    let lease = stage.link(&node, ANNA).await;
    stage.writes(BERT, ANNA, "before").await;
    stage.control.texts(lease.account_id, 1).await;

    stage.control.down().await;
    for text in texts(100) {
        stage.writes(BERT, ANNA, &text).await;
    }
    stage.acknowledged_by(ANNA).await;
    stage.control.up().await;

    let mut expected = vec!["before".to_owned()];
    expected.extend(texts(100));
    assert_eq!(stage.control.texts(lease.account_id, 101).await, expected);
    until("an empty outbox", async || (node.metric("blazz_node_outbox_pending").await == 0).then_some(()))
        .await;
    stage.writes(BERT, ANNA, "after").await;
    stage.control.texts(lease.account_id, 102).await;
    node.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orderly_end_hands_over_what_is_there() {
    let stage = Stage::new().await;
    let node = stage.start().await;
    let lease = stage.link(&node, ANNA).await;
    stage.control.close_to_events();
    for text in texts(20) {
        stage.writes(BERT, ANNA, &text).await;
    }
    stage.acknowledged_by(ANNA).await;
    // By then the pump waits for so long that an end without haste would come too early.
    until("several vain tries", async || {
        (node.metric("blazz_node_pump_failures_total").await >= 7).then_some(())
    })
    .await;
    stage.control.open_to_events();
    node.end().await.unwrap();
    assert_eq!(stage.control.texts_now(lease.account_id), texts(20));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_at_rest_still_hands_over_what_an_earlier_run_received() {
    let stage = Stage::new().await;
    let node = stage.start().await;
    let lease = stage.link(&node, ANNA).await;
    stage.control.close_to_events();
    for text in texts(20) {
        stage.writes(BERT, ANNA, &text).await;
    }
    stage.acknowledged_by(ANNA).await;
    node.end().await.unwrap();
    assert!(stage.control.texts_now(lease.account_id).is_empty());

    stage.control.open_to_events();
    let node = stage.start().await;
    assert_eq!(stage.control.texts(lease.account_id, 20).await, texts(20));
    assert_eq!(node.state(&lease).await, AccountState::Stopped);
    assert_eq!(stage.control.script(|script| script.repeats), 0, "nothing was lost on the way");
    // Nothing holds the directory: the session starts as ever.
    node.client
        .start(&lease, &blazz_wire::node_api::StartSession::new(true), &RequestId::generate())
        .await
        .unwrap();
    stage.control.reported(lease.account_id, AccountState::Connected).await;
    node.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_session_goes_on_handing_over() {
    let stage = Stage::new().await;
    let node = stage.start().await;
    let lease = stage.link(&node, ANNA).await;
    stage.control.close_to_events();
    stage.writes(BERT, ANNA, "late").await;
    stage.acknowledged_by(ANNA).await;
    node.client.stop(&lease, &RequestId::generate()).await.unwrap();
    stage.control.open_to_events();
    assert_eq!(stage.control.texts(lease.account_id, 1).await, ["late"]);
    node.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_nobody_expects_is_counted_and_the_entries_stay() {
    let stage = Stage::new().await;
    let node = stage.start().await;
    let lease = stage.link(&node, ANNA).await;
    stage.control.script(|script| script.events_refused = Some((400, ErrorCode::InvalidRequest)));
    stage.writes(BERT, ANNA, "refused at first").await;
    until("a counted refusal", async || {
        (node.metric("blazz_node_pump_refusals_total").await > 0).then_some(())
    })
    .await;
    stage.control.open_to_events();
    assert_eq!(stage.control.texts(lease.account_id, 1).await, ["refused at first"]);
    node.end().await.unwrap();
}
