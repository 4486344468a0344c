//! Replies, reactions and images of the phones, as a companion and the other phone get them.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use blazz_emulator::{Content, ContentKind, EmulatorError, FileToSend, Image, ReactionTo};
use serde_json::json;
use whatsapp_rust::prelude::*;
use whatsapp_rust::wacore::download::{DownloadUtils, MediaType};

use crate::admin::Api;
use crate::companion::Companion;
use crate::stage::{ANNA, BERT, CARL, Stage};

const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n and what follows";

fn text(text: &str, reply_to: &str) -> Content {
    Content { kind: ContentKind::Text(text.into()), reply_to: Some(reply_to.into()) }
}

fn reaction(id: &str, emoji: &str) -> Content {
    ContentKind::Reaction(ReactionTo { id: id.into(), emoji: emoji.into() }).into()
}

/// The protobuf of a message that a companion got.
async fn got(companion: &Companion, id: &str) -> wa::Message {
    companion
        .wait("the message", |event| {
            event.messages().find(|message| message.info.id == id).map(|message| (*message.message).clone())
        })
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_quotes_a_message_of_either_side() {
    let stage = Stage::new().await;
    let anna = stage.link(ANNA).await;
    let question = anna.send(BERT, "a question").await;
    stage.phone_has(BERT, &question).await;

    let answer = stage.emulator.send(BERT, ANNA, text("an answer", &question), None).await.unwrap();
    let message = got(&anna, &answer).await;
    let extended = message.extended_text_message.as_option().unwrap();
    let context = extended.context_info.as_option().unwrap();
    assert_eq!(extended.text.as_deref(), Some("an answer"));
    assert_eq!(context.stanza_id.as_deref(), Some(question.as_str()));
    let anna_lid = stage.emulator.phones().await.into_iter().find(|phone| phone.phone == ANNA).unwrap().lid;
    assert_eq!(context.participant, Some(format!("{anna_lid}@lid")));
    let quoted = context.quoted_message.as_option().unwrap();
    assert_eq!(quoted.text_content(), Some("a question"));
    let shown = stage.phone_has(ANNA, &answer).await;
    assert_eq!((shown.kind.as_str(), shown.body.as_str()), ("text", "an answer"));
    assert_eq!(shown.reply_to, Some(question));

    let more = stage.emulator.send(BERT, ANNA, text("and more", &answer), None).await.unwrap();
    assert_eq!(stage.phone_has(ANNA, &more).await.reply_to, Some(answer));
    stage.assert_all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reaction_says_whose_message_it_is_about_and_can_be_taken_back() {
    let stage = Stage::new().await;
    let anna = stage.link(ANNA).await;
    let hers = anna.send(BERT, "hers").await;
    stage.phone_has(BERT, &hers).await;
    let his = stage.emulator.send_text(BERT, ANNA, "his", None).await.unwrap();

    for (target, emoji, from_me) in [(&hers, "👍", false), (&his, "🎉", true), (&hers, "", false)] {
        let id = stage.emulator.send(BERT, ANNA, reaction(target, emoji), None).await.unwrap();
        let message = got(&anna, &id).await;
        let received = message.reaction_message.as_option().unwrap();
        let key = received.key.as_option().unwrap();
        assert_eq!(received.text.as_deref(), Some(emoji));
        assert_eq!((key.id.as_ref(), key.from_me), (Some(target), Some(from_me)));
        let shown = stage.phone_has(ANNA, &id).await;
        let seen = shown.reaction.unwrap();
        assert_eq!((shown.kind.as_str(), seen.emoji.as_str(), seen.from_me), ("reaction", emoji, from_me));
        assert_eq!(&seen.id, target);
    }
    stage.assert_all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_messages_of_the_chat_can_be_answered() {
    let stage = Stage::new().await;
    let elsewhere = stage.emulator.send_text(BERT, CARL, "elsewhere", None).await.unwrap();
    stage.phone_has(CARL, &elsewhere).await;
    for content in [text("answer", "NO-SUCH-ID"), text("answer", &elsewhere), reaction(&elsewhere, "👍")] {
        let sent = stage.emulator.send(BERT, ANNA, content, None).await;
        assert_eq!(sent, Err(EmulatorError::UnknownMessage));
    }
    let media = stage.emulator.media(CARL, &elsewhere).await;
    assert_eq!(media, Err(EmulatorError::NoMedia));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_image_comes_encrypted_and_opens_with_its_key() {
    let stage = Stage::new().await;
    let anna = stage.link(ANNA).await;
    let image =
        Image { data: PICTURE.to_vec(), caption: Some("look".into()), mimetype: Some("image/png".into()) };
    let id = stage.emulator.send(BERT, ANNA, ContentKind::Image(image).into(), None).await.unwrap();
    let message = got(&anna, &id).await;
    let received = message.image_message.as_option().unwrap();
    assert_eq!(
        (received.caption.as_deref(), received.mimetype.as_deref()),
        (Some("look"), Some("image/png"))
    );

    let api = Api::new(stage.emulator.admin_url());
    let (_, ciphertext) = api.fetch(received.direct_path.as_deref().unwrap()).await;
    let key = received.media_key.as_deref().unwrap();
    let plain = DownloadUtils::verify_and_decrypt(&ciphertext, key, MediaType::Image).unwrap();
    assert_eq!(plain, PICTURE);
    DownloadUtils::validate_plaintext_sha256(&plain, received.file_sha256.as_deref().unwrap()).unwrap();

    let shown = stage.phone_has(ANNA, &id).await;
    assert_eq!((shown.kind.as_str(), shown.body.as_str()), ("image", "look"));
    assert_eq!(shown.media.map(|media| media.size), u64::try_from(PICTURE.len()).ok());
    assert_eq!(stage.emulator.media(ANNA, &id).await, Ok(("image/png".into(), PICTURE.to_vec())));
    stage.assert_all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_says_when_the_file_of_a_message_does_not_fit() {
    let stage = Stage::new().await;
    let anna = stage.link(ANNA).await;
    let image = wa::message::ImageMessage {
        direct_path: Some("/v/image/never-uploaded".into()),
        media_key: Some(vec![1; 32]),
        ..Default::default()
    };
    let message =
        wa::Message { image_message: whatsapp_rust::buffa::MessageField::some(image), ..Default::default() };
    let sent = anna.client.send_message(Jid::pn(BERT), message).await.unwrap();
    stage.phone_has(BERT, &sent.message_id).await;
    let media = stage.emulator.media(BERT, &sent.message_id).await;
    assert!(matches!(&media, Err(EmulatorError::BadMedia(_))), "{media:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_of_it_over_http() {
    let stage = Stage::new().await;
    let api = Api::new(stage.emulator.admin_url());
    let messages = format!("/phones/{BERT}/messages");
    let data = BASE64_STANDARD.encode(PICTURE);
    let image = json!({ "to": ANNA, "image": { "data": data, "mimetype": "image/png" } });
    let (status, sent) = api.post(&messages, image).await;
    assert_eq!(status, 201, "{sent}");
    let id = sent["id"].as_str().unwrap();
    stage.phone_has(ANNA, id).await;
    let (mimetype, file) = api.fetch(&format!("/phones/{ANNA}/messages/{id}/media")).await;
    assert_eq!((mimetype.as_str(), file.as_slice()), ("image/png", PICTURE));

    let reply = json!({ "to": ANNA, "text": "as I said", "reply_to": id });
    assert_eq!(api.post(&messages, reply).await.0, 201);
    let reaction = json!({ "to": ANNA, "reaction": { "id": id, "emoji": "🎉" } });
    assert_eq!(api.post(&messages, reaction).await.0, 201);
    let (status, refused) = api.post(&messages, json!({ "to": ANNA, "text": "x", "reply_to": "none" })).await;
    assert_eq!((status, refused["code"].as_str()), (404, Some("unknown_message")));
    let (status, refused) = api.post(&messages, json!({ "to": ANNA })).await;
    assert_eq!((status, refused["code"].as_str()), (400, Some("bad_json")));

    // What is uploaded has to be what its path says.
    let (status, refused) = api.post("/mms/image/not-its-digest", json!({})).await;
    assert_eq!((status, refused["code"].as_str()), (400, Some("bad_upload")));
    assert_eq!(api.post("/mms/image/not-its-digest?resume=1", json!({})).await.1["resume"], "0");
    let (_, root) = api.get("/root-key").await;
    assert_eq!(root["root_key"], json!(stage.emulator.root_key()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_every_kind_open_at_the_other_phone() {
    let stage = Stage::new().await;
    let file = |name: Option<&str>, voice| FileToSend {
        data: PICTURE.to_vec(),
        filename: name.map(str::to_owned),
        voice,
        ..FileToSend::default()
    };
    for (content, kind, mimetype) in [
        (ContentKind::Video(file(None, false)), "video", "video/mp4"),
        (ContentKind::Audio(file(None, true)), "audio", "audio/ogg; codecs=opus"),
        (ContentKind::Document(file(Some("a.bin"), false)), "document", "application/octet-stream"),
        (ContentKind::Sticker(file(None, false)), "sticker", "image/webp"),
    ] {
        let id = stage.emulator.send(BERT, ANNA, content.into(), None).await.unwrap();
        let shown = stage.phone_has(ANNA, &id).await;
        let media = shown.media.unwrap();
        assert_eq!(
            (shown.kind.as_str(), media.mimetype.as_str(), media.voice),
            (kind, mimetype, kind == "audio")
        );
        assert_eq!((media.filename.is_some(), media.sha256.len()), (kind == "document", 64));
        assert_eq!(stage.emulator.media(ANNA, &id).await, Ok((mimetype.into(), PICTURE.to_vec())));
    }
    let api = Api::new(stage.emulator.admin_url());
    let refuse = json!({ "kind": "refuse_downloads", "status": 410, "count": 1 });
    assert_eq!(api.post("/faults", refuse).await.0, 200);
    assert_eq!([api.get("/v/image/x").await.0, api.get("/v/image/x").await.0], [410, 404]);
    let refuse = json!({ "kind": "refuse_uploads", "status": 503, "count": 1 });
    assert_eq!(api.post("/faults", refuse).await.0, 200);
    let upload = "/mms/image/x?resume=1";
    assert_eq!([api.post(upload, json!({})).await.0, api.post(upload, json!({})).await.0], [503, 200]);
}
