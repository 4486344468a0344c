//! Calls to the API and to the emulator of a running stack.

use blazz_domain::AccountId;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Stack, eventually};

/// An answer: its status and its JSON.
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: StatusCode,
    /// The body; `null` when there is none.
    pub(crate) body: Value,
}

impl Stack {
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

    /// Calls the API with the workspace's key and a body of any type; gives the status and the bytes of the answer.
    pub(crate) async fn raw(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: Vec<u8>,
    ) -> (StatusCode, Vec<u8>) {
        let request = self.http.request(method, format!("{}{path}", self.text("api_url")));
        let request = request.bearer_auth(self.text("workspace_key")).header("content-type", content_type);
        let answer = request.body(body).send().await.unwrap();
        (answer.status(), answer.bytes().await.unwrap().to_vec())
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
}

async fn answer(request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
    let answer = request.send().await?;
    let status = answer.status();
    let text = answer.text().await?;
    Ok(Answer { status, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) })
}
