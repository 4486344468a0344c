//! What the tool calls: the REST API as a tenant does, with another replica when one does not answer, and the emulator's phones.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use blazz_domain::AccountId;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::fleet::Fleet;

/// How long one try of a call may take: a replica that hangs is given up.
const PATIENCE: Duration = Duration::from_secs(12);

/// An answer of the API: its status and its JSON.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

/// The REST API with one key.
#[derive(Clone)]
pub struct Tenant {
    http: reqwest::Client,
    urls: Arc<[String]>,
    turn: Arc<AtomicUsize>,
    key: String,
}

#[derive(Deserialize)]
struct Made<T> {
    id: T,
}

impl Tenant {
    /// A new workspace and a key of it.
    ///
    /// # Errors
    /// When the API refuses.
    pub async fn create(fleet: &Fleet, name: &str) -> Result<Self> {
        let operator = Self::operator(fleet);
        let made = operator.must(Method::POST, "/v1/workspaces", Some(json!({ "name": name }))).await?;
        let path = format!("/v1/workspaces/{}/keys", text(&made, "id")?);
        let key = operator.must(Method::POST, &path, Some(json!({ "name": name }))).await?;
        Ok(Self { key: text(&key, "secret")?, ..operator })
    }

    /// The API with the operator's key.
    #[must_use]
    pub fn operator(fleet: &Fleet) -> Self {
        let (http, key) = (fleet.http.clone(), fleet.operator_key().to_owned());
        Self { http, urls: fleet.api_urls.clone().into(), turn: Arc::default(), key }
    }

    /// A new account.
    ///
    /// # Errors
    /// When the API refuses.
    pub async fn create_account(&self, name: &str) -> Result<AccountId> {
        let made = self.must(Method::POST, "/v1/accounts", Some(json!({ "name": name }))).await?;
        Ok(serde_json::from_value::<Made<_>>(made)?.id)
    }

    /// One call that must succeed.
    ///
    /// # Errors
    /// When it does not.
    pub async fn must(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let answer = self.call(method.clone(), path, body, None).await?;
        ensure!(answer.status.is_success(), "{method} {path}: {} {}", answer.status, answer.body);
        Ok(answer.body)
    }

    /// One call to the replica whose turn it is; the next call goes to the next one.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        idempotency_key: Option<&str>,
    ) -> Result<Answer> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let url = self.urls.get(turn % self.urls.len().max(1)).context("there is no API")?;
        let mut request =
            self.http.request(method, format!("{url}{path}")).bearer_auth(&self.key).timeout(PATIENCE);
        if let Some(key) = idempotency_key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        Ok(Answer { status, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) })
    }
}

fn text(value: &Value, field: &str) -> Result<String> {
    let text = value.get(field).and_then(Value::as_str);
    Ok(text.with_context(|| format!("the API's answer has no {field}"))?.to_owned())
}

/// The emulator's admin API.
#[derive(Clone)]
pub struct Phones {
    http: reqwest::Client,
    url: String,
}

/// What a phone shows of a message.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Shown {
    /// The sender's number.
    pub(crate) from: String,
    pub(crate) body: String,
    /// How often it came under this id.
    pub(crate) arrivals: usize,
}

impl Phones {
    /// Those of a fleet's emulator.
    #[must_use]
    pub fn of(fleet: &Fleet) -> Self {
        Self { http: fleet.http.clone(), url: fleet.emulator_url.clone() }
    }

    /// A new phone.
    ///
    /// # Errors
    /// When the emulator refuses.
    pub async fn add(&self, number: &str) -> Result<()> {
        self.post("/phones", json!({ "phone": number, "name": "Phone" })).await.map(drop)
    }

    /// Lets a phone scan a QR code.
    ///
    /// # Errors
    /// When the emulator refuses.
    pub async fn scan(&self, number: &str, code: &str) -> Result<()> {
        self.post(&format!("/phones/{number}/scan"), json!({ "qr": code })).await.map(drop)
    }

    /// Lets a phone send a text; WhatsApp has it when this returns.
    ///
    /// # Errors
    /// When the emulator refuses.
    pub async fn send(&self, from: &str, to: &str, text: &str) -> Result<()> {
        self.post(&format!("/phones/{from}/messages"), json!({ "to": to, "text": text })).await.map(drop)
    }

    /// Turns a fault on.
    ///
    /// # Errors
    /// When the emulator refuses.
    pub async fn fault(&self, fault: Value) -> Result<()> {
        self.post("/faults", fault).await.map(drop)
    }

    /// What a phone has received.
    pub(crate) async fn messages(&self, number: &str) -> Result<Vec<Shown>> {
        self.get(&format!("/phones/{number}/messages")).await
    }

    /// Any `GET`.
    ///
    /// # Errors
    /// When the emulator refuses.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let answer = self.request(Method::GET, path).send().await?.error_for_status();
        Ok(answer.with_context(|| format!("the emulator refused GET {path}"))?.json().await?)
    }

    /// On a connection of its own: one that is kept may be closed by the emulator just when it is used again, and what a phone sends must
    /// not be sent twice.
    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).header("connection", "close")
    }

    async fn post(&self, path: &str, body: Value) -> Result<Value> {
        let answer = self.request(Method::POST, path).json(&body).send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        if !status.is_success() {
            bail!("the emulator refused POST {path}: {status} {text}");
        }
        Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
    }
}
