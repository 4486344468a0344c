//! `X-Request-Id`: kept when sane, made up otherwise, in every answer, carried to the node.

use anyhow::ensure;
use reqwest::Method;
use serde_json::json;

use crate::stage::{Answer, on_every_stage};

#[tokio::test(flavor = "multi_thread")]
async fn a_sane_id_is_kept_and_any_other_is_replaced() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let tenant = stage.tenant("a").await?;
        for path in ["/healthz", "/v1/accounts", "/v1/accounts/nope", "/nowhere", "/internal/v1/register"] {
            let kept =
                Answer::of(tenant.request(Method::GET, path).header("x-request-id", "trace-7")).await?;
            ensure!(kept.header("x-request-id") == "trace-7", "{path}: {kept:?}");
            let made = tenant.get(path).await?;
            ensure!(made.header("x-request-id").len() == 32, "{path}: {made:?}");
            let long = "x".repeat(65);
            for insane in ["a b", long.as_str()] {
                let answer =
                    Answer::of(tenant.request(Method::GET, path).header("x-request-id", insane)).await?;
                ensure!(answer.header("x-request-id").len() == 32, "{path}: {answer:?}");
            }
        }
        let one = tenant.get("/healthz").await?;
        ensure!(
            one.header("x-request-id") != tenant.get("/healthz").await?.header("x-request-id"),
            "ids are fresh"
        );
        Ok(stage)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_id_travels_to_the_node() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let node = stage.node("node-1").await?;
        let tenant = stage.tenant("a").await?;
        let account = tenant.connected_account(&node).await?;
        let body = json!({ "account_id": account, "to": "+15550000002", "text": "hi" });
        let request =
            tenant.request(Method::POST, "/v1/messages").header("x-request-id", "trace-send").json(&body);
        Answer::of(request).await?.created()?;
        let path = format!("/v1/accounts/{account}/session/stop");
        Answer::of(tenant.request(Method::POST, &path).header("x-request-id", "trace-stop")).await?.ok()?;
        let seen = node.script(|script| script.request_ids.clone());
        ensure!(seen.ends_with(&["trace-send".to_owned(), "trace-stop".to_owned()]), "{seen:?}");
        Ok(stage)
    })
    .await
}
