//! A running `blazz up` of a test's own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use blazz_domain::AccountId;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// How long a state may take to come about.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// Where the data lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    /// A file, and the bus in process.
    Sqlite,
    /// A database of the test's own, and Redis.
    Postgres,
}

/// Both.
pub(crate) const BACKENDS: [Backend; 2] = [Backend::Sqlite, Backend::Postgres];

/// A running stack; stopped when dropped.
pub(crate) struct Stack {
    child: Child,
    dir: tempfile::TempDir,
    http: reqwest::Client,
}

/// An answer: its status and its JSON.
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// The body; `null` when there is none.
    pub(crate) body: Value,
}

impl Stack {
    /// Starts everything and waits until it is up.
    pub(crate) async fn start(backend: Backend) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new(program("blazz"));
        command.args(["up", "--port", "0", "--dir"]).arg(dir.path());
        if backend == Backend::Postgres {
            command.args([
                "--database-url",
                &fresh_postgres(),
                "--redis-url",
                &required("BLAZZ_TEST_REDIS_URL"),
            ]);
        }
        let log = std::fs::File::create(dir.path().join("up.log")).unwrap();
        let child =
            command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let http = blazz_wire::http_client(Duration::from_secs(2), Duration::from_secs(60)).unwrap();
        let mut stack = Self { child, dir, http };
        eventually("the stack is up", async || {
            assert!(stack.child.try_wait().unwrap().is_none(), "{}", stack.logs());
            stack.dir.path().join("up.json").exists().then_some(())
        })
        .await;
        stack
    }

    /// What `up.json` says just now.
    pub(crate) fn up(&self) -> Value {
        serde_json::from_str(&std::fs::read_to_string(self.dir.path().join("up.json")).unwrap()).unwrap()
    }

    /// A text of `up.json`.
    pub(crate) fn text(&self, name: &str) -> String {
        self.up()[name].as_str().unwrap().to_owned()
    }

    /// Its directory.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The process id of `api`, `emulator`, `node-1` …
    pub(crate) fn pid(&self, name: &str) -> Pid {
        Pid::from_raw(i32::try_from(self.up()["pids"][name].as_i64().unwrap()).unwrap())
    }

    /// Sends a signal to a process.
    pub(crate) fn signal(&self, name: &str, signal: Signal) {
        kill(self.pid(name), signal).unwrap();
    }

    /// Kills a process outright and waits until another one runs in its place.
    pub(crate) async fn kill(&self, name: &str) {
        let old = self.pid(name);
        kill(old, Signal::SIGKILL).unwrap();
        eventually("the killed process is started again", async || (self.pid(name) != old).then_some(()))
            .await;
    }

    /// Calls the API with the workspace's key.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> reqwest::Result<Answer> {
        self.call_with(&self.text("workspace_key"), method, path, body).await
    }

    /// Calls the API with any key.
    pub(crate) async fn call_with(
        &self,
        key: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> reqwest::Result<Answer> {
        let mut request =
            self.http.request(method, format!("{}{path}", self.text("api_url"))).bearer_auth(key);
        if let Some(body) = body {
            request = request.json(&body);
        }
        answer(request).await
    }

    /// `GET`, which must succeed.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = self.call(Method::GET, path, None).await.unwrap();
        assert!(answer.status.is_success(), "GET {path}: {} {}", answer.status, answer.body);
        answer.body
    }

    /// `POST`, which must succeed.
    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        let answer = self.call(Method::POST, path, Some(body)).await.unwrap();
        assert!(answer.status.is_success(), "POST {path}: {} {}", answer.status, answer.body);
        answer.body
    }

    /// Calls the emulator, which must succeed.
    pub(crate) async fn emulator(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let mut request = self.http.request(method, format!("{}{path}", self.text("emulator_url")));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = answer(request).await.unwrap();
        assert!(answer.status.is_success(), "emulator {path}: {} {}", answer.status, answer.body);
        answer.body
    }

    /// Turns a phone on.
    pub(crate) async fn phone(&self, phone: &str) {
        self.emulator(
            Method::POST,
            "/phones",
            Some(json!({ "phone": phone, "name": format!("Phone {phone}") })),
        )
        .await;
    }

    /// Creates an account and links it to `phone` by its QR code.
    pub(crate) async fn link(&self, phone: &str) -> AccountId {
        self.phone(phone).await;
        let made = self.post("/v1/accounts", json!({ "name": "Shop" })).await;
        let account: AccountId = made["id"].as_str().unwrap().parse().unwrap();
        self.post(&format!("/v1/accounts/{account}/session/start"), json!({})).await;
        let qr = self.get(&format!("/v1/accounts/{account}/session/qr?wait=20")).await;
        self.emulator(Method::POST, &format!("/phones/{phone}/scan"), Some(json!({ "qr": qr["text"] })))
            .await;
        self.until_state(account, "connected").await;
        account
    }

    /// Waits until an account's session is in a state.
    pub(crate) async fn until_state(&self, account: AccountId, state: &str) {
        eventually(&format!("the session is {state}"), async || {
            let answer = self.call(Method::GET, &format!("/v1/accounts/{account}"), None).await.ok()?;
            (answer.body["state"] == state).then_some(())
        })
        .await;
    }

    /// Waits until a message has a status; gives the message.
    pub(crate) async fn until_status(&self, message: &str, status: &str) -> Value {
        eventually(&format!("the message is {status}"), async || {
            let answer = self.call(Method::GET, &format!("/v1/messages/{message}"), None).await.ok()?;
            (answer.body["status"] == status).then_some(answer.body)
        })
        .await
    }

    /// What a phone has received.
    pub(crate) async fn inbox(&self, phone: &str) -> Vec<Value> {
        let list = self.emulator(Method::GET, &format!("/phones/{phone}/messages"), None).await;
        list.as_array()
            .or_else(|| list["messages"].as_array())
            .or_else(|| list["data"].as_array())
            .unwrap()
            .clone()
    }

    /// The texts of an account's only conversation, oldest first.
    pub(crate) async fn conversation_texts(&self, direction: &str) -> Vec<String> {
        let conversations = self.get("/v1/conversations").await;
        let Some(conversation) = conversations["data"].get(0) else { return vec![] };
        let mut texts = Vec::new();
        let mut after = String::new();
        loop {
            let id = conversation["id"].as_str().unwrap();
            let page = self.get(&format!("/v1/conversations/{id}/messages?limit=200{after}")).await;
            for message in page["data"].as_array().unwrap() {
                if message["direction"] == direction {
                    texts.push(message["content"]["text"].as_str().unwrap().to_owned());
                }
            }
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        texts.reverse();
        texts
    }

    /// Every log, for a failed test.
    fn logs(&self) -> String {
        let mut out = std::fs::read_to_string(self.dir.path().join("up.log")).unwrap_or_default();
        for entry in std::fs::read_dir(self.dir.path().join("logs")).into_iter().flatten().flatten() {
            let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
            let tail: Vec<&str> = text.lines().rev().take(40).collect();
            out.push_str(&format!("\n── {} ──\n", entry.file_name().to_string_lossy()));
            out.extend(tail.into_iter().rev().flat_map(|line| [line, "\n"]));
        }
        out
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.logs());
        }
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap_or(0));
        let _ = kill(pid, Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

async fn answer(request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
    let answer = request.send().await?;
    let status = answer.status();
    let text = answer.text().await?;
    Ok(Answer { status, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) })
}

/// A program of this build.
pub(crate) fn program(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_blazz")).with_file_name(name);
    assert!(path.is_file(), "{} is not built; run scripts/test", path.display());
    path
}

/// A variable that `scripts/test` sets.
pub(crate) fn required(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set; run the tests with scripts/test"))
}

/// An empty database on the test server.
fn fresh_postgres() -> String {
    let base = required("BLAZZ_TEST_POSTGRES_URL");
    let name = format!("up_{}", AccountId::new().0.simple());
    let made = Command::new("psql")
        .args([&format!("{base}/postgres"), "-qc", &format!("CREATE DATABASE {name}")])
        .status();
    assert!(made.unwrap().success(), "cannot create a database");
    format!("{base}/{name}")
}

/// Waits until `check` gives something; fails after [`PATIENCE`].
pub(crate) async fn eventually<T>(what: &str, mut check: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = check().await {
            return found;
        }
        assert!(Instant::now() < deadline, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
