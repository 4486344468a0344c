//! Nothing that WhatsApp was told we have is lost, and nothing is acknowledged before it is on disk.

use std::os::unix::fs::PermissionsExt as _;

use blazz_domain::{AccountState, StateReason};
use blazz_emulator::{Fault, FaultRequest};

use crate::stage::{Stage, connected, report, state, texts, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_stored_is_not_acknowledged_and_comes_again() {
    let stage = Stage::new().await;
    let session = stage.linked().await;
    stage.device(|devices| devices[0].waiting == 0).await;
    // The outbox creates its file with the first entry: take its directory away.
    let outbox = stage
        .directory
        .path()
        .join(format!("sessions/{}/{}/1/outbox", stage.lease.workspace_id, stage.lease.account_id));
    std::fs::remove_dir(&outbox).unwrap();
    let id = stage.bert_writes("do not lose me").await;
    report(&session, "the failure", |report| report.reason == Some(StateReason::StorageFailed)).await;
    assert_eq!(stage.device(|devices| devices[0].waiting > 0).await.len(), 1, "whatsapp still has it");

    std::fs::create_dir(&outbox).unwrap();
    std::fs::set_permissions(&outbox, std::fs::Permissions::from_mode(0o700)).unwrap();
    until("the message", async || {
        (texts(&session) == [(id.clone(), "do not lose me".to_owned())]).then_some(())
    })
    .await;
    stage.device(|devices| devices[0].waiting == 0).await;
    stage.close(session).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redelivered_message_keeps_its_key() {
    let stage = Stage::new().await;
    let session = stage.linked().await;
    let id = stage.bert_writes("twice").await;
    until("the message", async || (!texts(&session).is_empty()).then_some(())).await;
    stage.device(|devices| devices[0].waiting == 0).await;
    let receipts = stage.emulator.stats().await.receipts;
    stage.emulator.fault(FaultRequest::new(Fault::Redeliver { last: 1 })).await.unwrap();
    until("the second acknowledgement", async || {
        (stage.emulator.stats().await.receipts > receipts).then_some(())
    })
    .await;
    assert!(texts(&session).iter().all(|(key, text)| (key, text.as_str()) == (&id, "twice")));
    stage.close(session).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_outbox_outlives_the_session_and_is_drained_by_the_next() {
    let stage = Stage::new().await;
    let session = stage.linked().await;
    let first = stage.bert_writes("first").await;
    until("the message", async || (!texts(&session).is_empty()).then_some(())).await;
    let earlier = session.outboxes().outbox_id();
    stage.close(session).await;

    let session = stage.reopen().await;
    connected(&session).await;
    let batch = session.outboxes().next_batch(100, 1 << 20).unwrap().unwrap();
    assert_eq!(batch.outbox_id, earlier);
    assert_eq!(texts(&session), [(first, "first".to_owned())]);
    let second = stage.bert_writes("second").await;
    until("the second message", async || (session.outboxes().pending() == 2).then_some(())).await;
    session.outboxes().acknowledge(earlier, batch.entries[0].0).unwrap();
    assert_eq!(texts(&session), [(second, "second".to_owned())]);
    stage.close(session).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_survive_everything_that_is_no_logout() {
    let stage = Stage::new().await;
    let session = stage.linked().await;
    let refuse = FaultRequest::new(Fault::RefuseLogins { reason: 503 }).times(3);
    stage.emulator.fault(refuse).await.unwrap();
    stage.emulator.fault(FaultRequest::new(Fault::DropSockets)).await.unwrap();
    report(&session, "refused", |report| {
        (report.state, report.reason) == (AccountState::Disconnected, Some(StateReason::LoginRefused))
    })
    .await;
    connected(&session).await;
    assert_eq!(stage.emulator.stats().await.refused_logins, 3);

    stage.emulator.fault(FaultRequest::new(Fault::RefuseLogins { reason: 400 }).times(1)).await.unwrap();
    stage.emulator.fault(FaultRequest::new(Fault::DropSockets)).await.unwrap();
    let failed = state(&session, AccountState::Failed).await;
    assert_eq!(failed.reason, Some(StateReason::LoginRefused));
    stage.close(session).await;
    let session = stage.reopen().await;
    connected(&session).await;
    stage.close(session).await;
}
