//! The independent client ([`blazz_test_support::Baileys`]) against a stage's emulator; a step that fails fails the test.

use std::path::Path;

use blazz_test_support::WhatsAppServer;
use serde_json::{Value, json};

use crate::stage::Stage;

/// The client.
pub(crate) struct Baileys(blazz_test_support::Baileys);

impl Baileys {
    /// Starts the client over a directory that holds its session, or will.
    pub(crate) fn start(stage: &Stage, session: &Path) -> Self {
        Self::trusting(&stage.emulator.root_key(), stage, session)
    }

    /// The same, with another idea of who vouches for the server.
    pub(crate) fn trusting(root_key: &str, stage: &Stage, session: &Path) -> Self {
        Self::spawn(root_key, stage, session, false)
    }

    fn spawn(root_key: &str, stage: &Stage, session: &Path, wants_history: bool) -> Self {
        let server = WhatsAppServer {
            ws_url: stage.emulator.ws_url().to_string(),
            root_key: root_key.to_owned(),
            media_url: stage.emulator.admin_url().to_string(),
        };
        Self(blazz_test_support::Baileys::start(&server, session, wants_history).unwrap())
    }

    /// A client of a phone, scanned and connected.
    pub(crate) async fn link(stage: &Stage, phone: &str, session: &Path) -> Self {
        Self::start(stage, session).scanned(stage, phone).await
    }

    /// A client that wants the phone's history, linked.
    pub(crate) async fn link_with_history(stage: &Stage, phone: &str, session: &Path) -> Self {
        Self::spawn(&stage.emulator.root_key(), stage, session, true).scanned(stage, phone).await
    }

    async fn scanned(mut self, stage: &Stage, phone: &str) -> Self {
        let qr = self.event("qr", |_| true).await;
        stage.emulator.scan(phone, qr["qr"].as_str().unwrap()).await.unwrap();
        self.event("open", |_| true).await;
        self
    }

    /// What it said that nobody asked about yet.
    pub(crate) fn heard(&self) -> &[Value] {
        self.0.heard()
    }

    pub(crate) async fn command(&mut self, command: Value) {
        self.0.command(command).await.unwrap();
    }

    /// Waits for an event; others stay for whoever asks next.
    pub(crate) async fn event(&mut self, kind: &str, matches: impl Fn(&Value) -> bool) -> Value {
        self.0.event(kind, matches).await.unwrap()
    }

    /// Waits for an event of whatever kind; others stay for whoever asks next.
    pub(crate) async fn any_event(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        self.0.any_event(what, is_it).await.unwrap()
    }

    /// Sends a message; returns what the client knows of it.
    pub(crate) async fn send(&mut self, to: &str, content: Value) -> Value {
        self.0.send(to, content).await.unwrap()
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
        self.0.message(id).await.unwrap()
    }

    /// Waits until a message of its own has a status.
    pub(crate) async fn receipt(&mut self, id: &Value, status: &str) {
        self.0.receipt(id.as_str().unwrap(), status).await.unwrap();
    }

    /// Ends the client as its user does; the session stays.
    pub(crate) async fn stop(self) {
        self.0.stop().await.unwrap();
    }
}

/// The id of what the client sent.
pub(crate) fn id(message: &Value) -> &str {
    message["id"].as_str().unwrap()
}
