//! Receipts of phones and of companions.

use blazz_emulator::ReceiptKind;
use whatsapp_rust::prelude::*;

use crate::stage::{ANNA, BERT, Stage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_confirms_delivery_by_itself_and_reads_on_request() {
    let stage = Stage::new().await;
    let anna = stage.link(ANNA).await;
    let first = anna.send(BERT, "one").await;
    let second = anna.send(BERT, "two").await;
    anna.receipt(&first, "Delivered").await;
    anna.receipt(&second, "Delivered").await;
    assert!(!anna.kinds().is_empty());

    let read = stage.emulator.receipts(BERT, ANNA, None, ReceiptKind::Read).await.unwrap();
    assert_eq!(read, [first.clone(), second.clone()]);
    anna.receipt(&first, "Read").await;
    anna.receipt(&second, "Read").await;
    // By default only what has no such receipt yet.
    assert!(stage.emulator.receipts(BERT, ANNA, None, ReceiptKind::Read).await.unwrap().is_empty());
    stage.emulator.receipts(BERT, ANNA, Some(vec![first.clone()]), ReceiptKind::Played).await.unwrap();
    anna.receipt(&first, "Played").await;
    stage.assert_all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_phone_confirms_only_on_request() {
    let stage = Stage::new().await;
    let anna = stage.link(ANNA).await;
    assert!(!stage.emulator.set_confirms_delivery(BERT, false).await.unwrap().confirms_delivery);
    let id = anna.send(BERT, "are you there?").await;
    stage.phone_has(BERT, &id).await;
    let read = stage.emulator.receipts(BERT, ANNA, None, ReceiptKind::Read).await.unwrap();
    assert_eq!(read, std::slice::from_ref(&id));
    anna.receipt(&id, "Read").await;
    let delivered = anna.wait_all("no delivery receipt", |events| {
        Some(events.iter().any(|event| {
            matches!(&**event, Event::Receipt(receipt) if format!("{:?}", receipt.r#type) == "Delivered")
        }))
    });
    assert!(!delivered.await);
    assert_eq!(
        stage.emulator.receipts(BERT, ANNA, None, ReceiptKind::Delivered).await.unwrap(),
        std::slice::from_ref(&id)
    );
    anna.receipt(&id, "Delivered").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_companions_receipts_reach_the_senders_phone_and_companion() {
    let stage = Stage::new().await;
    let anna = stage.link(ANNA).await;
    let bert = stage.link(BERT).await;
    let id = anna.send(BERT, "read me").await;
    let received = bert.message("read me").await;
    let chat: Jid = received.chat.parse().unwrap();
    bert.client.mark_as_read(&chat, None, &[&id]).await.unwrap();
    anna.receipt(&id, "Read").await;
    stage
        .until("the receipt on Anna's phone", async || {
            let receipts = stage.emulator.received_receipts(ANNA).await.unwrap();
            receipts
                .into_iter()
                .find(|receipt| receipt.id == id && receipt.kind == "read" && receipt.from == BERT)
        })
        .await;
    stage.assert_all_answered().await;
}
