//! An account of Blazz and an independent client talk to each other, all the way from the REST API.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use blazz_domain::AccountId;
use blazz_test_support::{Baileys, WhatsAppServer};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::media::{content, upload};
use crate::stack::{BACKENDS, Stack, eventually};

/// A picture of one pixel: the client measures what it sends.
const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const OURS: &str = "15550000001";
const THEIRS: &str = "15550000002";

/// The client on a phone of its own, linked and online.
async fn link(stack: &Stack, session: &TempDir) -> Baileys {
    let root = stack.emulator(Method::GET, "/root-key", None).await;
    let server = WhatsAppServer {
        ws_url: stack.text("emulator_ws_url"),
        root_key: root["root_key"].as_str().unwrap().to_owned(),
        media_url: stack.text("emulator_url"),
    };
    let mut client = Baileys::start(&server, session.path(), false).unwrap();
    let qr = client.event("qr", |_| true).await.unwrap();
    stack.phone(THEIRS).await;
    stack.emulator(Method::POST, &format!("/phones/{THEIRS}/scan"), Some(json!({ "qr": qr["qr"] }))).await;
    client.event("open", |_| true).await.unwrap();
    client
}

/// The message that came in under this id of WhatsApp's.
async fn received(stack: &Stack, provider_id: &Value) -> Value {
    eventually("the message is in the API", async || {
        let page = stack.get("/v1/messages?limit=100").await;
        let all = page["data"].as_array().unwrap();
        all.iter().find(|message| message["provider_message_id"] == *provider_id).cloned()
    })
    .await
}

#[tokio::test]
async fn an_account_and_the_client_hold_a_conversation() {
    for backend in BACKENDS {
        let stack = Stack::start(backend).await;
        let account = stack.link(OURS).await;
        let session = TempDir::new().unwrap();
        let mut client = link(&stack, &session).await;
        let to_client = |mut body: Value| {
            body["account_id"] = json!(account);
            body["to"] = json!(format!("+{THEIRS}"));
            body
        };

        // Ours: it arrives, and we see that it did and that it was read.
        let sent = stack.post("/v1/messages", to_client(json!({ "text": "Shall we say ten?" }))).await;
        let got = client.message(sent["provider_message_id"].as_str().unwrap()).await.unwrap();
        assert_eq!(text(&got), "Shall we say ten?");
        let id = sent["id"].as_str().unwrap();
        stack.until_status(id, "delivered").await;
        client.command(json!({ "do": "read", "key": got["key"] })).await.unwrap();
        stack.until_status(id, "read").await;

        // Theirs, a reply: it is in the API, and the client sees that it came and that it was read.
        let quoted = json!({ "key": got["key"], "message": got["message"] });
        let answer = client.send(OURS, json!({ "text": "Ten is fine.", "quoted": quoted })).await.unwrap();
        let in_api = received(&stack, &answer["id"]).await;
        assert_eq!(in_api["content"], json!({ "kind": "text", "text": "Ten is fine." }));
        assert_eq!(in_api["reply_to"]["message_id"], sent["id"]);
        let answer_id = answer["id"].as_str().unwrap();
        client.receipt(answer_id, "DELIVERY_ACK").await.unwrap();
        let conversation = in_api["conversation_id"].as_str().unwrap();
        let read = stack.post(&format!("/v1/conversations/{conversation}/read"), json!({})).await;
        assert_eq!(read["unread"], 0);
        client.receipt(answer_id, "READ").await.unwrap();

        // A reply and a reaction of ours.
        let reply = json!({ "text": "See you then", "reply_to": in_api["id"] });
        let reply = stack.post("/v1/messages", to_client(reply)).await;
        let got_reply = client.message(reply["provider_message_id"].as_str().unwrap()).await.unwrap();
        let extended = &got_reply["message"]["extendedTextMessage"];
        assert_eq!(
            (&extended["text"], &extended["contextInfo"]["stanzaId"]),
            (&json!("See you then"), &answer["id"])
        );
        let reaction = json!({ "reaction": { "message_id": in_api["id"], "emoji": "👍" } });
        let reaction = stack.post("/v1/messages", to_client(reaction)).await;
        let got_reaction = client.message(reaction["provider_message_id"].as_str().unwrap()).await.unwrap();
        let said = &got_reaction["message"]["reactionMessage"];
        assert_eq!((&said["text"], &said["key"]["id"]), (&json!("👍"), &answer["id"]));

        // A reaction of theirs.
        client.send(OURS, json!({ "react": { "text": "🎉", "key": got_reply["key"] } })).await.unwrap();
        let path = format!("/v1/messages/{}", reply["id"].as_str().unwrap());
        let reactions = eventually("the reaction is on the message", async || {
            Some(stack.get(&path).await["reactions"].clone()).filter(|all| *all != json!([]))
        })
        .await;
        assert_eq!((&reactions[0]["emoji"], &reactions[0]["direction"]), (&json!("🎉"), &json!("inbound")));

        exchange_images(&stack, &mut client, account).await;
        client.stop().await.unwrap();
        let stats = stack.emulator(Method::GET, "/stats", None).await;
        assert_eq!(stats["unanswered"], json!({}), "the emulator left something unanswered");
    }
}

/// One image each way, the same bytes at both ends.
async fn exchange_images(stack: &Stack, client: &mut Baileys, account: AccountId) {
    let bytes = BASE64_STANDARD.decode(PIXEL).unwrap();
    let file = upload(stack, "image/png", &bytes).await;
    let image = json!({
        "account_id": account, "to": format!("+{THEIRS}"), "image": { "media_id": file["id"], "caption": "ours" },
    });
    let sent = stack.post("/v1/messages", image).await;
    let got = client.message(sent["provider_message_id"].as_str().unwrap()).await.unwrap();
    assert_eq!(got["message"]["imageMessage"]["caption"], "ours");
    let message = json!({ "key": got["key"], "message": got["message"] });
    client.command(json!({ "do": "download", "message": message })).await.unwrap();
    assert_eq!(client.event("file", |_| true).await.unwrap()["data"], PIXEL);

    let theirs = json!({ "image": PIXEL, "caption": "theirs", "mimetype": "image/png" });
    let theirs = client.send(OURS, theirs).await.unwrap();
    let in_api = received(stack, &theirs["id"]).await;
    assert_eq!(in_api["content"]["caption"], "theirs");
    let path = format!("/v1/messages/{}", in_api["id"].as_str().unwrap());
    let stored = eventually("the file is stored", async || {
        let media = stack.get(&path).await["content"]["media"].clone();
        (media["state"] == "stored").then_some(media)
    })
    .await;
    assert_eq!(content(stack, stored["id"].as_str().unwrap()).await, Some(bytes));
}

/// What a text says, in whichever of the two shapes.
fn text(message: &Value) -> &str {
    let said = &message["message"];
    said["conversation"].as_str().or_else(|| said["extendedTextMessage"]["text"].as_str()).unwrap()
}
