//! Bad input: each kind has its own clear answer, and nothing is stored by halves.

use anyhow::ensure;
use futures_util::stream;
use reqwest::{Body, Method, StatusCode};
use serde_json::{Value, json};

use crate::stage::{Answer, Caller, on_every_stage};

const JSON: &str = "application/json";

async fn raw(
    caller: &Caller,
    path: &str,
    content_type: &str,
    body: impl Into<Body>,
) -> anyhow::Result<Answer> {
    Answer::of(caller.request(Method::POST, path).header("content-type", content_type).body(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_not_what_the_route_takes() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let tenant = stage.tenant("a").await?;
        let accounts = "/v1/accounts";
        for (body, code, word) in [
            ("", "malformed_json", "empty"),
            ("{\"name\":", "malformed_json", "EOF"),
            ("{name:1}", "malformed_json", "line 1"),
            ("{\"name\":\"\\ud800\"}", "malformed_json", "line 1"),
            ("{\"name\":5}", "invalid_request", "name: invalid type: integer `5`, expected a string"),
            ("{\"name\":null}", "invalid_request", "name: invalid type: null"),
            ("{}", "invalid_request", "missing field `name`"),
            (
                "{\"name\":\"a\",\"color\":1}",
                "invalid_request",
                "unknown field `color`, expected one of `name`",
            ),
            ("{\"name\":\"a\",\"name\":\"b\"}", "invalid_request", "duplicate field `name`"),
            ("[\"Sales\"]", "invalid_request", "must be a JSON object"),
            ("\"Sales\"", "invalid_request", "must be a JSON object"),
            ("{\"name\":\"\"}", "invalid_request", "name must be"),
            ("{\"name\":\"a\\u0000b\"}", "invalid_request", "name must be"),
        ] {
            let problem = raw(&tenant, accounts, JSON, body).await?.refuses(400, code)?;
            ensure!(
                problem["detail"].as_str().is_some_and(|detail| detail.contains(word)),
                "{body}: {problem}"
            );
        }
        raw(&tenant, accounts, JSON, vec![b'{', b'"', 0xff, b'"', b'}'])
            .await?
            .refuses(400, "malformed_json")?;
        for content_type in
            ["text/plain", "application/x-www-form-urlencoded", "nonsense", "application/json5"]
        {
            raw(&tenant, accounts, content_type, "{\"name\":\"a\"}")
                .await?
                .refuses(415, "unsupported_media_type")?;
        }
        let deep = format!("{{\"name\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
        ensure!(raw(&tenant, accounts, JSON, deep).await?.status == 400, "deep nesting is refused");
        let listed = tenant.get(accounts).await?.ok()?.json()?;
        ensure!(listed["data"] == json!([]), "nothing was stored: {listed}");
        raw(&tenant, accounts, "application/json; charset=utf-8", "{\"name\":\"a\"}").await?.created()?;
        Ok(stage)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_too_large() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let tenant = stage.tenant("a").await?;
        let large = format!("{{\"name\":\"{}\"}}", "x".repeat(10 * 1024 * 1024));
        for path in ["/v1/accounts", "/v1/messages"] {
            raw(&tenant, path, JSON, large.clone()).await?.refuses(413, "body_too_large")?;
            // Without a declared length it shows only while reading.
            let chunks: Vec<Result<_, std::io::Error>> =
                large.as_bytes().chunks(64 * 1024).map(|chunk| Ok(chunk.to_vec())).collect();
            let streamed = Body::wrap_stream(stream::iter(chunks));
            raw(&tenant, path, JSON, streamed).await?.refuses(413, "body_too_large")?;
        }
        // A route that takes no body does not take a large one either.
        let start = format!("/v1/accounts/{}/session/start", tenant.account("a").await?);
        raw(&tenant, &start, JSON, large).await?.refuses(413, "body_too_large")?;
        Ok(stage)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn query_strings_that_make_no_sense() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let tenant = stage.tenant("a").await?;
        let account = tenant.account("a").await?;
        for (path, code) in [
            ("/v1/accounts?limit=0", "invalid_request"),
            ("/v1/accounts?limit=201", "invalid_request"),
            ("/v1/accounts?limit=many", "invalid_request"),
            ("/v1/accounts?limit=1&limit=2", "invalid_request"),
            ("/v1/accounts?limti=1", "invalid_request"),
            ("/v1/accounts?after=nope", "invalid_cursor"),
            ("/v1/accounts?after=", "invalid_cursor"),
            ("/v1/events?after=nope", "invalid_cursor"),
            ("/v1/conversations?after=%F0%9F%A6%80", "invalid_cursor"),
            ("/v1/messages?status=gone", "invalid_request"),
            ("/v1/messages?account_id=5", "invalid_request"),
            (&format!("/v1/accounts/{account}/session/qr?wait=61"), "invalid_request"),
            (&format!("/v1/accounts/{account}/session/qr?wait=-1"), "invalid_request"),
            (&format!("/v1/accounts/{account}/session/qr?wait=soon"), "invalid_request"),
        ] {
            tenant.get(path).await?.refuses(400, code)?;
        }
        let events = tenant.get("/v1/events").await?.ok()?.json()?;
        let cursor = events["next"].as_str().unwrap_or_default();
        tenant.get(&format!("/v1/events?after={cursor}")).await?.ok()?;
        tenant.get(&format!("/v1/accounts?after={cursor}")).await?.refuses(400, "invalid_cursor")?;
        Ok(stage)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_cannot_be_sent() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let tenant = stage.tenant("a").await?;
        let account = tenant.account("a").await?;
        let nobody = uuid::Uuid::now_v7().to_string();
        let message =
            |account: &str, to: &str, text: &str| json!({ "account_id": account, "to": to, "text": text });
        let to = "+15550000002";
        for (body, status, code) in [
            (message(&account, "hello", "hi"), 400, "invalid_phone"),
            (message(&account, "", "hi"), 400, "invalid_phone"),
            (message(&account, "+1", "hi"), 400, "invalid_phone"),
            (message(&account, to, ""), 400, "invalid_request"),
            (message(&account, to, &"x".repeat(65_537)), 400, "invalid_request"),
            (message(&account, to, "a\u{0}b"), 400, "invalid_request"),
            (message("nope", to, "hi"), 400, "invalid_request"),
            (message(&nobody, to, "hi"), 404, "account_not_found"),
            (message(&account, to, "hi"), 409, "account_not_linked"),
        ] {
            let answer = tenant.post("/v1/messages", body.clone()).await?;
            answer
                .refuses(status, code)
                .map_err(|error| error.context(body.to_string().chars().take(99).collect::<String>()))?;
        }
        for key in ["", &"k".repeat(256)] {
            let request = tenant.request(Method::POST, "/v1/messages").header("idempotency-key", key);
            let answer = Answer::of(request.json(&message(&account, to, "hi"))).await?;
            answer.refuses(400, "invalid_idempotency_key")?;
        }
        for path in ["/v1/messages", "/v1/conversations"] {
            let listed = tenant.get(path).await?.ok()?.json()?;
            ensure!(listed["data"] == json!([]), "nothing was stored: {listed}");
        }
        Ok(stage)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_cannot_start() -> anyhow::Result<()> {
    on_every_stage(|stage| async {
        let tenant = stage.tenant("a").await?;
        let account = tenant.account("a").await?;
        let path = |verb: &str| format!("/v1/accounts/{account}/session/{verb}");
        tenant.post(&path("start"), json!({})).await?.refuses(503, "no_capacity")?;
        let session = tenant.get(&format!("/v1/accounts/{account}/session")).await?.ok()?.json()?;
        ensure!(
            session["state"] == "new" && session["node_id"] == Value::Null,
            "nothing was stored: {session}"
        );
        ensure!(session["desired"] == "stopped", "nothing was stored: {session}");
        tenant.get(&path("qr")).await?.refuses(409, "qr_not_available")?;
        tenant.post(&path("logout"), json!({})).await?.refuses(409, "account_not_linked")?;

        let node = stage.node("node-1").await?;
        tenant.post(&path("start"), json!({})).await?.ok()?;
        node.vanish().await;
        for verb in ["stop", "start", "restart", "logout"] {
            tenant.post(&path(verb), json!({})).await?.refuses(503, "node_unreachable")?;
        }
        tenant.delete(&format!("/v1/accounts/{account}")).await?.is(StatusCode::NO_CONTENT)?;
        tenant.get(&format!("/v1/accounts/{account}")).await?.refuses(404, "account_not_found")?;
        Ok(stage)
    })
    .await
}
