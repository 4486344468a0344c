//! What waits for a companion: in order, and until it is acknowledged.

use blazz_emulator::{Fault, FaultRequest};

use crate::stage::{ANNA, BERT, Stage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_sent_meanwhile_comes_at_the_next_login_in_order() {
    let stage = Stage::new().await;
    let mut anna = stage.link(ANNA).await;
    stage.emulator.send_text(BERT, ANNA, "while online", None).await.unwrap();
    anna.message("while online").await;
    anna.stop().await;
    stage.device(ANNA, |devices| devices[0].sockets == 0).await;
    for number in 0..30 {
        stage.emulator.send_text(BERT, ANNA, &format!("offline {number}"), None).await.unwrap();
    }
    assert!(stage.emulator.devices(ANNA).await.unwrap()[0].waiting >= 30);

    anna.restart().await;
    anna.message("offline 29").await;
    let received = anna.received();
    let texts: Vec<&str> = received.iter().map(|message| message.text.as_str()).collect();
    let expected: Vec<String> = (0..30).map(|number| format!("offline {number}")).collect();
    assert_eq!(texts, expected);
    assert!(received.iter().all(|message| message.is_offline));
    stage.device(ANNA, |devices| devices[0].waiting == 0).await;
    stage.assert_all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_backlog_comes_in_batches_and_what_is_sent_meanwhile_follows_it() {
    const BACKLOG: usize = 450;
    let stage = Stage::new().await;
    let mut anna = stage.link(ANNA).await;
    anna.stop().await;
    stage.device(ANNA, |devices| devices[0].sockets == 0).await;
    for number in 0..BACKLOG {
        stage.emulator.send_text(BERT, ANNA, &format!("number {number}"), None).await.unwrap();
    }
    anna.restart().await;
    anna.message("number 0").await;
    for number in BACKLOG..BACKLOG + 20 {
        stage.emulator.send_text(BERT, ANNA, &format!("number {number}"), None).await.unwrap();
    }
    anna.message(&format!("number {}", BACKLOG + 19)).await;
    let texts: Vec<String> = anna.received().into_iter().map(|message| message.text).collect();
    assert_eq!(texts, (0..BACKLOG + 20).map(|number| format!("number {number}")).collect::<Vec<_>>());
    stage.device(ANNA, |devices| devices[0].waiting == 0).await;
    stage.assert_all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_acknowledged_comes_again_until_it_is() {
    let stage = Stage::new().await;
    let anna = stage.link(ANNA).await;
    stage.emulator.send_text(BERT, ANNA, "first", None).await.unwrap();
    anna.message("first").await;
    stage.device(ANNA, |devices| devices[0].waiting == 0).await;

    anna.gate.close(true);
    let id = stage.emulator.send_text(BERT, ANNA, "not yet", None).await.unwrap();
    stage
        .until("a redelivery", async || {
            stage.emulator.fault(FaultRequest::new(Fault::DropSockets)).await.unwrap();
            (stage.emulator.stats().await.redelivered > 0).then_some(())
        })
        .await;
    assert!(stage.emulator.devices(ANNA).await.unwrap()[0].waiting > 0);

    anna.gate.close(false);
    stage.emulator.fault(FaultRequest::new(Fault::DropSockets)).await.unwrap();
    let message = anna.message("not yet").await;
    assert_eq!((message.id, message.is_offline), (id, true));
    stage.device(ANNA, |devices| devices[0].waiting == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receipts_wait_for_their_companion_too() {
    let stage = Stage::new().await;
    let mut anna = stage.link(ANNA).await;
    stage.emulator.set_confirms_delivery(BERT, false).await.unwrap();
    let id = anna.send(BERT, "read it later").await;
    stage.phone_has(BERT, &id).await;
    anna.stop().await;
    stage.device(ANNA, |devices| devices[0].sockets == 0).await;
    stage.emulator.receipts(BERT, ANNA, None, blazz_emulator::ReceiptKind::Read).await.unwrap();
    anna.restart().await;
    anna.receipt(&id, "Read").await;
    stage.device(ANNA, |devices| devices[0].waiting == 0).await;
}
