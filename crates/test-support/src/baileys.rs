//! An independent WhatsApp client, which shares no line with the engine: Baileys, in a process of its own.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// How long it may take to do or to hear something.
const PATIENCE: Duration = Duration::from_secs(40);

/// The client's process: `crates/emulator/tests/baileys/client.mjs`, which says what it understands and answers.
pub struct Baileys {
    process: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    heard: Vec<Value>,
}

/// Where the client finds the server.
#[derive(Debug, Clone)]
pub struct WhatsAppServer {
    /// Its WebSocket.
    pub ws_url: String,
    /// The only root that the client believes, in hex.
    pub root_key: String,
    /// Its media host.
    pub media_url: String,
}

impl Baileys {
    /// Starts the client over a directory that holds its session, or will; `wants_history` is for a new one.
    ///
    /// # Errors
    /// When `BLAZZ_TEST_BAILEYS` does not name an installed client.
    pub fn start(server: &WhatsAppServer, session: &Path, wants_history: bool) -> anyhow::Result<Self> {
        let mut process = Command::new("node")
            .arg(crate::required("BLAZZ_TEST_BAILEYS")?)
            .args([&server.ws_url, &server.root_key, &server.media_url])
            .arg(session)
            .args(wants_history.then_some("history"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdin = process.stdin.take().context("it has no stdin")?;
        let lines = BufReader::new(process.stdout.take().context("it has no stdout")?).lines();
        Ok(Self { process, stdin, lines, heard: Vec::new() })
    }

    /// What it said that nobody asked about yet.
    #[must_use]
    pub fn heard(&self) -> &[Value] {
        &self.heard
    }

    /// Tells it to do something.
    ///
    /// # Errors
    /// When it has ended.
    pub async fn command(&mut self, command: Value) -> anyhow::Result<()> {
        Ok(self.stdin.write_all(format!("{command}\n").as_bytes()).await?)
    }

    /// Waits for an event of a kind; others stay for whoever asks next.
    ///
    /// # Errors
    /// When it does not come in time, or the client says that something failed or ends.
    pub async fn event(&mut self, kind: &str, matches: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        let is_it = |event: &Value| event.get("event").is_some_and(|name| *name == kind) && matches(event);
        self.any_event(kind, is_it).await
    }

    /// Waits for an event of whatever kind; others stay for whoever asks next.
    ///
    /// # Errors
    /// As [`Self::event`].
    pub async fn any_event(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        if let Some(place) = self.heard.iter().position(&is_it) {
            return Ok(self.heard.remove(place));
        }
        let Ok(found) = timeout(PATIENCE, self.next(is_it)).await else {
            bail!("waited too long for {what}; heard {:?}", self.heard)
        };
        found.with_context(|| format!("waiting for {what}"))
    }

    async fn next(&mut self, is_it: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        loop {
            let line = self.lines.next_line().await?.context("the client ended")?;
            let event: Value = serde_json::from_str(&line)?;
            ensure!(event.get("event").is_none_or(|name| name != "failed"), "{event}");
            if is_it(&event) {
                return Ok(event);
            }
            self.heard.push(event);
        }
    }

    /// Sends a message; returns what the client knows of it.
    ///
    /// # Errors
    /// As [`Self::event`].
    pub async fn send(&mut self, to: &str, content: Value) -> anyhow::Result<Value> {
        self.command(json!({ "do": "send", "to": to, "content": content })).await?;
        self.event("sent", |_| true).await
    }

    /// Waits for a message by its id.
    ///
    /// # Errors
    /// As [`Self::event`].
    pub async fn message(&mut self, id: &str) -> anyhow::Result<Value> {
        let is_it = |event: &Value| event.pointer("/key/id").is_some_and(|it| it == id);
        self.event("message", is_it).await
    }

    /// Waits until a message of its own has a status, as the client names it (`DELIVERY_ACK`, `READ`).
    ///
    /// # Errors
    /// As [`Self::event`].
    pub async fn receipt(&mut self, id: &str, status: &str) -> anyhow::Result<()> {
        let says = |event: &Value, field, value: &str| event.get(field).is_some_and(|it| it == value);
        self.event("receipt", |event| says(event, "id", id) && says(event, "status", status)).await?;
        Ok(())
    }

    /// Ends the client as its user does; the session stays.
    ///
    /// # Errors
    /// When it ends otherwise than well.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.command(json!({ "do": "stop" })).await?;
        let status = timeout(PATIENCE, self.process.wait()).await??;
        ensure!(status.success(), "the client ended with {status}");
        Ok(())
    }
}
