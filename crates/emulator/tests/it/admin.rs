//! The admin API over HTTP, and the process around it.

use std::process::Stdio;
use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE, Engine as _};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::companion::{Companion, PATIENCE};
use crate::stage::{ANNA, BERT, CARL, Stage};

pub(crate) struct Api {
    pub(crate) client: Client,
    pub(crate) base: String,
}

impl Api {
    pub(crate) fn new(base: String) -> Self {
        let _installed_before = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
        Self { client, base }
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() })
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        self.call(Method::GET, path, None).await
    }

    /// The content type and the bytes of a file.
    pub(crate) async fn fetch(&self, path: &str) -> (String, Vec<u8>) {
        let answer = self.client.get(format!("{}{path}", self.base)).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200, "{path}");
        let content_type = answer.headers()["content-type"].to_str().unwrap().to_owned();
        (content_type, answer.bytes().await.unwrap().to_vec())
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::POST, path, Some(body)).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_settings_and_history_over_http() {
    let stage = Stage::new().await;
    let api = Api::new(stage.emulator.admin_url());
    let new = json!({ "by": ANNA, "subject": "Over HTTP", "members": [BERT] });
    let (status, group) = api.post("/groups", new).await;
    let id = group["id"].as_str().unwrap().to_owned();
    assert_eq!(
        (status, &group["subject"], group["members"][0]["role"].as_str()),
        (201, &json!("Over HTTP"), Some("super_admin"))
    );
    let path = format!("/groups/{id}");
    let (status, changed) =
        api.call(Method::PATCH, &path, Some(json!({ "by": ANNA, "announce": true }))).await;
    assert_eq!((status, &changed["announce"]), (200, &json!(true)));
    let (status, refused) =
        api.call(Method::PATCH, &path, Some(json!({ "by": BERT, "subject": "Mine" }))).await;
    assert_eq!((status, &refused["subject"]), (200, &json!("Mine")), "it is not locked");
    let text = json!({ "to": id, "text": "only admins" });
    assert_eq!(api.post(&format!("/phones/{BERT}/messages"), text.clone()).await.1["code"], "refused");
    let sent = api.post(&format!("/phones/{ANNA}/messages"), text).await.1["id"].as_str().unwrap().to_owned();
    let seen = stage.phone_has(BERT, &sent).await;
    assert_eq!((seen.to.as_str(), seen.group.as_deref()), (id.as_str(), Some(id.as_str())));

    let add = json!({ "by": ANNA, "action": "add", "members": [CARL] });
    assert_eq!(api.post(&format!("{path}/members"), add).await.1["members"].as_array().unwrap().len(), 3);
    let leave = json!({ "by": CARL, "action": "remove" });
    assert_eq!(api.post(&format!("{path}/members"), leave).await.1["members"].as_array().unwrap().len(), 2);
    let code = json!({ "code": changed["invite_code"] });
    assert_eq!(api.post(&format!("/phones/{CARL}/join"), code).await.0, 200);
    assert_eq!(api.get("/groups").await.1.as_array().unwrap().len(), 1);
    assert_eq!(api.get("/groups/120300@g.us").await.1["code"], "unknown_group");

    let archive = json!({ "action": "archive", "chat": BERT });
    assert_eq!(api.post(&format!("/phones/{ANNA}/settings"), archive).await.0, 204);
    let settings = api.get(&format!("/phones/{ANNA}/settings")).await.1;
    assert_eq!((&settings[0]["index"][0], &settings[0]["on"]), (&json!("archive"), &json!(true)));
    let nothing = json!({ "action": "fold", "chat": BERT });
    assert_eq!(api.post(&format!("/phones/{ANNA}/settings"), nothing).await.1["code"], "bad_request");
    let past = json!([{ "chat": BERT, "text": "long ago", "at": "2024-05-01T10:00:00Z" }]);
    let (status, kept) = api.call(Method::PUT, &format!("/phones/{ANNA}/history"), Some(past)).await;
    assert_eq!((status, kept), (200, json!({ "messages": 1 })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_path_over_http() {
    let stage = Stage::new().await;
    let api = Api::new(stage.emulator.admin_url());
    assert_eq!(api.get("/healthz").await.0, 200);
    assert_eq!(api.post("/phones", json!({ "phone": "+15550000009", "name": "Dora" })).await.0, 201);
    let (status, again) = api.post("/phones", json!({ "phone": "15550000009", "name": "Another" })).await;
    assert_eq!((status, again["name"].as_str()), (200, Some("Dora")));
    assert_eq!(api.get("/phones").await.1.as_array().unwrap().len(), 4);

    let dora = Companion::start(stage.emulator.ws_url()).await;
    let qr = dora.qr().await;
    let (status, scanned) = api.post("/phones/15550000009/scan", json!({ "qr": qr })).await;
    assert_eq!((status, &scanned["device"]), (200, &json!(1)));
    dora.connected().await;
    let (status, again) = api.post("/phones/15550000009/scan", json!({ "qr": qr })).await;
    assert_eq!((status, again["code"].as_str()), (410, Some("expired_qr")));

    let (status, sent) = api
        .post(
            &format!("/phones/{ANNA}/messages"),
            json!({ "to": "+15550000009", "text": "hi", "id": "HTTP-1" }),
        )
        .await;
    assert_eq!((status, &sent["id"]), (201, &json!("HTTP-1")));
    assert_eq!(dora.message("hi").await.id, "HTTP-1");
    let id = dora.send(ANNA, "hi Anna").await;
    stage.phone_has(ANNA, &id).await;
    let (_, messages) = api.get(&format!("/phones/%2B{ANNA}/messages")).await;
    assert_eq!(messages[0]["body"], "hi Anna");
    assert_eq!(messages[0]["arrivals"], 1);
    assert!(messages[0]["times"]["sent_at"].is_string() && messages[0]["raw"].is_string());

    let read = json!({ "from": "15550000009", "type": "read" });
    assert_eq!(api.post(&format!("/phones/{ANNA}/receipts"), read).await.1, json!({ "ids": [id] }));
    dora.receipt(&id, "Read").await;

    assert_eq!(api.get("/phones/15550000009/devices").await.1[0]["device"], 1);
    assert_eq!(api.call(Method::DELETE, "/phones/15550000009/devices/1", None).await.0, 204);
    assert_eq!(api.get("/phones/15550000009/devices").await.1, json!([]));
    assert_eq!(api.get("/stats").await.1["unanswered"], json!({}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_over_http() {
    let stage = Stage::new().await;
    let api = Api::new(stage.emulator.admin_url());
    let delay = json!({ "kind": "delay", "ms": 5, "phone": ANNA, "count": 3 });
    let (status, answer) = api.post("/faults", delay.clone()).await;
    assert_eq!((status, &answer["faults"]), (200, &json!([delay])));
    assert_eq!(api.post("/faults", json!({ "kind": "replace", "replace": false })).await.0, 200);
    assert_eq!(api.get("/faults").await.1.as_array().unwrap().len(), 2);
    assert_eq!(api.call(Method::DELETE, "/faults", None).await.0, 204);
    assert_eq!(api.get("/faults").await.1, json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_input_gets_a_clear_answer_with_its_own_code() {
    let stage = Stage::new().await;
    let api = Api::new(stage.emulator.admin_url());
    let messages = format!("/phones/{ANNA}/messages");
    let cases = [
        ("/phones", json!({ "phone": "nobody" }), 400, "bad_phone"),
        ("/phones", json!({ "name": "no phone" }), 400, "bad_json"),
        ("/phones", json!({ "phone": 15_550_000_001_u64 }), 400, "bad_json"),
        ("/phones/15559999999/scan", json!({ "qr": "x" }), 404, "unknown_phone"),
        ("/phones/15550000001/scan", json!({ "qr": "x" }), 400, "bad_qr"),
        (messages.as_str(), json!({ "to": "15559999999", "text": "x" }), 404, "unknown_recipient"),
        (messages.as_str(), json!({ "to": BERT, "text": "" }), 400, "bad_request"),
        (messages.as_str(), json!({ "to": BERT, "text": "x".repeat(300_000) }), 400, "bad_request"),
        ("/phones", json!({ "phone": ANNA, "name": "x".repeat(300_000) }), 413, "body_too_large"),
        (messages.as_str(), json!({ "to": BERT, "text": "x", "id": "a b" }), 400, "bad_request"),
        ("/phones/15550000001/receipts", json!({ "from": BERT, "type": "seen" }), 400, "bad_json"),
        ("/faults", json!({ "kind": "earthquake" }), 400, "bad_fault"),
        ("/faults", json!({ "kind": "delay" }), 400, "bad_fault"),
        ("/faults", json!({ "kind": "delay", "ms": 100_000_000 }), 400, "bad_fault"),
        ("/faults", json!({ "kind": "drop_sockets", "phone": "15559999999" }), 404, "unknown_phone"),
        ("/nothing", json!({}), 404, "no_such_route"),
    ];
    for (path, body, status, code) in cases {
        let (got, answer) = api.post(path, body).await;
        assert_eq!((got, answer["code"].as_str()), (status, Some(code)), "{path}");
        assert!(answer["detail"].is_string(), "{path}");
    }
    assert_eq!(api.call(Method::DELETE, "/phones/15550000001/devices/7", None).await.0, 404);
    assert_eq!(api.call(Method::DELETE, "/phones/15550000001/devices/x", None).await.0, 404);
    let answer = api.client.post(format!("{}/phones", api.base)).body("{").send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploaded_media_can_be_fetched_again() {
    let stage = Stage::new().await;
    let api = Api::new(stage.emulator.admin_url());
    let blob = vec![7_u8; 400_000];
    let token = BASE64_URL_SAFE.encode(Sha256::digest(&blob));
    let upload = api
        .client
        .post(format!("{}/mms/image/{token}?auth=x", api.base))
        .body(blob.clone())
        .send()
        .await
        .unwrap();
    let upload: Value = serde_json::from_str(&upload.text().await.unwrap()).unwrap();
    let path = upload["direct_path"].as_str().unwrap();
    let fetched = api.client.get(format!("{}{path}", api.base)).send().await.unwrap();
    assert_eq!(fetched.bytes().await.unwrap(), blob);
    assert_eq!(api.get("/v/image/missing").await.0, 404);
}

fn emulator_process(arguments: &[&str]) -> tokio::process::Command {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_blazz-emulator"));
    command
        .args(arguments)
        .env("RUST_LOG", "info")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_process_says_when_it_is_ready_and_stops_on_sigterm() {
    use std::os::unix::fs::PermissionsExt as _;

    let directory = tempfile::tempdir().unwrap();
    let ready = directory.path().join("ready.json");
    let process = emulator_process(&[
        "--listen",
        "127.0.0.1:0",
        "--admin",
        "127.0.0.1:0",
        "--ready-file",
        ready.to_str().unwrap(),
    ])
    .spawn()
    .unwrap();
    let reading = async {
        while !ready.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.unwrap();
    assert_eq!(std::fs::metadata(&ready).unwrap().permissions().mode() & 0o777, 0o600);
    let said: Value = serde_json::from_slice(&std::fs::read(&ready).unwrap()).unwrap();
    assert_eq!(said["pid"].as_u64(), process.id().map(u64::from));
    assert!(said["ws_url"].as_str().unwrap().starts_with("ws://127.0.0.1:"));
    assert_eq!(Api::new(said["admin_url"].as_str().unwrap().to_owned()).get("/healthz").await.0, 200);

    // With a client connected: its socket does not keep the process.
    let companion = Companion::start(said["ws_url"].as_str().unwrap()).await;
    companion.qr().await;
    let pid = nix::unistd::Pid::from_raw(i32::try_from(process.id().unwrap()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    let output = tokio::time::timeout(PATIENCE, process.wait_with_output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stdout.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_process_refuses_an_address_that_others_can_reach() {
    let output =
        emulator_process(&["--listen", "0.0.0.0:0", "--admin", "127.0.0.1:0"]).output().await.unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("loopback only"));
}
