//! Files through the whole stack, both ways, and over a node that is killed in the middle.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use blazz_domain::AccountId;
use nix::sys::signal::Signal;
use reqwest::Method;
use serde_json::{Value, json};

use crate::stack::{BACKENDS, Stack, eventually};

const OURS: &str = "15550000001";
const THEIRS: &str = "15550000002";

/// Bytes that no compression shortens, beginning like a PNG.
fn picture(length: usize) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

pub(crate) async fn content(stack: &Stack, id: &str) -> Option<Vec<u8>> {
    let url = format!("{}/v1/media/{id}/content", stack.text("api_url"));
    let answer = stack.http.get(url).bearer_auth(stack.text("workspace_key")).send().await.ok()?;
    if !answer.status().is_success() {
        return None;
    }
    Some(answer.bytes().await.ok()?.to_vec())
}

pub(crate) async fn upload(stack: &Stack, mime_type: &str, bytes: &[u8]) -> Value {
    let url = format!("{}/v1/media?filename=file.bin", stack.text("api_url"));
    let request = stack.http.post(url).bearer_auth(stack.text("workspace_key"));
    let answer = request.header("content-type", mime_type).body(bytes.to_vec()).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
}

/// The bytes of a message's file as the phone opens it.
async fn on_phone(stack: &Stack, message: &Value) -> (Value, Vec<u8>) {
    let id = message["provider_message_id"].as_str().unwrap();
    let shown = eventually("the phone has it", async || {
        stack.inbox(THEIRS).await.into_iter().find(|shown| shown["id"] == id)
    })
    .await;
    let url = format!("{}/phones/{THEIRS}/messages/{id}/media", stack.text("emulator_url"));
    let answer = stack.http.get(url).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    (shown, answer.bytes().await.unwrap().to_vec())
}

/// A message with a file from the phone, once the API has the file too.
async fn received(stack: &Stack, count: usize) -> Vec<Value> {
    eventually("the file is stored", async || {
        let answer = stack.call(Method::GET, "/v1/messages?limit=50", None).await.ok()?;
        let messages = answer.body["data"].as_array()?.clone();
        let inbound: Vec<Value> =
            messages.into_iter().filter(|message| message["direction"] == "inbound").collect();
        let is_there = |message: &Value| message["content"]["media"]["state"] == "stored";
        (inbound.len() == count && inbound.iter().all(is_there)).then_some(inbound)
    })
    .await
}

async fn kinds(stack: &Stack, kind: &str) -> usize {
    let events = stack.get("/v1/events?limit=200").await;
    events["data"].as_array().unwrap().iter().filter(|event| event["type"] == kind).count()
}

async fn send(stack: &Stack, account: AccountId, kind: &str, file: Value) -> Value {
    let sent = stack.post("/v1/messages", json!({ "account_id": account, "to": THEIRS, kind: file })).await;
    stack.until_status(sent["id"].as_str().unwrap(), "delivered").await
}

#[tokio::test]
async fn files_go_out_and_come_in_as_they_were() {
    for backend in BACKENDS {
        let stack = Stack::start(backend).await;
        let account = stack.link(OURS).await;
        stack.phone(THEIRS).await;

        for (kind, mime_type, bytes, extra) in [
            ("image", "image/png", picture(300_000), json!({ "caption": "look" })),
            ("video", "video/mp4", b"\0\0\0\x20ftypisom and so on".to_vec(), json!({ "caption": "see" })),
            ("audio", "audio/ogg", b"OggS\0\x02 and so on".to_vec(), json!({ "voice": true })),
            (
                "document",
                "text/plain",
                vec![b'x'; 6 << 20],
                json!({ "caption": "read", "filename": "terms.txt" }),
            ),
            ("sticker", "image/webp", b"RIFF\x24\0\0\0WEBPVP8 ".to_vec(), json!({})),
        ] {
            let file = upload(&stack, mime_type, &bytes).await;
            let mut body = extra.clone();
            body["media_id"] = file["id"].clone();
            let sent = send(&stack, account, kind, body).await;
            assert_eq!(sent["content"]["media"]["sha256"], file["sha256"], "{sent}");
            let (shown, opened) = on_phone(&stack, &sent).await;
            assert_eq!(opened, bytes, "{kind}");
            assert_eq!((&shown["kind"], &shown["arrivals"]), (&json!(kind), &json!(1)), "{shown}");
            assert_eq!(shown["body"], extra.get("caption").cloned().unwrap_or(json!("")), "{shown}");
            assert_eq!(shown["media"]["sha256"], file["sha256"], "{shown}");
            assert_eq!(shown["media"]["voice"], kind == "audio", "{shown}");
            let name = if kind == "document" { json!("terms.txt") } else { Value::Null };
            assert_eq!(shown["media"]["filename"], name, "{shown}");
        }

        let bytes = picture(400_000);
        let data = STANDARD.encode(&bytes);
        for (kind, file) in [
            ("image", json!({ "data": data, "mimetype": "image/png", "caption": "from Anna" })),
            ("document", json!({ "data": data, "mimetype": "image/png", "filename": "a.png" })),
            ("audio", json!({ "data": STANDARD.encode("a voice"), "voice": true })),
        ] {
            let body = json!({ "to": OURS, kind: file });
            stack.emulator(Method::POST, &format!("/phones/{THEIRS}/messages"), Some(body)).await;
        }
        let messages = received(&stack, 3).await;
        let of = |kind: &str| messages.iter().find(|message| message["content"]["kind"] == kind).unwrap();
        assert_eq!(of("image")["content"]["caption"], "from Anna");
        assert_eq!(of("document")["content"]["media"]["filename"], "a.png");
        assert_eq!(of("audio")["content"]["voice"], true);
        assert_eq!(of("audio")["content"]["media"]["mime_type"], "audio/ogg");
        for kind in ["image", "document"] {
            let id = of(kind)["content"]["media"]["id"].as_str().unwrap();
            assert_eq!(content(&stack, id).await.unwrap(), bytes, "{kind}");
        }
        assert_eq!(kinds(&stack, "message.media.stored").await, 3);
        let stats = stack.emulator(Method::GET, "/stats", None).await;
        assert_eq!(stats["unanswered"], json!({}), "the emulator left something unanswered");
    }
}

#[tokio::test]
async fn a_node_killed_while_it_fetches_fetches_again_and_stores_once() {
    for backend in BACKENDS {
        let stack = Stack::start(backend).await;
        let account = stack.link(OURS).await;
        stack.phone(THEIRS).await;
        let node =
            stack.get(&format!("/v1/accounts/{account}")).await["node_id"].as_str().unwrap().to_owned();

        // The media host lets everybody wait, so the node is in the middle of it when it dies.
        let wait = json!({ "kind": "delay_downloads", "ms": 60_000 });
        stack.emulator(Method::POST, "/faults", Some(wait)).await;
        let bytes = picture(200_000);
        let image =
            json!({ "to": OURS, "image": { "data": STANDARD.encode(&bytes), "mimetype": "image/png" } });
        stack.emulator(Method::POST, &format!("/phones/{THEIRS}/messages"), Some(image)).await;
        let pending = eventually("the message is there", async || {
            let answer = stack.call(Method::GET, "/v1/messages", None).await.ok()?;
            Some(answer.body["data"].get(0)?.clone())
        })
        .await;
        assert_eq!(pending["content"]["media"]["state"], "pending", "{pending}");
        stack.signal(&node, Signal::SIGKILL);
        stack.emulator(Method::DELETE, "/faults", None).await;

        let message = received(&stack, 1).await.remove(0);
        let id = message["content"]["media"]["id"].as_str().unwrap();
        assert_eq!(content(&stack, id).await.unwrap(), bytes);
        assert_eq!((message["id"] == pending["id"], kinds(&stack, "message.media.stored").await), (true, 1));

        // Killed when the API has the file, and nobody has said so yet: the API stands still.
        stack.signal("api", Signal::SIGSTOP);
        let image =
            json!({ "to": OURS, "image": { "data": STANDARD.encode(&bytes), "mimetype": "image/png" } });
        stack.emulator(Method::POST, &format!("/phones/{THEIRS}/messages"), Some(image)).await;
        stack.signal(&node, Signal::SIGKILL);
        stack.signal("api", Signal::SIGCONT);
        let messages = received(&stack, 2).await;
        let ids: Vec<_> = messages.iter().map(|message| message["content"]["media"]["id"].clone()).collect();
        assert_eq!(ids[0], ids[1], "the same bytes are one file");
    }
}

#[tokio::test]
async fn a_file_that_whatsapp_has_no_longer_has_failed() {
    let stack = Stack::start(BACKENDS[0]).await;
    stack.link(OURS).await;
    stack.phone(THEIRS).await;
    let gone = json!({ "kind": "refuse_downloads", "status": 404 });
    stack.emulator(Method::POST, "/faults", Some(gone)).await;
    let image = json!({ "to": OURS, "image": { "data": STANDARD.encode(picture(99)) } });
    stack.emulator(Method::POST, &format!("/phones/{THEIRS}/messages"), Some(image)).await;
    let failed = eventually("the file has failed", async || {
        let answer = stack.call(Method::GET, "/v1/messages", None).await.ok()?;
        let message = answer.body["data"].get(0)?.clone();
        (message["content"]["media"]["state"] == "failed").then_some(message)
    })
    .await;
    assert_eq!(failed["content"]["media"]["error"], "expired", "{failed}");
    assert_eq!(kinds(&stack, "message.media.failed").await, 1);
}
