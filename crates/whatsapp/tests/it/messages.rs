//! Messages and receipts, both ways.

use blazz_domain::{ProviderMessageId, ReceiptKind, SendOutcome, SessionEvent};
use blazz_emulator::{Fault, FaultRequest};

use crate::stage::{ANNA, BERT, Stage, connected, outbox, send, state, texts, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_goes_out_under_our_id_and_a_repeat_writes_nothing() {
    let stage = Stage::new().await;
    let session = stage.linked().await;
    let id = ProviderMessageId::generate();
    let first = send(&session, &id, "hello").await;
    assert!(matches!(first, SendOutcome::Acknowledged { .. }), "{first:?}");
    let message = stage.phone_has(BERT, &id.0).await;
    assert_eq!((message.body.as_str(), message.arrivals), ("hello", 1));

    let frames = stage.emulator.stats().await.messages;
    assert_eq!(send(&session, &id, "hello").await, first, "the same answer");
    assert_eq!(stage.emulator.stats().await.messages, frames, "and nothing was written");
    let marker = ProviderMessageId::generate();
    send(&session, &marker, "marker").await;
    stage.phone_has(BERT, &marker.0).await;
    assert_eq!(stage.phone_has(BERT, &id.0).await.arrivals, 1);
    stage.close(session).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_callers_with_one_id_send_once() {
    let stage = Stage::new().await;
    let session = stage.linked().await;
    let id = ProviderMessageId::generate();
    let (one, two) = tokio::join!(send(&session, &id, "once"), send(&session, &id, "once"));
    assert!(matches!(one, SendOutcome::Acknowledged { .. }));
    assert_eq!(one, two);
    assert_eq!(stage.phone_has(BERT, &id.0).await.arrivals, 1);
    stage.close(session).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_ack_the_outcome_is_open_and_a_retry_shows_once() {
    let mut stage = Stage::new().await;
    stage.config.ack_timeout = std::time::Duration::from_secs(1);
    let session = stage.linked().await;
    stage.emulator.fault(FaultRequest::new(Fault::SwallowAcks).for_phone(ANNA).times(1)).await.unwrap();
    let id = ProviderMessageId::generate();
    assert_eq!(send(&session, &id, "again").await, SendOutcome::Unacknowledged);
    assert!(matches!(send(&session, &id, "again").await, SendOutcome::Acknowledged { .. }));
    let shown = stage.emulator.messages(BERT).await.unwrap();
    assert_eq!(shown.iter().filter(|message| message.body == "again").count(), 1, "the phone knows the id");
    stage.close(session).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_written_without_a_connection() {
    let stage = Stage::new().await;
    let session = stage.open(false).await.unwrap();
    state(&session, blazz_domain::AccountState::Qr).await;
    let id = ProviderMessageId::generate();
    assert_eq!(send(&session, &id, "too early").await, SendOutcome::NotConnected);
    stage.close(session).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_in_is_in_the_outbox_with_both_addresses() {
    let stage = Stage::new().await;
    let session = stage.linked().await;
    let id = stage.bert_writes("good morning").await;
    let message = until("the message", async || {
        outbox(&session).into_iter().find_map(|event| match event {
            SessionEvent::Message(message) if message.id.0 == id => Some(message),
            _ => None,
        })
    })
    .await;
    assert!(!message.from_me);
    assert_eq!(message.chat, message.sender);
    assert_eq!(message.chat.phone.unwrap().digits(), BERT);
    assert!(message.chat.lid.is_some());
    assert_eq!(message.push_name.as_deref(), Some("Bert"));
    assert!(message.sent_at.unix_seconds() > 1_600_000_000);
    stage.close(session).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_phone_itself_sends_is_heard_too() {
    let stage = Stage::new().await;
    let session = stage.linked().await;
    let id = stage.emulator.send_text(ANNA, BERT, "from my phone", None).await.unwrap();
    let message = until("the message", async || {
        outbox(&session).into_iter().find_map(|event| match event {
            SessionEvent::Message(message) if message.id.0 == id => Some(message),
            _ => None,
        })
    })
    .await;
    assert!(message.from_me);
    assert_eq!(message.chat.phone.unwrap().digits(), BERT);
    assert_eq!(message.sender.phone.unwrap().digits(), ANNA);
    stage.close(session).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receipts_reach_the_outbox_in_order() {
    let stage = Stage::new().await;
    let session = stage.linked().await;
    let id = ProviderMessageId::generate();
    send(&session, &id, "read me").await;
    let kinds = || {
        let events = outbox(&session).into_iter();
        let receipts = events.filter_map(|event| match event {
            SessionEvent::Receipt(receipt) if receipt.ids.contains(&id) => Some(receipt),
            _ => None,
        });
        receipts
            .map(|receipt| (receipt.chat.phone.unwrap().digits().to_owned(), receipt.kind))
            .collect::<Vec<_>>()
    };
    let bert = BERT.to_owned();
    until("the first", async || (kinds() == [(bert.clone(), ReceiptKind::Delivered)]).then_some(())).await;
    let ids = Some(vec![id.0.clone()]);
    stage.emulator.receipts(BERT, ANNA, ids, blazz_emulator::ReceiptKind::Read).await.unwrap();
    until("the second", async || (kinds().len() == 2).then_some(())).await;
    assert_eq!(kinds()[1], (bert, ReceiptKind::Read));
    stage.device(|devices| devices[0].waiting == 0).await;
    stage.close(session).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_while_the_session_was_stopped_comes_in_order() {
    let stage = Stage::new().await;
    let session = stage.linked().await;
    stage.close(session).await;
    let mut sent = Vec::new();
    for count in 0..100 {
        let text = format!("message {count:03}");
        sent.push((stage.bert_writes(&text).await, text));
    }
    let session = stage.reopen().await;
    connected(&session).await;
    until("all hundred", async || (texts(&session).len() >= 100).then_some(())).await;
    assert_eq!(texts(&session), sent);
    stage.device(|devices| devices[0].waiting == 0).await;
    stage.close(session).await;
}
