//! Status posts reach the poster's contacts, and the poster learns who saw them.

use blazz_emulator::ReceiptKind;
use serde_json::json;
use tempfile::TempDir;
use whatsapp_rust::features::StatusSendOptions;
use whatsapp_rust::prelude::*;
use whatsapp_rust::waproto::whatsapp::message::extended_text_message::FontType;

use crate::client::{Baileys, id};
use crate::stage::{ANNA, BERT, CARL, Stage};

const STATUS: &str = "status@broadcast";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_engine_posts_and_sees_what_a_phone_posts() {
    let stage = Stage::new().await;
    let anna = stage.link(ANNA).await;
    let viewers = [Jid::pn(BERT), Jid::pn(CARL)];
    // It has to know their LIDs before it can post to them.
    anna.client.contacts().is_on_whatsapp(&viewers).await.unwrap();
    let options = StatusSendOptions::default();
    let sent = anna
        .client
        .status()
        .send_text("at the lake", 0xff33_6699, FontType::SYSTEM, &viewers, options)
        .await
        .unwrap();
    for phone in [BERT, CARL] {
        let seen = stage.phone_has(phone, &sent.message_id).await;
        assert_eq!((seen.body.as_str(), seen.from.as_str()), ("at the lake", ANNA));
        assert_eq!(seen.group.as_deref(), Some(STATUS));
    }
    stage.emulator.receipts_in(BERT, STATUS, ANNA, None, ReceiptKind::Read).await.unwrap();
    anna.receipt(&sent.message_id, "Read").await;

    // Bert shows his to those that he wrote to.
    let id = stage.emulator.send_text(BERT, ANNA, "hello", None).await.unwrap();
    anna.message("hello").await;
    stage.phone_has(ANNA, &id).await;
    let post = stage.emulator.send_text(BERT, STATUS, "on the road", None).await.unwrap();
    let got = anna.message("on the road").await;
    assert_eq!((got.id, got.chat.as_str(), got.is_from_me), (post.clone(), STATUS, false));
    assert!(stage.emulator.messages(CARL).await.unwrap().iter().all(|message| message.id != post));
    stage.assert_all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_independent_client_posts_and_sees_what_a_phone_posts() {
    let stage = Stage::new().await;
    let session = TempDir::new().unwrap();
    let mut anna = Baileys::link(&stage, ANNA, session.path()).await;
    let bert = format!("{BERT}@s.whatsapp.net");
    let options = json!({ "statusJidList": [bert] });
    anna.command(
        json!({ "do": "send", "to": STATUS, "content": { "text": "good morning" }, "options": options }),
    )
    .await;
    let sent = anna.event("sent", |_| true).await;
    let seen = stage.phone_has(BERT, id(&sent)).await;
    assert_eq!((seen.body.as_str(), seen.group.as_deref()), ("good morning", Some(STATUS)));

    stage.emulator.send_text(BERT, ANNA, "hello", None).await.unwrap();
    let post = stage.emulator.send_text(BERT, STATUS, "on the road", None).await.unwrap();
    let got = anna.message(&post).await;
    assert_eq!(
        (&got["message"]["conversation"], &got["key"]["remoteJid"]),
        (&json!("on the road"), &json!(STATUS))
    );
    anna.command(json!({ "do": "read", "key": got["key"] })).await;
    stage
        .until("the view receipt", async || {
            let receipts = stage.emulator.received_receipts(BERT).await.unwrap();
            receipts.into_iter().find(|receipt| {
                receipt.id == post && receipt.kind == "read" && receipt.group.as_deref() == Some(STATUS)
            })
        })
        .await;
    stage.assert_all_answered().await;
}
