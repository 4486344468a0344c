//! Sending and reading messages.

use std::time::Duration;

use anyhow::ensure;
use blazz_domain::{AccountState, SendOutcome};
use blazz_test_support::eventually;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::stage::{Answer, Caller, on_every_stage};

const DEADLINE: Duration = Duration::from_secs(20);

async fn keyed(tenant: &Caller, key: &str, body: &Value) -> anyhow::Result<Answer> {
    Answer::of(tenant.request(Method::POST, "/v1/messages").header("idempotency-key", key).json(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_sent_and_found_again() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let node = stage.node("node-1").await?;
        let tenant = stage.tenant("a").await?;
        let account = tenant.connected_account(&node).await?;
        let sent = tenant.send(&account, "Hello!").await?.created()?;
        let message = sent.json()?;
        ensure!(message["status"] == "sent" && message["content"]["text"] == "Hello!", "{message}");
        ensure!(message["contact_phone"] == "+15550000002", "{message}");
        ensure!(
            node.script(|script| script.sent.clone())
                == [message["provider_message_id"].as_str().unwrap_or_default()],
            "{message}"
        );
        let location = sent.header("location").to_owned();
        ensure!(tenant.get(&location).await?.ok()?.json()? == message, "{location}");
        for path in
            ["/v1/messages".to_owned(), format!("/v1/messages?account_id={account}&status=sent&limit=1")]
        {
            ensure!(tenant.get(&path).await?.ok()?.json()?["data"][0] == message, "{path}");
        }
        ensure!(
            tenant.get("/v1/messages?status=queued").await?.ok()?.json()?["data"] == json!([]),
            "none is queued"
        );
        let conversations = tenant.get("/v1/conversations").await?.ok()?.json()?;
        let conversation = &conversations["data"][0];
        ensure!(conversation["id"] == message["conversation_id"], "{conversations}");
        ensure!(conversation["last_message_preview"] == "Hello!", "{conversations}");
        let path = format!("/v1/conversations/{}/messages", conversation["id"].as_str().unwrap_or_default());
        ensure!(tenant.get(&path).await?.ok()?.json()?["data"] == json!([message]), "{path}");
        let events = tenant.get("/v1/events").await?.ok()?.json()?;
        let kinds: Vec<_> =
            events["data"].as_array().into_iter().flatten().filter_map(|e| e["type"].as_str()).collect();
        ensure!(kinds.first() == Some(&"account.created"), "{kinds:?}");
        ensure!(
            kinds.contains(&"message.created") && kinds.last() == Some(&"message.status.updated"),
            "{kinds:?}"
        );
        Ok(stage)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_gives_the_same_message_again() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let node = stage.node("node-1").await?;
        let tenant = stage.tenant("a").await?;
        let account = tenant.connected_account(&node).await?;
        let body = json!({ "account_id": account, "to": "+1 555 000 0002", "text": "once" });
        let first = keyed(&tenant, "order-42", &body).await?.created()?;
        ensure!(first.header("idempotency-replayed").is_empty(), "{first:?}");
        let again = keyed(&tenant, "order-42", &body).await?.created()?;
        ensure!(again.header("idempotency-replayed") == "true", "{again:?}");
        ensure!(
            again.json()? == first.json()? && again.header("location") == first.header("location"),
            "{again:?}"
        );
        let other = json!({ "account_id": account, "to": "+1 555 000 0002", "text": "twice" });
        keyed(&tenant, "order-42", &other).await?.refuses(422, "idempotency_key_reused")?;
        ensure!(node.script(|script| script.sent.len()) == 1, "one message, one send");
        keyed(&tenant, "order-43", &body).await?.created()?;
        ensure!(node.script(|script| script.sent.len()) == 2, "another key, another message");
        Ok(stage)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_to_a_session_that_is_offline_waits() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let node = stage.node("node-1").await?;
        let tenant = stage.tenant("a").await?;
        let account = tenant.connected_account(&node).await?;
        node.script(|script| script.send = SendOutcome::NotConnected);
        let waiting = tenant.send(&account, "later").await?.is(StatusCode::ACCEPTED)?.json()?;
        ensure!(waiting["status"] == "queued" && waiting["expires_at"].is_string(), "{waiting}");

        tenant.post(&format!("/v1/accounts/{account}/session/stop"), json!({})).await?.ok()?;
        tenant.send(&account, "later still").await?.is(StatusCode::ACCEPTED)?;
        node.script(|script| script.start = AccountState::LoggedOut);
        tenant.post(&format!("/v1/accounts/{account}/session/logout"), json!({})).await?.ok()?;
        tenant.send(&account, "never").await?.refuses(409, "account_logged_out")?;
        Ok(stage)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_message_says_so() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let node = stage.node("node-1").await?;
        let tenant = stage.tenant("a").await?;
        let account = tenant.connected_account(&node).await?;
        node.script(|script| script.send = SendOutcome::Refused { code: 463 });
        let message = tenant.send(&account, "spam").await?.created()?.json()?;
        ensure!(message["status"] == "failed" && message["error"] == "message_refused", "{message}");
        Ok(stage)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_hangs_up_cancels_nothing() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let node = stage.node("node-1").await?;
        let tenant = stage.tenant("a").await?;
        let account = tenant.connected_account(&node).await?;
        node.script(|script| script.send_takes = Duration::from_millis(700));
        let body = json!({ "account_id": account, "to": "+15550000002", "text": "bye" });
        let request =
            tenant.request(Method::POST, "/v1/messages").timeout(Duration::from_millis(300)).json(&body);
        ensure!(request.send().await.is_err(), "the client gave up");
        let message = eventually(DEADLINE, async || {
            let page = tenant.get("/v1/messages?status=sent").await.ok()?.json().ok()?;
            page["data"].get(0).cloned()
        })
        .await?;
        ensure!(message["content"]["text"] == "bye", "{message}");
        ensure!(node.script(|script| script.sent.len()) == 1, "it was sent once");
        Ok(stage)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_waits_for_what_is_under_way() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let node = stage.node("node-1").await?;
        let tenant = stage.tenant("a").await?;
        let account = tenant.connected_account(&node).await?;
        node.script(|script| script.send_takes = Duration::from_millis(500));
        let sending = tokio::spawn({
            let tenant = tenant.clone();
            async move { tenant.send(&account, "last words").await }
        });
        eventually(DEADLINE, async || node.script(|script| (!script.sent.is_empty()).then_some(()))).await?;
        stage.shutdown.soft().cancel();
        let answer = sending.await??.created()?;
        ensure!(answer.json()?["status"] == "sent", "{answer:?}");
        Ok(stage)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_and_reactions_name_the_message_they_are_about() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let node = stage.node("node-1").await?;
        let tenant = stage.tenant("a").await?;
        let account = tenant.connected_account(&node).await?;
        let asked = tenant.send(&account, "Ten o'clock?").await?.created()?.json()?;
        let to = "+15550000002";
        let reply = json!({ "account_id": account, "to": to, "text": "Sharp.", "reply_to": asked["id"] });
        let answer = tenant.post("/v1/messages", reply.clone()).await?.created()?.json()?;
        ensure!(answer["reply_to"]["message_id"] == asked["id"], "{answer}");
        ensure!(answer["reply_to"]["preview"] == "Ten o'clock?", "{answer}");

        let react = |id: &Value, emoji: &str| {
            let reaction = json!({ "message_id": id, "emoji": emoji });
            json!({ "account_id": account, "to": to, "reaction": reaction })
        };
        let reacted = tenant.post("/v1/messages", react(&answer["id"], "👍")).await?.created()?.json()?;
        ensure!(reacted["content"]["kind"] == "reaction" && reacted["status"] == "sent", "{reacted}");
        let path = format!("/v1/messages/{}", answer["id"].as_str().unwrap_or_default());
        let shown = tenant.get(&path).await?.ok()?.json()?;
        ensure!(shown["reactions"][0]["emoji"] == "👍", "{shown}");
        ensure!(shown["reactions"][0]["direction"] == "outbound", "{shown}");

        let unknown = json!("019c1f7e-3c52-7e21-9a56-0f2a8c9d1e08");
        let refused = tenant.post("/v1/messages", react(&unknown, "👍")).await?;
        refused.refuses(404, "message_not_found")?;
        let mut elsewhere = react(&answer["id"], "👍");
        elsewhere["to"] = json!("+15550000009");
        tenant.post("/v1/messages", elsewhere).await?.refuses(422, "wrong_conversation")?;
        let mut both = reply.clone();
        both["reaction"] = react(&answer["id"], "👍")["reaction"].clone();
        let neither = json!({ "account_id": account, "to": to });
        for bad in [both, neither, react(&answer["id"], "not an emoji")] {
            tenant.post("/v1/messages", bad).await?.refuses(400, "invalid_request")?;
        }
        // Of another workspace it is as if it were not there.
        let other = stage.tenant("b").await?;
        let foreign = other.connected_account(&node).await?;
        let mut reaction = react(&answer["id"], "👍");
        reaction["account_id"] = json!(foreign);
        other.post("/v1/messages", reaction).await?.refuses(404, "message_not_found")?;
        Ok(stage)
    })
    .await
}
