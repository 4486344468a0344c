//! An independent client, which shares no line with the engine, finds a WhatsApp in the emulator.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use blazz_emulator::{Content, ContentKind, EmulatorError, Image, ReactionTo, ReceiptKind};
use serde_json::json;
use tempfile::TempDir;

use crate::client::{Baileys, id};
use crate::stage::{ANNA, BERT, Stage};

/// A picture of one pixel: the client measures what it sends.
const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_refuses_a_server_for_which_nobody_it_knows_vouches() {
    let stage = Stage::new().await;
    let another = Stage::new().await;
    let session = TempDir::new().unwrap();
    let mut anna = Baileys::trusting(&another.emulator.root_key(), &stage, session.path());
    let closed = anna.event("closed", |_| true).await;
    assert!(closed["reason"].as_str().unwrap().contains("certificate signature invalid"), "{closed}");
    assert!(anna.heard().is_empty(), "{:?}", anna.heard());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_pairs_and_comes_back_after_a_restart() {
    let stage = Stage::new().await;
    let session = TempDir::new().unwrap();
    let mut anna = Baileys::link(&stage, ANNA, session.path()).await;
    let sent = anna.send(BERT, json!({ "text": "before" })).await;
    assert_eq!(stage.phone_has(BERT, id(&sent)).await.body, "before");
    anna.stop().await;

    let missed = stage.emulator.send_text(BERT, ANNA, "while it was away", None).await.unwrap();
    let mut anna = Baileys::start(&stage, session.path());
    anna.event("open", |_| true).await;
    assert_eq!(anna.message(&missed).await["message"]["conversation"], "while it was away");
    let sent = anna.send(BERT, json!({ "text": "after" })).await;
    assert_eq!(stage.phone_has(BERT, id(&sent)).await.from_device, 1);
    assert_eq!(stage.emulator.devices(ANNA).await.unwrap().len(), 1);
    stage.assert_all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_exchanges_texts_replies_reactions_and_receipts_with_a_phone() {
    let stage = Stage::new().await;
    let session = TempDir::new().unwrap();
    let mut anna = Baileys::link(&stage, ANNA, session.path()).await;

    let hers = anna.send(BERT, json!({ "text": "hello" })).await;
    assert_eq!(stage.phone_has(BERT, id(&hers)).await.body, "hello");
    anna.receipt(&hers["id"], "DELIVERY_ACK").await;
    stage.emulator.receipts(BERT, ANNA, None, ReceiptKind::Read).await.unwrap();
    anna.receipt(&hers["id"], "READ").await;

    let reply = Content { kind: ContentKind::Text("hello back".into()), reply_to: Some(id(&hers).into()) };
    let reply = stage.emulator.send(BERT, ANNA, reply, None).await.unwrap();
    let got = anna.message(&reply).await;
    let extended = &got["message"]["extendedTextMessage"];
    assert_eq!(
        (&extended["text"], &extended["contextInfo"]["stanzaId"]),
        (&json!("hello back"), &hers["id"])
    );
    anna.command(json!({ "do": "read", "key": got["key"] })).await;
    stage
        .until("the client's read receipt", async || {
            let receipts = stage.emulator.received_receipts(BERT).await.unwrap();
            receipts.into_iter().find(|receipt| receipt.id == reply && receipt.kind == "read")
        })
        .await;

    let reaction = ContentKind::Reaction(ReactionTo { id: id(&hers).into(), emoji: "👍".into() });
    let reaction = stage.emulator.send(BERT, ANNA, reaction.into(), None).await.unwrap();
    let got_reaction = anna.message(&reaction).await["message"]["reactionMessage"].clone();
    assert_eq!((&got_reaction["key"]["id"], &got_reaction["text"]), (&hers["id"], &json!("👍")));
    // The client turned the key around: it is about a message of its own.
    assert_eq!(got_reaction["key"]["fromMe"], true);

    let quoted = json!({ "key": got["key"], "message": got["message"] });
    let answer = anna.send(BERT, json!({ "text": "and again", "quoted": quoted })).await;
    assert_eq!(stage.phone_has(BERT, id(&answer)).await.reply_to.as_deref(), Some(reply.as_str()));
    let react = anna.send(BERT, json!({ "react": { "text": "🎉", "key": got["key"] } })).await;
    let seen = stage.phone_has(BERT, id(&react)).await.reaction.unwrap();
    assert_eq!((seen.id.as_str(), seen.emoji.as_str(), seen.from_me), (reply.as_str(), "🎉", false));
    stage.assert_all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_exchanges_images_with_a_phone() {
    let stage = Stage::new().await;
    let session = TempDir::new().unwrap();
    let mut anna = Baileys::link(&stage, ANNA, session.path()).await;
    let data = BASE64_STANDARD.decode(PIXEL).unwrap();

    let content = json!({ "image": PIXEL, "caption": "from the client", "mimetype": "image/png" });
    let sent = anna.send(BERT, content).await;
    let shown = stage.phone_has(BERT, id(&sent)).await;
    assert_eq!((shown.kind.as_str(), shown.body.as_str()), ("image", "from the client"));
    assert_eq!(stage.emulator.media(BERT, id(&sent)).await, Ok(("image/png".into(), data.clone())));

    let image = Image { data, caption: None, mimetype: Some("image/png".into()) };
    let image = stage.emulator.send(BERT, ANNA, ContentKind::Image(image).into(), None).await.unwrap();
    let got = anna.message(&image).await;
    let message = json!({ "key": got["key"], "message": got["message"] });
    anna.command(json!({ "do": "download", "message": message })).await;
    assert_eq!(anna.event("file", |_| true).await["data"], PIXEL);
    stage.assert_all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_of_them_and_the_engine_talk_to_each_other() {
    let stage = Stage::new().await;
    let (session_a, session_b) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let mut anna = Baileys::link(&stage, ANNA, session_a.path()).await;
    let mut bert = Baileys::link(&stage, BERT, session_b.path()).await;
    let engine = stage.link(BERT).await;

    let sent = anna.send(BERT, json!({ "text": "to Bert" })).await;
    let got = bert.message(id(&sent)).await;
    assert_eq!(got["message"]["extendedTextMessage"]["text"], "to Bert");
    assert_eq!(engine.message("to Bert").await.id, id(&sent));
    anna.receipt(&sent["id"], "DELIVERY_ACK").await;
    bert.command(json!({ "do": "read", "key": got["key"] })).await;
    anna.receipt(&sent["id"], "READ").await;

    let sent = bert.send(ANNA, json!({ "text": "to Anna" })).await;
    assert_eq!(anna.message(id(&sent)).await["message"]["extendedTextMessage"]["text"], "to Anna");
    let sent = engine.send(ANNA, "from the engine").await;
    assert_eq!(anna.message(&sent).await["key"]["id"], sent.as_str());
    stage.assert_all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_pairs_by_a_code_that_the_phone_types() {
    let stage = Stage::new().await;
    let session = TempDir::new().unwrap();
    let mut anna = Baileys::start(&stage, session.path());
    // It is ready to ask once it shows a code to scan.
    anna.event("qr", |_| true).await;
    anna.command(json!({ "do": "code", "phone": ANNA })).await;
    let code = anna.event("code", |_| true).await["code"].as_str().unwrap().to_owned();
    // It shows the code before the server has heard of it. A mistyped one links nothing, and the right one still does.
    let mistyped = stage
        .until("the code is known", async || match stage.emulator.enter_code(ANNA, "AAAAAAAA").await {
            Err(EmulatorError::ExpiredCode) => None,
            other => Some(other),
        })
        .await;
    assert_eq!(mistyped, Err(EmulatorError::WrongCode));
    assert_eq!(stage.emulator.enter_code(ANNA, &code).await, Ok(1));
    anna.event("open", |_| true).await;

    let sent = anna.send(BERT, json!({ "text": "linked by a code" })).await;
    assert_eq!(stage.phone_has(BERT, id(&sent)).await.from_device, 1);
    stage.assert_all_answered().await;
}
