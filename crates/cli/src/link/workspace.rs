//! Calls with a workspace's key.

use std::time::Duration;

use anyhow::{Context as _, bail};
use reqwest::{RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

/// The API, as a workspace meets it.
#[derive(Debug)]
pub(crate) struct Workspace {
    http: reqwest::Client,
    base: String,
    key: String,
}

impl Workspace {
    /// With a key of the workspace.
    pub(crate) fn new(api_url: &Url, key: &str) -> anyhow::Result<Self> {
        let http = blazz_wire::http_client(Duration::from_secs(5), Duration::from_secs(90))?;
        let base = api_url.as_str().trim_end_matches('/').to_owned();
        Ok(Self { http, base, key: key.to_owned() })
    }

    /// `GET`, which must succeed.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let (status, body) = self.call(self.http.get(format!("{}{path}", self.base))).await?;
        succeeded(status, body)
    }

    /// `GET` of what may not be there just now (409).
    pub(crate) async fn find<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<Option<T>> {
        match self.call(self.http.get(format!("{}{path}", self.base))).await? {
            (StatusCode::CONFLICT, _) => Ok(None),
            (status, body) => succeeded(status, body).map(Some),
        }
    }

    /// `POST`, which must succeed.
    pub(crate) async fn post(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        let (status, body) = self.call(self.http.post(format!("{}{path}", self.base)).json(&body)).await?;
        succeeded(status, body)
    }

    async fn call(&self, request: RequestBuilder) -> anyhow::Result<(StatusCode, Value)> {
        let answer = request.bearer_auth(&self.key).send().await;
        let answer = answer.with_context(|| format!("the API at {} does not answer", self.base))?;
        let status = answer.status();
        let text = answer.text().await.context("the API's answer broke off")?;
        Ok((status, serde_json::from_str(&text).unwrap_or_default()))
    }
}

fn succeeded<T: DeserializeOwned>(status: StatusCode, body: Value) -> anyhow::Result<T> {
    if status.is_success() {
        return serde_json::from_value(body).context("the API's answer is not understood");
    }
    let part = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    bail!("{status}: {} {} ({})", part("title"), part("detail"), part("code"))
}
