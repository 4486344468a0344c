//! The tenant's calls.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use blazz_domain::{AccountId, MessageId};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::PATIENCE;

/// The REST API with one workspace's key.
#[derive(Clone)]
pub(crate) struct Api {
    http: reqwest::Client,
    url: String,
    key: String,
}

#[derive(Deserialize)]
struct Made<T> {
    id: T,
}

#[derive(Deserialize)]
struct Code {
    text: String,
}

impl Api {
    pub(super) fn new(http: reqwest::Client, url: &str, key: &str) -> Self {
        Self { http, url: url.to_owned(), key: key.to_owned() }
    }

    /// A new account.
    pub(crate) async fn create_account(&self) -> Result<AccountId> {
        let made = self.call(Method::POST, "/v1/accounts", Some(json!({ "name": "bench" }))).await?;
        Ok(serde_json::from_value::<Made<_>>(made)?.id)
    }

    /// Starts its session.
    pub(crate) async fn start(&self, account: AccountId) -> Result<()> {
        let path = format!("/v1/accounts/{account}/session/start");
        self.call(Method::POST, &path, Some(json!({}))).await.map(drop)
    }

    /// Its QR code, once there is one.
    pub(crate) async fn qr(&self, account: AccountId) -> Result<String> {
        let path = format!("/v1/accounts/{account}/session/qr?wait=20");
        Ok(serde_json::from_value::<Code>(self.call(Method::GET, &path, None).await?)?.text)
    }

    /// Waits until its session is connected.
    pub(crate) async fn until_connected(&self, account: AccountId) -> Result<()> {
        let path = format!("/v1/accounts/{account}");
        self.until(&path, "state", &["connected"], Duration::from_millis(20)).await
    }

    /// Sends a text and demands that WhatsApp's server has acknowledged it.
    pub(crate) async fn send(&self, account: AccountId, to: &str, text: &str) -> Result<MessageId> {
        let body = json!({ "account_id": account, "to": to, "text": text });
        let message = self.call(Method::POST, "/v1/messages", Some(body)).await?;
        let status = message.get("status").and_then(Value::as_str).unwrap_or_default();
        ensure!(matches!(status, "sent" | "delivered"), "a message was answered as {status:?}");
        Ok(serde_json::from_value::<Made<_>>(message)?.id)
    }

    /// Waits until a message was delivered; looks seldom, so that the looking costs the API little.
    pub(crate) async fn until_delivered(&self, message: MessageId) -> Result<()> {
        let path = format!("/v1/messages/{message}");
        self.until(&path, "status", &["delivered", "read"], Duration::from_millis(200)).await
    }

    /// Logs an account out and deletes it.
    pub(crate) async fn delete(&self, account: AccountId) -> Result<()> {
        self.call(Method::DELETE, &format!("/v1/accounts/{account}"), None).await.map(drop)
    }

    async fn until(&self, path: &str, field: &str, wanted: &[&str], pause: Duration) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.call(Method::GET, path, None).await?;
            let found = found.get(field).and_then(Value::as_str).unwrap_or_default();
            if wanted.contains(&found) {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "GET {path}: {field} stays {found:?}");
            sleep(pause).await;
        }
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let mut request =
            self.http.request(method.clone(), format!("{}{path}", self.url)).bearer_auth(&self.key);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.with_context(|| format!("{method} {path}"))?;
        let (status, text) = (answer.status(), answer.text().await?);
        if !status.is_success() {
            bail!("{method} {path}: {status} {text}");
        }
        if status == StatusCode::NO_CONTENT {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).with_context(|| format!("{method} {path}: no JSON"))
    }
}
