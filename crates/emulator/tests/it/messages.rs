//! Texts between phones and companions, each for every device that should have it.

use whatsapp_rust::prelude::*;

use crate::stage::{ANNA, BERT, CARL, Stage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_goes_both_ways_between_a_phone_and_a_companion() {
    let stage = Stage::new().await;
    let anna = stage.link(ANNA).await;

    let id = anna.send(BERT, "to the phone").await;
    assert_eq!(anna.server_ack(&id).await, None);
    let arrived = stage.phone_has(BERT, &id).await;
    assert_eq!((arrived.body.as_str(), arrived.kind.as_str()), ("to the phone", "text"));
    assert_eq!((arrived.from.as_str(), arrived.from_device, arrived.to.as_str()), (ANNA, 1, BERT));
    assert_eq!(arrived.arrivals, 1);
    anna.receipt(&id, "Delivered").await;

    let id = stage.emulator.send_text(BERT, ANNA, "from the phone", None).await.unwrap();
    let received = anna.message("from the phone").await;
    assert_eq!((received.id, received.is_from_me), (id.clone(), false));
    // Anna's phone has it too.
    assert_eq!(stage.phone_has(ANNA, &id).await.body, "from the phone");

    for text in ["second", "third"] {
        let id = anna.send(BERT, text).await;
        assert_eq!(stage.phone_has(BERT, &id).await.arrivals, 1);
        stage.emulator.send_text(BERT, ANNA, &format!("re: {text}"), None).await.unwrap();
        anna.message(&format!("re: {text}")).await;
    }
    stage.assert_all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn companions_of_two_accounts_talk_and_both_phones_see_it() {
    let stage = Stage::new().await;
    let anna = stage.link(ANNA).await;
    let bert = stage.link(BERT).await;
    let id = anna.send(BERT, "hello Bert").await;
    assert_eq!(bert.message("hello Bert").await.id, id);
    assert_eq!(stage.phone_has(BERT, &id).await.to, BERT);
    let own = stage.phone_has(ANNA, &id).await;
    assert_eq!((own.from.as_str(), own.to.as_str(), own.body.as_str()), (ANNA, BERT, "hello Bert"));
    let id = bert.send(ANNA, "hello Anna").await;
    assert_eq!(anna.message("hello Anna").await.id, id);
    for number in 0..20 {
        anna.send(BERT, &format!("number {number}")).await;
    }
    bert.message("number 19").await;
    let texts: Vec<String> = bert.received().into_iter().map(|message| message.text).collect();
    let expected: Vec<String> = std::iter::once("hello Bert".to_owned())
        .chain((0..20).map(|number| format!("number {number}")))
        .collect();
    assert_eq!(texts, expected);
    stage.assert_all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn phones_talk_to_each_other_and_copy_in_their_companions() {
    let stage = Stage::new().await;
    let anna = stage.link(ANNA).await;
    let id = stage.emulator.send_text(ANNA, BERT, "from my phone", None).await.unwrap();
    assert_eq!(stage.phone_has(BERT, &id).await.from, ANNA);
    let copy = anna.message("from my phone").await;
    assert_eq!((copy.id, copy.is_from_me), (id, true));

    let id = stage.emulator.send_text(BERT, CARL, "phones alone", Some("CHOSEN-ID")).await.unwrap();
    assert_eq!(id, "CHOSEN-ID");
    assert_eq!(stage.phone_has(CARL, "CHOSEN-ID").await.body, "phones alone");
    stage
        .until("Bert's receipt", async || {
            let receipts = stage.emulator.received_receipts(BERT).await.unwrap();
            receipts.into_iter().find(|receipt| receipt.id == "CHOSEN-ID" && receipt.kind == "delivered")
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_companion_gets_copies_of_what_the_first_sends_and_of_what_comes_in() {
    let stage = Stage::new().await;
    let first = stage.link(ANNA).await;
    first.send(BERT, "before the second companion").await;
    let second = stage.link(ANNA).await;
    stage.device(ANNA, |devices| devices.len() == 2 && devices.iter().all(|device| device.prekeys > 0)).await;

    stage.emulator.send_text(BERT, ANNA, "for everybody", None).await.unwrap();
    first.message("for everybody").await;
    second.message("for everybody").await;

    let id = second.send(BERT, "from the second").await;
    let copy = first.message("from the second").await;
    assert_eq!((copy.id.as_str(), copy.is_from_me), (id.as_str(), true));
    assert_eq!(stage.phone_has(BERT, &id).await.from_device, 2);

    // The first learned of the second by the server's notification.
    let id = first.send(BERT, "from the first").await;
    assert_eq!(second.message("from the first").await.id, id);
    stage.assert_all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_companion_of_the_recipient_gets_the_next_message() {
    let stage = Stage::new().await;
    let anna = stage.link(ANNA).await;
    let id = anna.send(BERT, "only the phone").await;
    stage.phone_has(BERT, &id).await;
    let bert = stage.link(BERT).await;
    anna.send(BERT, "now the companion too").await;
    bert.message("now the companion too").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_id_sent_twice_arrives_twice() {
    let stage = Stage::new().await;
    let anna = stage.link(ANNA).await;
    for _ in 0..2 {
        let message = wa::Message { conversation: Some("again".into()), ..Default::default() };
        let options = SendOptions::default().with_message_id("OUR-OWN-ID");
        anna.client.send_message_with_options(Jid::pn(BERT), message, options).await.unwrap();
    }
    stage
        .until("two arrivals", async || {
            let messages = stage.emulator.messages(BERT).await.unwrap();
            messages.into_iter().find(|message| message.id == "OUR-OWN-ID" && message.arrivals == 2)
        })
        .await;
    assert_eq!(stage.emulator.messages(BERT).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_behind_an_unknown_number() {
    let stage = Stage::new().await;
    let anna = stage.link(ANNA).await;
    let nobody = Jid::pn("15559999999");
    let known = anna.client.contacts().is_on_whatsapp(&[nobody.clone(), Jid::pn(BERT)]).await.unwrap();
    let found: Vec<(String, bool)> =
        known.iter().map(|contact| (contact.jid.user.to_string(), contact.is_registered)).collect();
    assert!(found.contains(&("15559999999".to_owned(), false)), "{found:?}");
    assert!(known.iter().any(|contact| contact.is_registered));
    if let Ok(sent) = anna.client.send_text(nobody, "anybody there?").await {
        assert_eq!(anna.server_ack(&sent.message_id).await.as_deref(), Some("404"));
    }
    stage.assert_all_answered().await;
}
