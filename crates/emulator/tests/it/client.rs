//! The independent client as a process: `crates/emulator/tests/baileys/client.mjs`, which says what it understands and answers.

use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::companion::PATIENCE;
use crate::stage::Stage;

/// The client's process.
pub(crate) struct Baileys {
    process: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    /// What it said that nobody asked about yet.
    pub(crate) heard: Vec<Value>,
}

impl Baileys {
    /// Starts the client over a directory that holds its session, or will.
    pub(crate) fn start(stage: &Stage, session: &Path) -> Self {
        Self::trusting(&stage.emulator.root_key(), stage, session)
    }

    /// The same, with another idea of who vouches for the server.
    pub(crate) fn trusting(root_key: &str, stage: &Stage, session: &Path) -> Self {
        Self::spawn(root_key, stage, session, &[])
    }

    fn spawn(root_key: &str, stage: &Stage, session: &Path, more: &[&str]) -> Self {
        let Ok(client) = std::env::var("BLAZZ_TEST_BAILEYS") else {
            panic!(
                "BLAZZ_TEST_BAILEYS names no client.mjs with its packages installed; scripts/test installs them"
            )
        };
        let mut process = Command::new("node")
            .arg(client)
            .args([stage.emulator.ws_url(), root_key, &stage.emulator.admin_url()])
            .arg(session)
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let stdin = process.stdin.take().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, stdin, lines, heard: Vec::new() }
    }

    /// A client of a phone, scanned and connected.
    pub(crate) async fn link(stage: &Stage, phone: &str, session: &Path) -> Self {
        let mut client = Self::start(stage, session);
        let qr = client.event("qr", |_| true).await;
        stage.emulator.scan(phone, qr["qr"].as_str().unwrap()).await.unwrap();
        client.event("open", |_| true).await;
        client
    }

    /// A client that wants the phone's history, linked.
    pub(crate) async fn link_with_history(stage: &Stage, phone: &str, session: &Path) -> Self {
        let mut client = Self::spawn(&stage.emulator.root_key(), stage, session, &["history"]);
        let qr = client.event("qr", |_| true).await;
        stage.emulator.scan(phone, qr["qr"].as_str().unwrap()).await.unwrap();
        client.event("open", |_| true).await;
        client
    }

    pub(crate) async fn command(&mut self, command: Value) {
        self.stdin.write_all(format!("{command}\n").as_bytes()).await.unwrap();
    }

    /// Waits for an event; others stay for whoever asks next.
    pub(crate) async fn event(&mut self, kind: &str, matches: impl Fn(&Value) -> bool) -> Value {
        self.any_event(kind, |event| event["event"] == kind && matches(event)).await
    }

    /// Waits for an event of whatever kind; others stay for whoever asks next.
    pub(crate) async fn any_event(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        if let Some(place) = self.heard.iter().position(&is_it) {
            return self.heard.remove(place);
        }
        let waiting = async {
            loop {
                let line = self.lines.next_line().await.unwrap();
                let Some(line) = line else { panic!("the client ended before {what}") };
                let event: Value = serde_json::from_str(&line).unwrap();
                assert_ne!(event["event"], "failed", "{event}");
                if is_it(&event) {
                    return event;
                }
                self.heard.push(event);
            }
        };
        let found = tokio::time::timeout(PATIENCE, waiting).await;
        found.unwrap_or_else(|_| panic!("waited too long for {what}; heard {:?}", self.heard))
    }

    /// Sends a message; returns what the client knows of it.
    pub(crate) async fn send(&mut self, to: &str, content: Value) -> Value {
        self.command(json!({ "do": "send", "to": to, "content": content })).await;
        self.event("sent", |_| true).await
    }

    /// Calls a method of the client; returns what it returned.
    pub(crate) async fn call(&mut self, method: &str, args: Value) -> Value {
        self.command(json!({ "do": "call", "method": method, "args": args })).await;
        self.event("result", |event| event["method"] == method).await["result"].clone()
    }

    /// Waits for what the client reports by its own name for it.
    pub(crate) async fn report(&mut self, name: &str, matches: impl Fn(&Value) -> bool) -> Value {
        self.event(name, |event| matches(&event["report"])).await["report"].clone()
    }

    /// Waits for a message by its id.
    pub(crate) async fn message(&mut self, id: &str) -> Value {
        self.event("message", |event| event["key"]["id"] == id).await
    }

    /// Waits until a message of its own has a status.
    pub(crate) async fn receipt(&mut self, id: &Value, status: &str) {
        self.event("receipt", |event| event["id"] == *id && event["status"] == status).await;
    }

    /// Ends the client as its user does; the session stays.
    pub(crate) async fn stop(mut self) {
        self.command(json!({ "do": "stop" })).await;
        assert!(self.process.wait().await.unwrap().success());
    }
}

/// The id of what the client sent.
pub(crate) fn id(message: &Value) -> &str {
    message["id"].as_str().unwrap()
}
