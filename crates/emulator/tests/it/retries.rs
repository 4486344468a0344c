//! Messages that do not decrypt are asked for and sent again.

use blazz_emulator::{Fault, FaultRequest};
use whatsapp_rust::prelude::*;
use whatsapp_rust::wacore::store::traits::SignalStore as _;
use whatsapp_rust::wacore::types::jid::JidExt as _;

use crate::stage::{ANNA, BERT, Stage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_encrypts_again_for_a_companion_that_lost_its_session() {
    let stage = Stage::new().await;
    let mut anna = stage.link(ANNA).await;
    // Both ways, so that the phone's session is no longer a fresh one.
    stage.emulator.send_text(BERT, ANNA, "hello", None).await.unwrap();
    anna.message("hello").await;
    let id = anna.send(BERT, "hello yourself").await;
    stage.phone_has(BERT, &id).await;
    anna.stop().await;
    let bert = stage.emulator.phones().await.into_iter().find(|phone| phone.phone == BERT).unwrap();
    for jid in [Jid::pn(BERT), Jid::lid(bert.lid.as_str())] {
        anna.backend.delete_session(jid.to_protocol_address().as_str()).await.unwrap();
    }
    anna.restart().await;
    anna.connected().await;
    let id = stage.emulator.send_text(BERT, ANNA, "do you understand?", None).await.unwrap();
    assert_eq!(anna.message("do you understand?").await.id, id);
    stage.until("the count", async || (stage.emulator.stats().await.retried >= 1).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_that_lost_its_sessions_asks_the_companion_again() {
    let stage = Stage::new().await;
    let anna = stage.link(ANNA).await;
    stage.emulator.send_text(BERT, ANNA, "hello", None).await.unwrap();
    anna.message("hello").await;
    let id = anna.send(BERT, "hello yourself").await;
    stage.phone_has(BERT, &id).await;
    assert!(
        stage.emulator.fault(FaultRequest::new(Fault::ForgetSessions).for_phone(BERT)).await.unwrap() >= 1
    );
    let id = anna.send(BERT, "after the reinstall").await;
    let arrived = stage.phone_has(BERT, &id).await;
    assert_eq!((arrived.body.as_str(), arrived.arrivals), ("after the reinstall", 1));
    assert!(stage.emulator.stats().await.phone_retries >= 1);
    stage.assert_all_answered().await;
}
