//! A running API on a database of its own, and those who call it.

use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use blazz_api::{Api, Config};
use blazz_domain::AccountState;
use blazz_telemetry::Shutdown;
use blazz_test_support::TestDatabase;
use blazz_wire::keys::FleetSecret;
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::node::Node;

pub(crate) const OPERATOR: &str = "blzop_0123456789abcdef0123456789abcdef";

/// The most bytes of a file.
pub(crate) const MOST_BYTES: usize = 2_000_000;

/// One API with everything it needs.
pub(crate) struct Stage {
    pub(crate) address: SocketAddr,
    pub(crate) fleet: FleetSecret,
    pub(crate) shutdown: Shutdown,
    api: Api,
    http: reqwest::Client,
    /// Where its files are.
    _files: tempfile::TempDir,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// A caller with a key.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) http: reqwest::Client,
    pub(crate) base: String,
    pub(crate) key: String,
    pub(crate) workspace_id: String,
}

/// Runs a test on a fresh stage for every backend: SQLite with the bus in process, PostgreSQL with Redis.
pub(crate) async fn on_every_stage<F: Future<Output = anyhow::Result<Stage>>>(
    test: impl Fn(Stage) -> F,
) -> anyhow::Result<()> {
    blazz_test_support::for_each_database(async |database| {
        let stage = Stage::start(database).await?;
        test(stage).await?.end().await
    })
    .await
}

impl Stage {
    /// Without limits: tests call more than tenants may.
    pub(crate) async fn start(database: &TestDatabase) -> anyhow::Result<Self> {
        let unlimited = [("BLAZZ_REQUESTS_PER_MINUTE", "0"), ("BLAZZ_REFUSED_KEYS_PER_MINUTE", "0")];
        Self::start_with(database, &unlimited).await
    }

    /// With settings of the test's own; an empty one is not set.
    pub(crate) async fn start_with(
        database: &TestDatabase,
        settings: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let fleet = FleetSecret::generate();
        let files = tempfile::tempdir()?;
        let variables = [
            ("BLAZZ_MEDIA_DIR", files.path().display().to_string()),
            ("BLAZZ_MEDIA_MAX_BYTES", MOST_BYTES.to_string()),
            ("BLAZZ_API_LISTEN", "127.0.0.1:0".to_owned()),
            ("BLAZZ_API_WORKERS", "1".to_owned()),
            ("BLAZZ_DATABASE_URL", database.url().to_owned()),
            ("BLAZZ_OPERATOR_KEY", OPERATOR.to_owned()),
            ("BLAZZ_FLEET_SECRET", fleet.to_hex()),
            ("BLAZZ_WHATSAPP_VERSION", "2.3000.1".to_owned()),
        ];
        let mut variables: HashMap<_, _> =
            variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        if !database.pool().is_sqlite() {
            variables.insert("BLAZZ_REDIS_URL".to_owned(), blazz_test_support::redis_url()?);
        }
        variables.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let config = Config::from_variables(&variables)?;
        let shutdown = Shutdown::new();
        let api = Api::start(&config, shutdown.clone()).await?;
        let http = blazz_wire::http_client(Duration::from_secs(2), Duration::from_secs(30))?;
        Ok(Self { address: api.address(), fleet, shutdown, api, http, _files: files })
    }

    /// Ends the API and waits for its end.
    pub(crate) async fn end(self) -> anyhow::Result<()> {
        self.shutdown.soft().cancel();
        self.api.ended().await
    }

    pub(crate) fn with_key(&self, key: &str) -> Caller {
        Caller {
            http: self.http.clone(),
            base: format!("http://{}", self.address),
            key: key.to_owned(),
            workspace_id: String::new(),
        }
    }

    pub(crate) fn operator(&self) -> Caller {
        self.with_key(OPERATOR)
    }

    /// A new workspace with a key.
    pub(crate) async fn tenant(&self, name: &str) -> anyhow::Result<Caller> {
        let operator = self.operator();
        let workspace_id = operator.post("/v1/workspaces", json!({ "name": name })).await?.created()?.id()?;
        let path = format!("/v1/workspaces/{workspace_id}/keys");
        let key = operator.post(&path, json!({ "name": "test" })).await?.created()?.json()?;
        let key = key["secret"].as_str().context("a secret")?.to_owned();
        Ok(Caller { key, workspace_id, ..operator })
    }

    pub(crate) async fn node(&self, name: &str) -> anyhow::Result<Node> {
        Node::start(name, self.address, &self.fleet).await
    }
}

impl Caller {
    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.key)
    }

    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        Answer::of(self.request(Method::GET, path)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> anyhow::Result<Answer> {
        Answer::of(self.request(Method::DELETE, path)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> anyhow::Result<Answer> {
        Answer::of(self.request(Method::PATCH, path).json(&body)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> anyhow::Result<Answer> {
        Answer::of(self.request(Method::POST, path).json(&body)).await
    }

    /// A new account's id.
    pub(crate) async fn account(&self, name: &str) -> anyhow::Result<String> {
        self.post("/v1/accounts", json!({ "name": name })).await?.created()?.id()
    }

    /// A new account that is linked and connected on `node`.
    pub(crate) async fn connected_account(&self, node: &Node) -> anyhow::Result<String> {
        node.script(|script| script.start = AccountState::Connected);
        let id = self.account("Sales").await?;
        let session =
            self.post(&format!("/v1/accounts/{id}/session/start"), json!({})).await?.ok()?.json()?;
        ensure!(session["state"] == "connected", "{session}");
        Ok(id)
    }

    pub(crate) async fn send(&self, account_id: &str, text: &str) -> anyhow::Result<Answer> {
        self.post("/v1/messages", json!({ "account_id": account_id, "to": "+15550000002", "text": text }))
            .await
    }
}

impl Answer {
    pub(crate) async fn of(request: reqwest::RequestBuilder) -> anyhow::Result<Self> {
        let response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        Ok(Self { status, headers, body: response.bytes().await?.to_vec() })
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| self.text())
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(crate) fn id(&self) -> anyhow::Result<String> {
        Ok(self.json()?["id"].as_str().context("an id")?.to_owned())
    }

    pub(crate) fn ok(self) -> anyhow::Result<Self> {
        self.is(StatusCode::OK)
    }

    pub(crate) fn created(self) -> anyhow::Result<Self> {
        self.is(StatusCode::CREATED)
    }

    pub(crate) fn is(self, status: StatusCode) -> anyhow::Result<Self> {
        ensure!(self.status == status, "{} instead of {status}: {}", self.status, self.text());
        Ok(self)
    }

    /// Checks that this is a whole and well-formed problem with this status and code.
    pub(crate) fn refuses(&self, status: u16, code: &str) -> anyhow::Result<Value> {
        let problem = self.json()?;
        ensure!(self.header("content-type") == "application/problem+json", "{:?}", self.headers);
        ensure!(self.status.as_u16() == status && problem["code"] == code, "{} {problem}", self.status);
        ensure!(problem["status"] == status, "{problem}");
        ensure!(problem["title"].as_str().is_some_and(|title| !title.is_empty()), "{problem}");
        ensure!(problem["request_id"] == self.header("x-request-id"), "{problem}");
        ensure!(!self.header("x-request-id").is_empty(), "an answer names its request");
        Ok(problem)
    }
}
