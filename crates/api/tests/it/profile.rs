//! The profile and the client version, as callers meet them.

use anyhow::ensure;
use reqwest::Method;
use serde_json::json;

use crate::stage::{Answer, Caller, on_every_stage};

const JPEG: [u8; 4] = [0xff, 0xd8, 0xff, 0xe0];

async fn put(caller: &Caller, path: &str, kind: &str, body: Vec<u8>) -> anyhow::Result<Answer> {
    Answer::of(caller.request(Method::PUT, path).header("content-type", kind).body(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_a_jpeg_of_some_size() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let node = stage.node("node-1").await?;
        let tenant = stage.tenant("a").await?;
        let account = tenant.connected_account(&node).await?;
        let path = format!("/v1/accounts/{account}/profile/picture");
        ensure!(put(&tenant, &path, "image/jpeg", JPEG.to_vec()).await?.status == 204);
        put(&tenant, &path, "image/png", JPEG.to_vec()).await?.refuses(415, "unsupported_media_type")?;
        put(&tenant, &path, "image/jpeg", b"GIF89a".to_vec()).await?.refuses(400, "invalid_request")?;
        put(&tenant, &path, "image/jpeg", vec![]).await?.refuses(400, "invalid_request")?;
        let large = [JPEG.to_vec(), vec![0; 350 << 10]].concat();
        put(&tenant, &path, "image/jpeg", large).await?.refuses(413, "body_too_large")?;
        put(&tenant, &path, "image/jpeg", [JPEG.to_vec(), vec![1]].concat())
            .await?
            .refuses(409, "profile_refused")?;
        let shown = tenant.get(&path).await?.ok()?;
        ensure!(shown.body == JPEG && shown.header("content-type") == "image/jpeg", "{shown:?}");
        ensure!(Answer::of(tenant.request(Method::DELETE, &path)).await?.status == 204);

        let fresh = tenant.account("b").await?;
        let path = format!("/v1/accounts/{fresh}/profile");
        tenant.get(&path).await?.refuses(409, "session_not_running")?;
        put(&tenant, &path, "application/json", b"{}".to_vec()).await?.refuses(400, "invalid_request")?;
        Ok(stage)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_sets_the_version_and_takes_it_back() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let (operator, tenant) = (stage.operator(), stage.tenant("a").await?);
        let path = "/v1/client-version";
        let shown = operator.get(path).await?.ok()?.json()?;
        ensure!(shown["version"] == "2.3000.1" && shown["source"] == "setting", "{shown}");
        let set =
            put(&operator, path, "application/json", json!({ "version": "2.3000.9" }).to_string().into());
        let set = set.await?.ok()?.json()?;
        ensure!(set["version"] == "2.3000.9" && set["source"] == "operator", "{set}");
        for bad in ["{\"version\":\"new\"}", "{\"version\":7}", "{}"] {
            put(&operator, path, "application/json", bad.into()).await?.refuses(400, "invalid_request")?;
        }
        let back = Answer::of(operator.request(Method::DELETE, path)).await?.ok()?.json()?;
        ensure!(back["version"] == "2.3000.1" && back["set_at"].is_null(), "{back}");
        tenant.get(path).await?.refuses(403, "wrong_key_kind")?;
        Ok(stage)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_is_set_seen_without_its_password_and_taken_away_with_null() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let tenant = stage.tenant("a").await?;
        let made = json!({ "name": "a", "device_name": "Front desk", "proxy": "http://anna:hunter2@proxy.example:8080" });
        let made = tenant.post("/v1/accounts", made).await?.created()?;
        ensure!(!made.text().contains("hunter2"), "{made:?}");
        let account = made.json()?;
        let proxy = json!({ "url": "http://proxy.example:8080", "username": "anna", "has_password": true });
        ensure!(account["proxy"] == proxy && account["device_name"] == "Front desk", "{account}");
        let path = format!("/v1/accounts/{}", account["id"].as_str().unwrap_or_default());
        let patch = async |body: serde_json::Value| {
            Answer::of(tenant.request(Method::PATCH, &path).json(&body)).await?.ok()?.json()
        };
        let renamed = patch(json!({ "name": "b" })).await?;
        ensure!(renamed["proxy"] == proxy && renamed["name"] == "b", "{renamed}");
        let without = patch(json!({ "proxy": null })).await?;
        ensure!(without["proxy"].is_null() && without["device_name"] == "Front desk", "{without}");
        let bad = json!({ "proxy": "ftp://anna:hunter2@proxy.example:8080" });
        let refused = Answer::of(tenant.request(Method::PATCH, &path).json(&bad)).await?;
        ensure!(!refused.text().contains("hunter2"), "{refused:?}");
        refused.refuses(400, "invalid_request")?;
        let events = tenant.get("/v1/events").await?.ok()?;
        ensure!(!events.text().contains("hunter2"), "{events:?}");
        Ok(stage)
    })
    .await
}
