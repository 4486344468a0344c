//! Who may call what.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::ensure;
use blazz_domain::Scope;
use blazz_test_support::eventually;
use reqwest::Method;
use serde_json::{Value, json};

use crate::document::operations;
use crate::stage::{Answer, OPERATOR, on_every_stage};

#[tokio::test(flavor = "multi_thread")]
async fn every_guarded_route_refuses_no_key_a_bad_key_and_the_wrong_kind() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let tenant = stage.tenant("a").await?;
        let document = tenant.get("/openapi.json").await?.json()?;
        let mut guarded = 0;
        for operation in operations(&document)? {
            let Some(kind) = operation.key_kind() else { continue };
            guarded += 1;
            let path = operation.path_with(|_| Some(uuid::Uuid::now_v7().to_string()))?;
            let call = |key: Option<&str>| {
                let request = tenant.http.request(operation.method.clone(), format!("{}{path}", tenant.base));
                Answer::of(match key {
                    Some(key) => request.bearer_auth(key),
                    None => request,
                })
            };
            for bad in [None, Some("blz_nope"), Some(""), Some(&OPERATOR[1..])] {
                let answer = call(bad).await?;
                answer.refuses(401, "unauthorized")?;
                ensure!(answer.header("www-authenticate").starts_with("Bearer"), "{path}");
            }
            let wrong = if kind == "operator_key" { tenant.key.as_str() } else { OPERATOR };
            call(Some(wrong)).await?.refuses(403, "wrong_key_kind")?;
        }
        ensure!(guarded >= 25, "only {guarded} guarded routes were found");
        Ok(stage)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_opens_nothing_and_others_stay() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let (operator, tenant) = (stage.operator(), stage.tenant("a").await?);
        let keys = format!("/v1/workspaces/{}/keys", tenant.workspace_id);
        let second = operator.post(&keys, json!({ "name": "second" })).await?.created()?;
        ensure!(second.header("cache-control") == "no-store", "a secret is not for caches");
        let second = second.json()?;
        let second_key = stage.with_key(second["secret"].as_str().unwrap_or_default());
        second_key.get("/v1/accounts").await?.ok()?;

        let revoke = format!("{keys}/{}", second["key"]["id"].as_str().unwrap_or_default());
        let revoked = operator.delete(&revoke).await?.ok()?.json()?;
        ensure!(revoked["revoked_at"].is_string(), "{revoked}");
        second_key.get("/v1/accounts").await?.refuses(401, "key_revoked")?;
        tenant.get("/v1/accounts").await?.ok()?;
        // The note that the key was used is written beside the requests, and may come between the two.
        let again = operator.delete(&revoke).await?.ok()?.json()?;
        ensure!(again["revoked_at"] == revoked["revoked_at"], "again changes nothing: {again}");

        let listed = operator.get(&keys).await?.ok()?;
        ensure!(listed.json()?["data"].as_array().map(Vec::len) == Some(2), "{}", listed.text());
        ensure!(!listed.text().contains("blz_"), "no list shows a secret");
        Ok(stage)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_counts_in_its_own_workspace_alone() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let operator = stage.operator();
        let (a, b) = (stage.tenant("a").await?, stage.tenant("b").await?);
        let keys = operator.get(&format!("/v1/workspaces/{}/keys", b.workspace_id)).await?.ok()?.json()?;
        let key_of_b = keys["data"][0]["id"].as_str().unwrap_or_default().to_owned();
        let path = format!("/v1/workspaces/{}/keys/{key_of_b}", a.workspace_id);
        operator.delete(&path).await?.refuses(404, "not_found")?;
        b.get("/v1/accounts").await?.ok()?;
        Ok(stage)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn workspaces_are_listed_in_pages_newest_first() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let operator = stage.operator();
        let mut made = Vec::new();
        for name in ["one", "two", "three"] {
            let answer = operator.post("/v1/workspaces", json!({ "name": name })).await?.created()?;
            let id = answer.id()?;
            ensure!(answer.header("location") == format!("/v1/workspaces/{id}"), "{answer:?}");
            ensure!(
                operator.get(&format!("/v1/workspaces/{id}")).await?.ok()?.json()? == answer.json()?,
                "{name}"
            );
            made.insert(0, id);
        }
        let mut seen = Vec::new();
        let mut path = "/v1/workspaces?limit=2".to_owned();
        loop {
            let page = operator.get(&path).await?.ok()?.json()?;
            let rows = page["data"].as_array().cloned().unwrap_or_default();
            ensure!((1..=2).contains(&rows.len()), "{page}");
            seen.extend(rows.iter().filter_map(|row| row["id"].as_str()).map(str::to_owned));
            let Some(next) = page.get("next").and_then(Value::as_str) else { break };
            path = format!("/v1/workspaces?limit=2&after={next}");
        }
        ensure!(seen == made, "{seen:?}");
        Answer::of(operator.request(Method::GET, "/v1/nodes")).await?.ok()?;
        Ok(stage)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_does_what_its_scopes_say_on_every_route() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let (operator, tenant) = (stage.operator(), stage.tenant("a").await?);
        let keys = format!("/v1/workspaces/{}/keys", tenant.workspace_id);
        let document = tenant.get("/openapi.json").await?.json()?;
        let mut secrets = HashMap::new();
        for scope in Scope::ALL {
            let new = json!({ "name": scope.as_str(), "scopes": [scope.as_str()] });
            let made = operator.post(&keys, new).await?.created()?.json()?;
            secrets.insert(scope.as_str(), made["secret"].as_str().unwrap_or_default().to_owned());
        }
        for operation in operations(&document)? {
            let Some(needed) = operation.value["security"][0]["workspace_key"][0].as_str() else { continue };
            let path = operation.path_with(|_| Some(uuid::Uuid::now_v7().to_string()))?;
            for (scope, secret) in &secrets {
                let request = stage.with_key(secret).request(operation.method.clone(), &path);
                let answer = Answer::of(request).await?;
                if *scope == needed {
                    ensure!(answer.status != 403, "{} with {scope}: {answer:?}", operation.name());
                    continue;
                }
                let problem = answer.refuses(403, "missing_scope")?;
                ensure!(
                    problem["detail"].as_str().is_some_and(|detail| detail.contains(needed)),
                    "{problem}"
                );
                ensure!(answer.header("www-authenticate").contains("insufficient_scope"), "{answer:?}");
            }
        }
        let bad = operator.post(&keys, json!({ "name": "x", "scopes": ["messages:fly"] })).await?;
        bad.refuses(400, "invalid_request")?;
        Ok(stage)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_rotated_without_an_outage_and_its_use_is_seen() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let (operator, tenant) = (stage.operator(), stage.tenant("a").await?);
        let keys = format!("/v1/workspaces/{}/keys", tenant.workspace_id);
        tenant.get("/v1/accounts").await?.ok()?;
        let noted = eventually(Duration::from_secs(20), async || {
            let listed = operator.get(&keys).await.ok()?.json().ok()?;
            let key = listed["data"][0].clone();
            key["last_used_at"].is_string().then_some(key)
        });
        let old = noted.await?;
        let rotate = format!("{keys}/{}/rotate", old["id"].as_str().unwrap_or_default());
        let made = operator.post(&rotate, json!({ "overlap_seconds": 3600 })).await?.created()?;
        ensure!(made.header("cache-control") == "no-store", "a secret is not for caches");
        let made = made.json()?;
        let new = stage.with_key(made["secret"].as_str().unwrap_or_default());
        for caller in [&tenant, &new] {
            caller.get("/v1/accounts").await?.ok()?;
        }
        operator.post(&rotate, json!({ "overlap_seconds": 0 })).await?.refuses(409, "conflict")?;
        let again = format!("{keys}/{}/rotate", made["key"]["id"].as_str().unwrap_or_default());
        operator.post(&again, json!({ "overlap_seconds": 0 })).await?.created()?;
        new.get("/v1/accounts").await?.refuses(401, "key_expired")?;
        Ok(stage)
    })
    .await
}
