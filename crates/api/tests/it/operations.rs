//! Health, readiness, metrics; and the life of an account through its routes.

use anyhow::ensure;
use reqwest::Method;
use serde_json::json;

use crate::stage::{Answer, on_every_stage};

#[tokio::test(flavor = "multi_thread")]
async fn the_process_tells_how_it_is() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let node = stage.node("node-1").await?;
        let tenant = stage.tenant("secretive").await?;
        let account = tenant.connected_account(&node).await?;
        let health = tenant.get("/healthz").await?.ok()?.json()?;
        ensure!(health["status"] == "ok" && health["service"] == "blazz-api", "{health}");
        let ready = tenant.get("/readyz").await?.ok()?.json()?;
        ensure!(
            ready
                == json!({ "status": "ready", "checks": { "database": "ok", "bus": "ok", "serving": "ok" } }),
            "{ready}"
        );

        tenant.get(&format!("/v1/accounts/{account}")).await?.ok()?;
        tenant.get("/v1/accounts/nope").await?.refuses(404, "account_not_found")?;
        tenant.get("/no/such/route").await?.refuses(404, "route_not_found")?;
        Answer::of(tenant.request(Method::from_bytes(b"BREW")?, "/v1/accounts"))
            .await?
            .refuses(405, "method_not_allowed")?;
        let metrics = tenant.get("/metrics").await?.ok()?;
        ensure!(metrics.header("content-type").starts_with("text/plain"), "{metrics:?}");
        let text = metrics.text();
        for line in [
            "blazz_http_requests_total{method=\"GET\",route=\"/v1/accounts/{account_id}\",status=\"2xx\"} 1",
            "blazz_http_requests_total{method=\"GET\",route=\"/v1/accounts/{account_id}\",status=\"4xx\"} 1",
            "blazz_http_requests_total{method=\"GET\",route=\"unmatched\",status=\"4xx\"} 1",
            "blazz_http_requests_total{method=\"other\",route=\"/v1/accounts\",status=\"4xx\"} 1",
            "blazz_http_requests_total{method=\"POST\",route=\"/internal/v1/register\",status=\"2xx\"} 1",
            "blazz_nodes{state=\"ready\"} 1",
            "blazz_nodes{state=\"lost\"} 0",
            "blazz_sessions{state=\"connected\"} 1",
            "blazz_sessions{state=\"failed\"} 0",
            "blazz_jobs_due 0",
            "blazz_jobs_dead 0",
            "blazz_rate_limited_total{policy=\"default\"} 0",
            "blazz_ingest_rejected_entries 0",
            "blazz_build_info{service=\"blazz-api\"",
        ] {
            ensure!(text.contains(line), "{line} is missing in {text}");
        }
        for secret in [account.as_str(), &tenant.workspace_id, "secretive"] {
            ensure!(!text.contains(secret), "no metric names a tenant");
        }
        Ok(stage)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_lives_and_dies() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let node = stage.node("node-1").await?;
        let tenant = stage.tenant("a").await?;
        let made = tenant.post("/v1/accounts", json!({ "name": " Sales " })).await?.created()?;
        let path = made.header("location").to_owned();
        let account = made.json()?;
        ensure!(account["name"] == "Sales" && account["state"] == "new", "{account}");
        let renamed = Answer::of(tenant.request(Method::PATCH, &path).json(&json!({ "name": "Support" })))
            .await?
            .ok()?;
        ensure!(renamed.json()?["name"] == "Support", "{renamed:?}");
        let same = Answer::of(tenant.request(Method::PATCH, &path).json(&json!({}))).await?.ok()?;
        ensure!(same.json()? == renamed.json()?, "an empty patch changes nothing");

        let session = |verb: &str| format!("{path}/session/{verb}");
        for (verb, state) in
            [("start", "connected"), ("restart", "connected"), ("stop", "stopped"), ("start", "connected")]
        {
            let answer = tenant.post(&session(verb), json!({})).await?.ok()?.json()?;
            ensure!(answer["state"] == state && answer["phone"] == "+15550000001", "{verb}: {answer}");
        }
        let placed = stage.operator().get("/v1/sessions").await?.ok()?.json()?;
        ensure!(
            placed["data"][0]["account_id"] == account["id"] && placed["data"][0]["node_id"] == "node-1",
            "{placed}"
        );
        let nodes = stage.operator().get("/v1/nodes").await?.ok()?.json()?;
        ensure!(
            nodes["data"][0]["id"] == node.id.as_str() && nodes["data"][0]["state"] == "ready",
            "{nodes}"
        );
        let out = tenant.post(&session("logout"), json!({})).await?.ok()?.json()?;
        ensure!(out["state"] == "logged_out" && out["desired"] == "stopped", "{out}");

        ensure!(tenant.delete(&path).await?.status == 204, "it is gone");
        tenant.get(&path).await?.refuses(404, "account_not_found")?;
        tenant.delete(&path).await?.refuses(404, "account_not_found")?;
        let events = tenant.get("/v1/events").await?.ok()?.json()?;
        let last = events["data"].as_array().and_then(|events| events.last()).cloned().unwrap_or_default();
        ensure!(last["type"] == "account.deleted" && last["data"]["id"] == account["id"], "{last}");
        Ok(stage)
    })
    .await
}
