//! What goes wrong in one session stays there.

use std::sync::Arc;

use blazz_domain::{AccountState, SendOutcome, StateReason};
use blazz_wire::node_api::StartSession;
use blazz_wire::request_id::RequestId;

use crate::faulty::{Faulty, Spoiled, Vice};
use crate::stage::{ANNA, BERT, CARL, Node, Stage};
use crate::until::until;

async fn stage_and_node() -> (Stage, Node, Arc<Faulty>) {
    let stage = Stage::new().await;
    let faulty = Faulty::new(stage.engine());
    let node = stage.start_with(Arc::new(Spoiled(Arc::clone(&faulty)))).await;
    (stage, node, faulty)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_panics_is_opened_again_and_another_does_not_notice() {
    let (stage, node, faulty) = stage_and_node().await;
    let bert = stage.link(&node, BERT).await;
    let anna = stage.lease();
    faulty.spoil(anna.account_id, Vice::PanicsAtOpen(2));
    node.start(&anna).await;
    let failed = stage.control.reported(anna.account_id, AccountState::Failed).await;
    assert_eq!(failed.reason, Some(StateReason::Crashed));
    assert_eq!(node.state(&bert).await, AccountState::Connected);

    stage.control.reported(anna.account_id, AccountState::Qr).await;
    assert_eq!(node.metric("blazz_node_session_crashes_total").await, 2, "one for each panic");
    let sent = node.send(&bert, CARL, "3EB0000000000000000004", "still here").await;
    assert!(matches!(sent, SendOutcome::Acknowledged { .. }), "{sent:?}");
    node.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_hangs_at_its_opening_keeps_nobody_from_starting() {
    let (stage, node, faulty) = stage_and_node().await;
    let hanging = stage.lease();
    faulty.spoil(hanging.account_id, Vice::HangsAtOpen);
    node.start(&hanging).await;
    let anna = stage.link(&node, ANNA).await;
    assert_eq!(node.state(&anna).await, AccountState::Connected);
    assert_eq!(node.state(&hanging).await, AccountState::Starting);
    // It is given up in time and is then free for the next try.
    let failed = stage.control.reported(hanging.account_id, AccountState::Failed).await;
    assert_eq!(failed.reason, Some(StateReason::Crashed));
    assert_eq!(node.metric("blazz_node_session_crashes_total").await, 1);
    faulty.mend(hanging.account_id);
    node.start(&hanging).await;
    stage.control.reported(hanging.account_id, AccountState::Qr).await;
    node.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_that_panics_or_hangs_may_have_been_written_and_others_go_on() {
    let (stage, node, faulty) = stage_and_node().await;
    let (anna, bert) = (stage.link(&node, ANNA).await, stage.link(&node, BERT).await);
    faulty.spoil(anna.account_id, Vice::PanicsAtSend);
    let panicked = node.send(&anna, CARL, "3EB0000000000000000005", "one").await;
    assert_eq!(panicked, SendOutcome::Unacknowledged);

    faulty.spoil(anna.account_id, Vice::HangsAtSend);
    let (hung, sent) = tokio::join!(
        node.send(&anna, CARL, "3EB0000000000000000006", "two"),
        node.send(&bert, CARL, "3EB0000000000000000007", "three"),
    );
    assert_eq!(hung, SendOutcome::Unacknowledged);
    assert!(matches!(sent, SendOutcome::Acknowledged { .. }), "{sent:?}");

    faulty.mend(anna.account_id);
    let sent = node.send(&anna, CARL, "3EB0000000000000000005", "one").await;
    assert!(matches!(sent, SendOutcome::Acknowledged { .. }), "{sent:?}");
    node.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_panics_or_hangs_at_its_stop_holds_nothing_up() {
    let (stage, node, faulty) = stage_and_node().await;
    let (anna, bert) = (stage.link(&node, ANNA).await, stage.link(&node, BERT).await);
    faulty.spoil(anna.account_id, Vice::PanicsAtStop);
    faulty.spoil(bert.account_id, Vice::HangsAtStop);
    let stopped = node.client.stop(&anna, &RequestId::generate()).await.unwrap();
    assert_eq!(stopped.report.state, AccountState::Stopped);

    let (client, id) = (&node.client, RequestId::generate());
    let stopping = client.stop(&bert, &id);
    let starting = async {
        let start = StartSession::new(true);
        client.start(&anna, &start, &RequestId::generate()).await.unwrap();
        until("connected again", async || (node.state(&anna).await == AccountState::Connected).then_some(()))
            .await;
    };
    let (_in_time_or_not, ()) = tokio::join!(stopping, starting);
    node.end().await.unwrap();
}
