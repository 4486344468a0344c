//! Each fault does what it says, and ends when its count is used up.

use std::time::Duration;

use blazz_emulator::{Fault, FaultRequest};
use tokio::time::Instant;
use whatsapp_rust::prelude::*;

use crate::stage::{ANNA, BERT, Stage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_sockets_come_back_by_themselves() {
    let stage = Stage::new().await;
    let anna = stage.link(ANNA).await;
    stage.device(ANNA, |devices| devices[0].prekeys > 0).await;
    anna.forget();
    let fault = FaultRequest::new(Fault::DropSockets).for_phone(ANNA).times(2);
    assert_eq!(stage.emulator.fault(fault).await.unwrap(), 1);
    anna.wait("disconnected", |event| matches!(event, Event::Disconnected(_)).then_some(())).await;
    // The count of two also cuts the first login after it.
    stage.until("the fault to end", async || stage.emulator.faults().await.is_empty().then_some(())).await;
    stage.device(ANNA, |devices| devices[0].online).await;
    stage.emulator.send_text(BERT, ANNA, "back again", None).await.unwrap();
    anna.message("back again").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delay_holds_stanzas_back() {
    let stage = Stage::new().await;
    let anna = stage.link(ANNA).await;
    let id = anna.send(BERT, "at once").await;
    anna.server_ack(&id).await;
    stage.emulator.fault(FaultRequest::new(Fault::Delay { ms: 300 }).for_phone(ANNA)).await.unwrap();
    let begun = Instant::now();
    let id = anna.send(BERT, "delayed").await;
    anna.server_ack(&id).await;
    assert!(begun.elapsed() >= Duration::from_millis(300), "{:?}", begun.elapsed());
    stage.emulator.clear_faults().await;
    assert!(stage.emulator.faults().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_logins_are_told_the_reason_and_the_next_one_works() {
    let stage = Stage::new().await;
    let mut anna = stage.link(ANNA).await;
    stage.device(ANNA, |devices| devices[0].prekeys > 0).await;
    let fault = FaultRequest::new(Fault::RefuseLogins { reason: 503 }).for_phone(ANNA).times(1);
    stage.emulator.fault(fault).await.unwrap();
    anna.restart().await;
    stage
        .until("a refused login", async || (stage.emulator.stats().await.refused_logins == 1).then_some(()))
        .await;
    anna.restart().await;
    anna.connected().await;
    assert_eq!(stage.emulator.stats().await.refused_logins, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swallowed_ack_is_never_sent_though_the_message_arrives() {
    let stage = Stage::new().await;
    let anna = stage.link(ANNA).await;
    stage.emulator.fault(FaultRequest::new(Fault::SwallowAcks).for_phone(ANNA).times(1)).await.unwrap();
    let silent = anna.send(BERT, "no ack").await;
    assert_eq!(stage.phone_has(BERT, &silent).await.arrivals, 1);
    let loud = anna.send(BERT, "ack").await;
    anna.server_ack(&loud).await;
    // Acks come in order: the first one would have come before this one.
    assert!(!anna.has_server_ack(&silent).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redelivered_stanzas_reach_the_companion_again() {
    let stage = Stage::new().await;
    let anna = stage.link(ANNA).await;
    let id = stage.emulator.send_text(BERT, ANNA, "once more", None).await.unwrap();
    anna.message("once more").await;
    stage.device(ANNA, |devices| devices[0].waiting == 0).await;
    let before = stage.emulator.stats().await.receipts;
    for _ in 0..3 {
        assert!(stage.emulator.fault(FaultRequest::new(Fault::Redeliver { last: 1 })).await.unwrap() >= 1);
    }
    // The engine confirms each delivery and shows the message once.
    stage
        .until("three more receipts", async || {
            (stage.emulator.stats().await.receipts >= before + 3).then_some(())
        })
        .await;
    assert_eq!(anna.received().iter().filter(|message| message.id == id).count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_replacement_two_sockets_live_and_the_overlap_is_recorded() {
    let stage = Stage::new().await;
    let anna = stage.link(ANNA).await;
    stage.device(ANNA, |devices| devices[0].prekeys > 0).await;
    stage.emulator.fault(FaultRequest::new(Fault::Replace { replace: false })).await.unwrap();
    let twin = anna.twin().await;
    twin.connected().await;
    stage.device(ANNA, |devices| devices[0].sockets == 2).await;
    let overlaps = stage.emulator.stats().await.overlaps;
    assert_eq!((overlaps[0].phone.as_str(), overlaps[0].device, overlaps[0].sockets), (ANNA, 1, 2));
    assert_eq!(anna.count(EventKind::StreamReplaced), 0);

    // Whatever the older socket writes from now on is noted, what the newer one writes is not.
    assert!(stage.emulator.sockets().await.late.is_empty());
    twin.send(BERT, "from the newer").await;
    anna.send(BERT, "from the older").await;
    let late = stage
        .until("the older socket's message is noted", async || {
            let late = stage.emulator.sockets().await.late;
            late.into_iter().find(|late| late.stanza.starts_with("message"))
        })
        .await;
    let log = stage.emulator.sockets().await;
    let (older, newer) = (&log.sockets[log.sockets.len() - 2], &log.sockets[log.sockets.len() - 1]);
    assert_eq!((older.phone.as_str(), newer.phone.as_str(), older.closed_at), (ANNA, ANNA, None));
    assert_eq!((late.socket, late.newer, late.newer_at), (older.socket, newer.socket, newer.logged_in_at));
    assert!(late.at >= late.newer_at && log.late.iter().all(|late| late.socket == older.socket));

    stage.emulator.fault(FaultRequest::new(Fault::Replace { replace: true })).await.unwrap();
    assert!(stage.emulator.faults().await.is_empty());
}
