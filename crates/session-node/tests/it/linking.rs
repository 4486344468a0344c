//! From a start to messages in both directions, and back again after a restart of the node.

use blazz_domain::{AccountState, ErrorCode, ReceiptKind, SendOutcome};
use blazz_wire::CallError;
use blazz_wire::node_api::StartSession;
use blazz_wire::request_id::RequestId;
use std::time::Duration;

use crate::stage::{ANNA, BERT, Stage};
use crate::until::until;

#[tokio::test(flavor = "multi_thread")]
async fn a_scanned_session_connects_sends_and_receives() {
    let stage = Stage::new().await;
    let node = stage.start().await;
    let lease = stage.link(&node, ANNA).await;

    let report = stage.control.report(lease.account_id).unwrap();
    assert_eq!(report.phone.unwrap().digits(), ANNA);
    let states: Vec<_> = stage
        .control
        .script(|script| script.reports[&lease.account_id].iter().map(|report| report.number).collect());
    assert!(states.is_sorted(), "numbers rise: {states:?}");

    let sent = node.send(&lease, BERT, "3EB0000000000000000001", "hello").await;
    assert!(matches!(sent, SendOutcome::Acknowledged { .. }), "{sent:?}");
    let again = node.send(&lease, BERT, "3EB0000000000000000001", "hello").await;
    assert!(matches!(again, SendOutcome::Acknowledged { .. }), "{again:?}");
    let received = until("the message on the phone", async || {
        stage.emulator.messages(BERT).await.unwrap().into_iter().find(|m| m.id == "3EB0000000000000000001")
    })
    .await;
    assert_eq!(received.arrivals, 1);

    stage.writes(BERT, ANNA, "hi there").await;
    assert_eq!(stage.control.texts(lease.account_id, 1).await, ["hi there"]);
    until("the delivery receipt", async || {
        stage.control.script(|script| {
            script
                .taken
                .iter()
                .find(|taken| {
                    taken.event["type"] == "receipt"
                        && taken.event["kind"] == serde_json::to_value(ReceiptKind::Delivered).unwrap()
                })
                .cloned()
        })
    })
    .await;
    node.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn starting_a_running_session_changes_nothing() {
    let stage = Stage::new().await;
    let node = stage.start().await;
    let lease = stage.link(&node, ANNA).await;
    let before = node.client.state(&lease, &RequestId::generate()).await.unwrap();
    let start = StartSession::new(true);
    let after = node.client.start(&lease, &start, &RequestId::generate()).await.unwrap();
    assert_eq!(before, after);
    let list = node.client.list(&RequestId::generate()).await.unwrap();
    assert_eq!(list.sessions, [before]);
    node.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_node_brings_its_sessions_back_without_a_qr_code() {
    let stage = Stage::new().await;
    let node = stage.start().await;
    let (anna, bert) = (stage.link(&node, ANNA).await, stage.link(&node, BERT).await);
    node.end().await.unwrap();
    // The last heartbeat says that the node has gone, and that the link has not.
    assert_eq!(stage.control.report(anna.account_id).unwrap().state, AccountState::Disconnected);

    stage.assign(&[anna, bert]);
    stage.control.script(|script| script.reports.clear());
    let node = stage.start().await;
    for lease in [anna, bert] {
        stage.control.reported(lease.account_id, AccountState::Connected).await;
        let showed_qr = stage.control.script(|script| {
            script.reports[&lease.account_id].iter().any(|report| report.state == AccountState::Qr)
        });
        assert!(!showed_qr);
    }
    assert_eq!(stage.emulator.devices(ANNA).await.unwrap().len(), 1);
    node.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_stop_restart_log_out_and_go() {
    let stage = Stage::new().await;
    let node = stage.start().await;
    let lease = stage.link(&node, ANNA).await;
    let id = RequestId::generate();

    let stopped = node.client.stop(&lease, &id).await.unwrap();
    assert_eq!(stopped.report.state, AccountState::Stopped);
    assert_eq!(node.client.stop(&lease, &id).await.unwrap().report.state, AccountState::Stopped);
    assert!(refused(node.client.qr(&lease, Duration::ZERO, &id).await, ErrorCode::QrNotAvailable));
    let message = crate::stage::message(BERT, "3EB0000000000000000002", "into the void");
    assert!(refused(node.client.send(&lease, &message, &id).await, ErrorCode::SessionNotRunning));

    node.client.restart(&lease, &id).await.unwrap();
    stage.control.reported(lease.account_id, AccountState::Connected).await;
    node.client.restart(&lease, &id).await.unwrap();
    until("connected again", async || (node.state(&lease).await == AccountState::Connected).then_some(()))
        .await;

    let gone = node.client.logout(&lease, &id).await.unwrap();
    assert_eq!((gone.report.state, gone.report.phone), (AccountState::LoggedOut, None));
    until("the phone to know", async || stage.emulator.devices(ANNA).await.unwrap().is_empty().then_some(()))
        .await;

    stage.link_as(&node, ANNA, lease).await;
    node.client.delete(&lease, &id).await.unwrap();
    assert!(stage.emulator.devices(ANNA).await.unwrap().is_empty());
    let directory =
        stage.session_root().join(lease.workspace_id.to_string()).join(lease.account_id.to_string());
    assert!(!directory.exists());
    assert!(refused(node.client.state(&lease, &id).await, ErrorCode::SessionNotRunning));
    node.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_linked_session_without_its_directory_is_missing_and_shows_no_code() {
    let stage = Stage::new().await;
    let node = stage.start().await;
    let (lease, id) = (stage.lease(), RequestId::generate());
    let start = StartSession::new(true);
    assert!(refused(node.client.start(&lease, &start, &id).await, ErrorCode::StorageMissing));
    assert_eq!(
        stage.control.reported(lease.account_id, AccountState::Failed).await.reason.map(|r| r.as_str()),
        Some("storage_failed")
    );
    assert!(refused(node.client.qr(&lease, Duration::ZERO, &id).await, ErrorCode::QrNotAvailable));
    node.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_linked_session_whose_directory_holds_no_link_has_failed_and_is_not_tried_again() {
    let stage = Stage::new().await;
    let node = stage.start().await;
    let (lease, id) = (stage.lease(), RequestId::generate());
    node.start(&lease).await;
    stage.control.reported(lease.account_id, AccountState::Qr).await;
    node.client.stop(&lease, &id).await.unwrap();

    stage.control.script(|script| script.reports.clear());
    node.client.start(&lease, &StartSession::new(true), &id).await.unwrap();
    let failed = stage.control.reported(lease.account_id, AccountState::Failed).await;
    assert_eq!(failed.reason.map(|reason| reason.as_str()), Some("storage_failed"));
    // Longer than the first wait of a session that is tried again.
    stage.control.further_heartbeats(8).await;
    let last = stage.control.script(|script| script.reports[&lease.account_id].last().cloned());
    assert_eq!(last, Some(failed), "it is left as it is");
    assert_eq!(node.metric("blazz_node_session_crashes_total").await, 0);

    // At rest it is opened for a logout, which says why it cannot be.
    assert!(refused(node.client.logout(&lease, &id).await, ErrorCode::Unavailable));
    assert_eq!(node.state(&lease).await, AccountState::Stopped);
    node.client.delete(&lease, &id).await.unwrap();
    node.end().await.unwrap();
}

pub(crate) fn refused<T>(answer: Result<T, CallError>, code: ErrorCode) -> bool {
    matches!(answer, Err(CallError::Refused(problem)) if problem.code == code)
}
