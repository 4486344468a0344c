//! Commands that call the API with the operator key.

pub(crate) mod audit;
pub(crate) mod client_version;
pub(crate) mod key;
pub(crate) mod node;
pub(crate) mod session;
pub(crate) mod workspace;

use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use url::Url;

use crate::output;

/// The most pages that a list follows before it stops, against a server that never ends.
const MAX_PAGES: usize = 10_000;

/// Where the API is and how to speak to it.
#[derive(Args, Debug, Clone)]
pub(crate) struct Remote {
    /// The API's address.
    #[arg(long, env = "BLAZZ_API_URL", default_value = "http://127.0.0.1:7000")]
    pub(crate) api_url: Url,
    /// The operator key.
    #[arg(long, env = "BLAZZ_OPERATOR_KEY", hide_env_values = true)]
    pub(crate) operator_key: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Remote {
    /// `GET path`.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.call(Method::GET, path, None).await
    }

    /// `GET path` of a route that is open to everybody.
    pub(crate) async fn get_openly(&self, path: &str) -> anyhow::Result<Value> {
        self.finish(self.request(Method::GET, path)?).await
    }

    /// `POST path` with a JSON body.
    pub(crate) async fn post(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        self.call(Method::POST, path, Some(body)).await
    }

    /// `PUT path` with a JSON body.
    pub(crate) async fn put(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        self.call(Method::PUT, path, Some(body)).await
    }

    /// `PATCH path` with a JSON body.
    pub(crate) async fn patch(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        self.call(Method::PATCH, path, Some(body)).await
    }

    /// `DELETE path`.
    pub(crate) async fn delete(&self, path: &str) -> anyhow::Result<Value> {
        self.call(Method::DELETE, path, None).await
    }

    /// Every row of a paged list.
    pub(crate) async fn list(&self, path: &str) -> anyhow::Result<Vec<Value>> {
        self.list_some(path, usize::MAX).await
    }

    /// The first rows of a paged list, `most` at most.
    pub(crate) async fn list_some(&self, path: &str, most: usize) -> anyhow::Result<Vec<Value>> {
        let sign = if path.contains('?') { '&' } else { '?' };
        let mut rows = Vec::new();
        let mut after: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let mut page = match &after {
                Some(after) => self.get(&format!("{path}{sign}limit=200&after={after}")).await?,
                None => self.get(&format!("{path}{sign}limit=200")).await?,
            };
            let data = page.get_mut("data").map(Value::take).context("the answer has no `data`")?;
            rows.extend(serde_json::from_value::<Vec<Value>>(data)?);
            after = page.get("next").and_then(Value::as_str).map(str::to_owned);
            if after.is_none() || rows.len() >= most {
                rows.truncate(most);
                return Ok(rows);
            }
        }
        bail!("the list does not end")
    }

    /// Prints rows as JSON or as a table of `columns`.
    pub(crate) fn show(&self, rows: Vec<Value>, columns: &[&str]) -> anyhow::Result<()> {
        if self.json { output::json(&Value::Array(rows)) } else { output::table(&rows, columns) }
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        let key = self.operator_key.as_ref();
        let key = key.context("BLAZZ_OPERATOR_KEY is not set; it is the operator's key of the API")?;
        let mut request = self.request(method, path)?.bearer_auth(key);
        if let Some(body) = &body {
            request = request.json(body);
        }
        self.finish(request).await
    }

    fn request(&self, method: Method, path: &str) -> anyhow::Result<RequestBuilder> {
        let url = format!("{}{path}", self.api_url.as_str().trim_end_matches('/'));
        let http = blazz_wire::http_client(Duration::from_secs(5), Duration::from_secs(60))?;
        Ok(http.request(method, &url))
    }

    async fn finish(&self, request: RequestBuilder) -> anyhow::Result<Value> {
        let answer =
            request.send().await.with_context(|| format!("the API at {} does not answer", self.api_url))?;
        let status = answer.status();
        let text = answer.text().await.context("the API's answer broke off")?;
        if status.is_success() {
            return if text.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_str(&text)?) };
        }
        let problem: Value = serde_json::from_str(&text).unwrap_or_default();
        let part = |name: &str| problem.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        bail!("{status}: {} {} ({})", part("title"), part("detail"), part("code"))
    }
}
