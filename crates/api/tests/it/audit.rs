//! Who did what, told afterwards.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use blazz_database::audit_entries::{self, AuditFilter};
use blazz_test_support::{eventually, for_each_database};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::document::{Operation, operations};
use crate::stage::{Answer, Caller, OPERATOR, Stage, on_every_stage};

/// What nobody waits for is written within a fraction of a second.
const DEADLINE: Duration = Duration::from_secs(20);

async fn entries(caller: &Caller, path: &str) -> anyhow::Result<Vec<Value>> {
    let page = caller.get(path).await?.ok()?.json()?;
    page["data"].as_array().cloned().context("a page")
}

/// Every entry there is, by the id of its request.
async fn all(operator: &Caller) -> anyhow::Result<HashMap<String, Value>> {
    let (mut all, mut path) = (HashMap::new(), "/v1/operator/audit?limit=200".to_owned());
    loop {
        let page = operator.get(&path).await?.ok()?.json()?;
        for entry in page["data"].as_array().context("a page")? {
            let request = entry["request_id"].as_str().context("a request id")?;
            ensure!(all.insert(request.to_owned(), entry.clone()).is_none(), "twice: {entry}");
        }
        let Some(next) = page["next"].as_str() else { return Ok(all) };
        path = format!("/v1/operator/audit?limit=200&after={next}");
    }
}

/// A call with a request id of its own; gives that, and the answer.
async fn call(caller: &Caller, operation: &Operation, path: &str) -> anyhow::Result<(String, Answer)> {
    let id = uuid::Uuid::now_v7().to_string();
    let request = caller.request(operation.method.clone(), path).header("x-request-id", &id);
    Ok((id, Answer::of(request).await?))
}

fn is_change(operation: &Operation) -> bool {
    operation.method != Method::GET && operation.key_kind().is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_that_changes_something_leaves_an_entry_however_it_ends() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let (operator, tenant) = (stage.operator(), stage.tenant("a").await?);
        let keys = format!("/v1/workspaces/{}/keys", tenant.workspace_id);
        let reader = json!({ "name": "reader", "scopes": ["audit:read"] });
        let reader = operator.post(&keys, reader).await?.created()?.json()?;
        let reader = stage.with_key(reader["secret"].as_str().context("a secret")?);
        let document = tenant.get("/openapi.json").await?.json()?;
        let mut expected = Vec::new();
        for operation in operations(&document)?.iter().filter(|operation| is_change(operation)) {
            let object = uuid::Uuid::now_v7().to_string();
            let path = operation.path_with(|_| Some(object.clone()))?;
            let is_operators = operation.key_kind() == Some("operator_key");
            let (right, wrong) = if is_operators { (&operator, &tenant) } else { (&tenant, &operator) };
            let mut callers = vec![(right, None), (wrong, Some("wrong_key_kind"))];
            if !is_operators {
                callers.push((&reader, Some("missing_scope")));
            }
            for (caller, code) in callers {
                let (id, answer) = call(caller, operation, &path).await?;
                let said = answer.json().ok().and_then(|body| body["code"].as_str().map(str::to_owned));
                ensure!(code.is_none() || code == said.as_deref(), "{}: {answer:?}", operation.name());
                let of_path = (!operation.parameters("path").is_empty()).then(|| object.clone());
                let actor = if caller.key == OPERATOR { "operator" } else { "workspace_key" };
                let action = operation.value["operationId"].clone();
                expected.push((id, actor, action, answer.status.as_u16(), json!(said), json!(of_path)));
            }
        }
        ensure!(expected.len() > 30, "only {} calls", expected.len());
        let last = &expected.last().context("calls")?.0;
        let written = eventually(DEADLINE, async || {
            let all = all(&operator).await.ok()?;
            all.contains_key(last).then_some(all)
        });
        let written = written.await?;
        for (id, actor, action, status, code, object) in expected {
            let entry = written.get(&id).with_context(|| format!("{action} by {actor} left no entry"))?;
            ensure!(entry["actor"] == actor && entry["action"] == action, "{entry}");
            ensure!(entry["status"] == status && entry["code"] == code, "{entry}");
            ensure!(entry["address"] == "127.0.0.1" && entry["calls"] == 1, "{entry}");
            ensure!(entry["key_id"].is_string() == (actor == "workspace_key"), "{entry}");
            ensure!(object.is_null() || entry["object_id"] == object, "{entry}");
        }
        Ok(stage)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_opens_nothing_any_more_is_named_and_a_strangers_is_the_operators_affair()
-> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let (operator, tenant) = (stage.operator(), stage.tenant("a").await?);
        let keys = format!("/v1/workspaces/{}/keys", tenant.workspace_id);
        let mut known = Vec::new();
        for name in ["revoked", "rotated"] {
            let made = operator.post(&keys, json!({ "name": name })).await?.created()?;
            let path = made.header("location").to_owned();
            let made = made.json()?;
            known.push((
                path,
                made["key"]["id"].clone(),
                stage.with_key(made["secret"].as_str().context("a secret")?),
            ));
        }
        operator.delete(&known[0].0).await?.ok()?;
        operator.post(&format!("{}/rotate", known[1].0), json!({ "overlap_seconds": 0 })).await?.created()?;
        for (_, _, caller) in &known {
            ensure!(caller.send("x", "y").await?.status == 401, "refused");
        }
        let stranger = format!("blz_{}", "0".repeat(43));
        for key in [&stranger, "nonsense"] {
            stage.with_key(key).send("x", "y").await?.refuses(401, "unauthorized")?;
        }
        Answer::of(operator.http.post(format!("{}/v1/messages", operator.base)))
            .await?
            .refuses(401, "unauthorized")?;

        let path = "/v1/operator/audit?action=sendMessage";
        let seen =
            eventually(DEADLINE, async || entries(&operator, path).await.ok().filter(|seen| seen.len() == 5));
        let seen: Vec<_> = seen.await?.into_iter().rev().collect();
        let told = |n: usize| (seen[n]["actor"].clone(), seen[n]["code"].clone(), seen[n]["key_id"].clone());
        ensure!(told(0) == (json!("workspace_key"), json!("key_revoked"), known[0].1.clone()), "{seen:?}");
        ensure!(told(1) == (json!("workspace_key"), json!("key_expired"), known[1].1.clone()), "{seen:?}");
        ensure!(
            seen[0]["key_name"] == "revoked" && seen[0]["workspace_id"] == tenant.workspace_id.as_str(),
            "{seen:?}"
        );
        for n in 2..5 {
            ensure!(told(n) == (json!("unknown"), json!("unauthorized"), Value::Null), "{seen:?}");
            ensure!(seen[n]["workspace_id"].is_null(), "{seen:?}");
        }
        let own = entries(&tenant, "/v1/audit?action=sendMessage").await?;
        let own: Vec<_> = own.iter().map(|entry| &entry["code"]).collect();
        ensure!(own == ["key_expired", "key_revoked"], "{own:?}");
        Ok(stage)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_sees_what_was_done_with_its_keys_and_to_it_and_nothing_else() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let node = stage.node("node-1").await?;
        let (operator, tenant) = (stage.operator(), stage.tenant("a").await?);
        let other = stage.tenant("b").await?;
        let account = tenant.connected_account(&node).await?;
        let message = tenant.send(&account, "for my eyes only").await?.created()?.id()?;
        ensure!(tenant.delete(&format!("/v1/accounts/{account}")).await?.status == 204, "deleted");
        other.account("Other").await?;

        let seen = eventually(DEADLINE, async || {
            entries(&tenant, "/v1/audit").await.ok().filter(|seen| seen.len() == 6)
        });
        let seen = seen.await?;
        let mut told: Vec<_> = seen
            .iter()
            .map(|entry| ["action", "object_type", "object_id", "status"].map(|name| entry[name].clone()))
            .collect();
        // A message's entry is written a moment later than it would be if somebody waited for it.
        told.sort_by_key(|entry| entry[0].to_string());
        let key = tenant_key(&operator, &tenant).await?;
        let expected = [
            ["createAccount", "account", account.as_str(), "201"],
            ["createKey", "key", key.as_str(), "201"],
            ["createWorkspace", "workspace", tenant.workspace_id.as_str(), "201"],
            ["deleteAccount", "account", account.as_str(), "204"],
            ["sendMessage", "message", message.as_str(), "201"],
            ["startSession", "account", account.as_str(), "200"],
        ];
        for (told, expected) in told.iter().zip(expected) {
            let told = [text(&told[0]), text(&told[1]), text(&told[2]), told[3].to_string()];
            ensure!(told == expected, "{told:?} {expected:?}");
        }
        for entry in &seen {
            let by_operator = entry["actor"] == "operator";
            ensure!(
                entry["address"].is_null() == by_operator,
                "where the operator works from is not shown: {entry}"
            );
            ensure!(entry["workspace_id"] == tenant.workspace_id.as_str(), "{entry}");
            ensure!(
                by_operator || (entry["key_id"] == key.as_str() && entry["key_name"] == "test"),
                "{entry}"
            );
        }
        let text = serde_json::to_string(&seen)?;
        for secret in ["for my eyes only", "15550000002", tenant.key.as_str(), OPERATOR] {
            ensure!(!text.contains(secret), "{text}");
        }
        Ok(stage)
    })
    .await
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

async fn tenant_key(operator: &Caller, tenant: &Caller) -> anyhow::Result<String> {
    let keys = operator.get(&format!("/v1/workspaces/{}/keys", tenant.workspace_id)).await?.ok()?.json()?;
    Ok(text(&keys["data"][0]["id"]))
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_found_by_what_they_say_page_by_page() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let (operator, tenant) = (stage.operator(), stage.tenant("a").await?);
        let mut accounts = Vec::new();
        for n in 0..5 {
            accounts.insert(0, tenant.account(&format!("Account {n}")).await?);
        }
        // Whoever waits for the answer finds the entry there.
        let (mut seen, mut path) = (Vec::new(), "/v1/audit?action=createAccount&limit=2".to_owned());
        loop {
            let page = tenant.get(&path).await?.ok()?.json()?;
            seen.extend(page["data"].as_array().context("a page")?.clone());
            let Some(next) = page["next"].as_str() else { break };
            path = format!("/v1/audit?action=createAccount&limit=2&after={next}");
        }
        let objects: Vec<_> = seen.iter().map(|entry| text(&entry["object_id"])).collect();
        ensure!(objects == accounts, "{objects:?}");

        let (middle, key) = (text(&seen[2]["occurred_at"]), text(&seen[2]["key_id"]));
        for (query, expected) in [
            (format!("object={}", accounts[3]), &accounts[3..4]),
            (format!("action=createAccount&since={middle}"), &accounts[..3]),
            (format!("action=createAccount&until={middle}"), &accounts[3..]),
            (format!("key={key}"), &accounts[..]),
            (format!("key={}", uuid::Uuid::now_v7()), &accounts[..0]),
            ("action=nothing".to_owned(), &accounts[..0]),
        ] {
            for (caller, path) in [(&tenant, "/v1/audit"), (&operator, "/v1/operator/audit")] {
                let found = entries(caller, &format!("{path}?{query}")).await?;
                let found: Vec<_> = found.iter().map(|entry| text(&entry["object_id"])).collect();
                ensure!(found == expected, "{query}: {found:?}");
            }
        }
        let other = stage.tenant("b").await?;
        let of_workspace = format!("/v1/operator/audit?workspace={}&action=createKey", other.workspace_id);
        ensure!(entries(&operator, &of_workspace).await?.len() == 1, "{of_workspace}");
        for bad in ["since=yesterday", "key=x", "action=%00", "object=", "limit=0", "object_id=x"] {
            tenant.get(&format!("/v1/audit?{bad}")).await?.refuses(400, "invalid_request")?;
        }
        tenant.get("/v1/audit?after=nonsense").await?.refuses(400, "invalid_cursor")?;
        Ok(stage)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_refused_calls_leaves_a_few_entries_and_a_count() -> anyhow::Result<()> {
    for_each_database(async |database| {
        let stage = Stage::start(database).await?;
        let stranger = stage.with_key("blz_nope");
        for _ in 0..60 {
            stranger.send("x", "y").await?.refuses(401, "unauthorized")?;
        }
        // What is counted is written at the end of the process at the latest.
        stage.end().await?;
        let mut conn = database.pool().get().await?;
        let rows = audit_entries::list_all(&mut conn, &AuditFilter::default(), None, 100).await?;
        let calls: Vec<_> = rows.iter().map(|row| row.calls).collect();
        ensure!(calls.iter().sum::<u32>() == 60, "none is forgotten: {calls:?}");
        ensure!(calls.len() == 11 && calls.contains(&50), "{calls:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_before_the_answer_leaves_an_entry_all_the_same() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let node = stage.node("node-1").await?;
        let (operator, tenant) = (stage.operator(), stage.tenant("a").await?);
        let account = tenant.connected_account(&node).await?;
        node.script(|script| script.send_takes = Duration::from_secs(2));
        let calls = node.script(|script| script.request_ids.len());
        let body = json!({ "account_id": account, "to": "+15550000002", "text": "Hello!" }).to_string();
        let head = format!(
            "POST /v1/messages HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            tenant.key,
            body.len()
        );
        let mut socket = TcpStream::connect(stage.address).await?;
        socket.write_all(format!("{head}{body}").as_bytes()).await?;
        let asked = eventually(DEADLINE, async || {
            (node.script(|script| script.request_ids.len()) > calls).then_some(())
        });
        asked.await?;
        // Not a polite end, after which the answer could still be written.
        socket.set_zero_linger()?;
        drop(socket);
        let seen = eventually(DEADLINE, async || {
            let seen = entries(&operator, "/v1/operator/audit?action=sendMessage").await.ok()?;
            seen.first().cloned()
        });
        let entry = seen.await?;
        ensure!(entry["status"].is_null() && entry["code"].is_null(), "{entry}");
        ensure!(entry["workspace_id"] == tenant.workspace_id.as_str(), "{entry}");
        Ok(stage)
    })
    .await
}
