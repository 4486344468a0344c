//! The emulator's phones (`docs/emulator.md`).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result};
use reqwest::Method;
use serde_json::{Value, json};

/// The emulator's admin API.
#[derive(Clone)]
pub(crate) struct Phones {
    http: reqwest::Client,
    url: String,
    made: Arc<AtomicUsize>,
}

impl Phones {
    pub(super) fn new(http: reqwest::Client, url: &str) -> Self {
        Self { http, url: url.to_owned(), made: Arc::default() }
    }

    /// A new phone; gives its number.
    pub(crate) async fn add(&self) -> Result<String> {
        let number = format!("1555{:07}", self.made.fetch_add(1, Ordering::Relaxed) + 1);
        self.call(Method::POST, "/phones", json!({ "phone": number, "name": "Phone" })).await?;
        Ok(number)
    }

    /// A new phone that says nothing of what it receives.
    pub(crate) async fn add_silent(&self) -> Result<String> {
        let number = self.add().await?;
        let path = format!("/phones/{number}");
        self.call(Method::PATCH, &path, json!({ "confirms_delivery": false })).await?;
        Ok(number)
    }

    /// Lets a phone scan a QR code.
    pub(crate) async fn scan(&self, number: &str, code: &str) -> Result<()> {
        self.call(Method::POST, &format!("/phones/{number}/scan"), json!({ "qr": code })).await
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> Result<()> {
        let request = self.http.request(method.clone(), format!("{}{path}", self.url)).json(&body);
        let answer = request.send().await?.error_for_status();
        answer.with_context(|| format!("the emulator refused {method} {path}"))?.bytes().await?;
        Ok(())
    }
}
