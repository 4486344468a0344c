//! The binary itself: how it refuses, what it says it is, how it ends.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use blazz_domain::{AccountState, ErrorCode, Incarnation};
use blazz_wire::node_api::StartSession;
use blazz_wire::request_id::RequestId;

use crate::stage::{ANNA, BERT, Stage, message};
use crate::until::until;

fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_blazz-session-node-sandbox"));
    command.env_clear();
    command
}

fn complete() -> Command {
    let mut command = binary();
    command
        .env("BLAZZ_NODE_ID", "node-1")
        .env("BLAZZ_NODE_SECRET", "5a".repeat(32))
        .env("BLAZZ_STORAGE_KEY", "5b".repeat(32))
        .env("BLAZZ_API_URL", "http://127.0.0.1:9")
        .env("BLAZZ_SESSION_ROOT", "/dev/null/nowhere")
        .env("BLAZZ_WHATSAPP_ENDPOINT", "ws://127.0.0.1:9/ws/chat");
    command
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn without_its_secret_it_refuses_and_names_the_variable() {
    let output = complete().env_remove("BLAZZ_NODE_SECRET").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("BLAZZ_NODE_SECRET is not set"), "{}", stderr(&output));
}

#[test]
fn the_sandbox_refuses_every_endpoint_but_the_emulators() {
    for endpoint in ["", "wss://web.whatsapp.com/ws/chat", "ws://192.0.2.1/ws/chat"] {
        let output = complete().env("BLAZZ_WHATSAPP_ENDPOINT", endpoint).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{endpoint}");
        assert!(stderr(&output).contains("BLAZZ_WHATSAPP_ENDPOINT"), "{}", stderr(&output));
    }
}

#[test]
fn a_session_root_that_cannot_be_opened_ends_it_after_it_said_what_it_is() {
    let output = complete().output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("this is the sandbox build"), "{said}");
    assert!(said.contains("/dev/null/nowhere"), "{said}");
    assert!(!said.contains(&"5a".repeat(32)), "a secret in the log");
}

#[test]
fn help_and_version_need_no_settings() {
    let help = binary().arg("--help").output().unwrap();
    assert!(help.status.success() && String::from_utf8_lossy(&help.stdout).contains("BLAZZ_NODE_SECRET"));
    let version = binary().arg("--version").output().unwrap();
    assert!(String::from_utf8_lossy(&version.stdout).contains(env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_production_binary_with_the_sandbox_feature_refuses_to_run() {
    let output = Command::new(env!("CARGO_BIN_EXE_blazz-session-node")).env_clear().output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("sandbox"), "{}", stderr(&output));
}

/// A running binary; killed if a test fails.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

async fn launch(stage: &Stage) -> Running {
    launch_with(stage, |_| {}).await
}

async fn launch_with(stage: &Stage, change: impl FnOnce(&mut Command)) -> Running {
    let secret = stage.secret.node_secret(&stage.node_id()).to_hex();
    let mut command = binary();
    command
        .env("BLAZZ_NODE_ID", stage.node_id().as_str())
        .env("BLAZZ_NODE_SECRET", secret)
        .env("BLAZZ_STORAGE_KEY", "5b".repeat(32))
        .env("BLAZZ_NODE_LISTEN", "127.0.0.1:0")
        .env("BLAZZ_API_URL", stage.control.url())
        .env("BLAZZ_SESSION_ROOT", stage.session_root())
        .env("BLAZZ_WHATSAPP_ENDPOINT", stage.emulator.ws_url())
        .env("BLAZZ_READY_FILE", stage.ready_file());
    change(&mut command);
    Running(command.spawn().unwrap())
}

/// Launches it with its log in a file.
async fn launch_logged(stage: &Stage, filter: &str) -> (Running, PathBuf) {
    let log = stage.session_root().with_extension("log");
    let file = std::fs::File::create(&log).unwrap();
    let running = launch_with(stage, move |command| {
        command.stderr(file).env("BLAZZ_LOG", filter);
    });
    (running.await, log)
}

async fn exit_code(running: &mut Running) -> Option<i32> {
    until("the process to end", async || running.0.try_wait().unwrap()).await.code()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_process_ends_with_a_code_of_its_own() {
    let stage = Stage::new().await;
    stage.control.script(|script| script.refuse = Some((Incarnation(8), ErrorCode::Superseded)));
    let mut running = launch(&stage).await;
    assert_eq!(exit_code(&mut running).await, Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_a_process_in_order_and_kill_loses_no_session() {
    let stage = Stage::new().await;
    let node = stage.start().await;
    let lease = stage.link(&node, ANNA).await;
    node.end().await.unwrap();

    stage.assign(&[lease]);
    stage.control.script(|script| script.reports.clear());
    let mut running = launch(&stage).await;
    stage.control.reported(lease.account_id, AccountState::Connected).await;
    stage.control.close_to_events();
    stage.writes(BERT, ANNA, "before the kill").await;
    stage.acknowledged_by(ANNA).await;
    running.0.kill().unwrap();
    running.0.wait().unwrap();

    stage.control.script(|script| script.reports.clear());
    stage.control.open_to_events();
    let mut running = launch(&stage).await;
    stage.control.reported(lease.account_id, AccountState::Connected).await;
    assert_eq!(stage.control.texts(lease.account_id, 1).await, ["before the kill"]);

    let pid = running.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert_eq!(exit_code(&mut running).await, Some(0));
    assert_eq!(stage.control.report(lease.account_id).unwrap().state, AccountState::Disconnected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_api_asks_for_is_in_the_log_under_the_apis_own_id() {
    let stage = Stage::new().await;
    let (_running, log) = launch_logged(&stage, "info").await;
    let client = stage.client(&stage.url().await);
    let (lease, start) = (stage.lease(), StartSession::new(false));
    let (asked, read) = (RequestId::generate(), RequestId::generate());
    until("the node to be registered", async || client.start(&lease, &start, &asked).await.ok()).await;
    client.state(&lease, &read).await.unwrap();
    let text = until("the line", async || {
        let text = std::fs::read_to_string(&log).unwrap();
        text.contains(asked.as_str()).then_some(text)
    })
    .await;
    let line = text.lines().find(|line| line.contains(asked.as_str()) && line.contains("status=200"));
    let line = line.unwrap_or_else(|| panic!("no line of the served call in\n{text}"));
    for part in ["INFO", "method=PUT", "route=\"/internal/v1/sessions/{account_id}\"", "elapsed_ms="] {
        assert!(line.contains(part), "{part} is missing in {line}");
    }
    assert!(!text.contains(read.as_str()), "reads are quiet");
    assert!(!text.contains("/heartbeat"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_names_no_phone_even_when_it_tells_everything() {
    let stage = Stage::new().await;
    let (_running, log) = launch_logged(&stage, "trace").await;
    let client = stage.client(&stage.url().await);
    let (lease, start, id) = (stage.lease(), StartSession::new(false), RequestId::generate());
    until("the node to be registered", async || client.start(&lease, &start, &id).await.ok()).await;
    let qr = client.qr(&lease, Duration::from_secs(20), &id).await.unwrap();
    stage.emulator.scan(ANNA, &qr.text).await.unwrap();
    stage.control.reported(lease.account_id, AccountState::Connected).await;
    stage.writes(BERT, ANNA, "our secret words").await;
    stage.control.texts(lease.account_id, 1).await;
    client.send(&lease, &message(BERT, "3EB0000000000000000009", "my secret words"), &id).await.unwrap();
    client.stop(&lease, &id).await.unwrap();
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(text.contains("the session is open"), "{text}");
    for secret in [ANNA, BERT, "secret words"] {
        let told = text.lines().find(|line| line.contains(secret));
        assert_eq!(told, None, "{secret} is in the log");
    }
}
