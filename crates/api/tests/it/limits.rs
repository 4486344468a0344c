//! How much may be called, by how many processes it is ever counted.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use blazz_test_support::{TestDatabase, for_each_database};
use futures_util::StreamExt as _;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::document::operations;
use crate::stage::{Answer, Caller, Stage};

/// How many calls are under way at once.
const AT_ONCE: usize = 32;

/// Two processes on PostgreSQL and Redis; on SQLite only one can be.
async fn replicas(database: &TestDatabase, settings: &[(&str, &str)]) -> anyhow::Result<Vec<Stage>> {
    let mut stages = vec![Stage::start_with(database, settings).await?];
    if !database.pool().is_sqlite() {
        stages.push(Stage::start_with(database, settings).await?);
    }
    Ok(stages)
}

async fn end(stages: Vec<Stage>) -> anyhow::Result<()> {
    for stage in stages {
        stage.end().await?;
    }
    Ok(())
}

/// Calls all processes in turn, many at once; how many calls passed. Every other one must be a well-formed refusal.
async fn passed(stages: &[Stage], key: &str, calls: usize) -> anyhow::Result<usize> {
    let callers: Vec<_> = stages.iter().map(|stage| stage.with_key(key)).collect();
    let calls = callers.iter().cycle().take(calls).map(|caller| caller.get("/v1/accounts"));
    let answers: Vec<_> = futures_util::stream::iter(calls).buffer_unordered(AT_ONCE).collect().await;
    let mut passed = 0;
    for answer in answers {
        let answer = answer?;
        if answer.status == StatusCode::OK {
            passed += 1;
        } else {
            answer.refuses(429, "rate_limited")?;
            ensure!(answer.header("retry-after").parse::<u64>()? >= 1, "{answer:?}");
        }
    }
    Ok(passed)
}

/// Whether a process has given Redis up meanwhile and counted alone: on a machine that is busy with other things, a quarter of a second passes.
async fn counted_alone(stages: &[Stage]) -> anyhow::Result<bool> {
    for stage in stages {
        let metrics = stage.operator().get("/metrics").await?.ok()?.text();
        if !metrics.contains("\nblazz_rate_limit_alone_requests 0\n") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A new key of the tenant's workspace.
async fn key_with(stage: &Stage, tenant: &Caller, body: Value) -> anyhow::Result<(String, Caller)> {
    let keys = format!("/v1/workspaces/{}/keys", tenant.workspace_id);
    let made = stage.operator().post(&keys, body).await?.created()?;
    let path = made.header("location").to_owned();
    let secret = made.json()?["secret"].as_str().context("a secret")?.to_owned();
    Ok((path, stage.with_key(&secret)))
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_calls_a_minute_pass_unless_told_otherwise_whichever_process_is_asked()
-> anyhow::Result<()> {
    for_each_database(async |database| {
        let mut attempts = 0;
        let stages = loop {
            let stages = replicas(database, &[]).await?;
            let tenant = stages[0].tenant("a").await?;
            let began = Instant::now();
            let passed = passed(&stages, &tenant.key, 800).await?;
            // One call grows back in 120 ms.
            let grown = usize::try_from(began.elapsed().as_millis() / 120)?;
            if grown < 290 && !counted_alone(&stages).await? {
                ensure!((500..=500 + grown).contains(&passed), "{passed} have passed, {grown} grew back");
                break stages;
            }
            attempts += 1;
            ensure!(attempts < 5, "the machine is too slow for this test to prove anything");
            end(stages).await?;
        };
        let other = stages[0].tenant("b").await?;
        let answer = other.get("/v1/accounts").await?.ok()?;
        ensure!(answer.header("ratelimit-policy") == "\"default\";q=500;w=60", "{answer:?}");
        ensure!(answer.header("ratelimit") == "\"default\";r=499;t=1", "{answer:?}");
        end(stages).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_a_keys_own_number_passes_whichever_process_is_asked() -> anyhow::Result<()> {
    for_each_database(async |database| {
        for _ in 0..10 {
            let stages = replicas(database, &[]).await?;
            let tenant = stages[0].tenant("a").await?;
            let body = json!({ "name": "k", "requests_per_minute": 30 });
            let (_, key) = key_with(&stages[0], &tenant, body).await?;
            let began = Instant::now();
            let passed = passed(&stages, &key.key, 90).await?;
            // One call grows back in 2 s; whoever was held up for that long tries again.
            let is_in_time = began.elapsed() < Duration::from_millis(1900);
            let is_common = !counted_alone(&stages).await?;
            end(stages).await?;
            if is_in_time && is_common {
                ensure!(passed == 30, "{passed}");
                return Ok(());
            }
        }
        anyhow::bail!("the machine is too slow for this test to prove anything")
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keys_number_is_told_changed_and_handed_on() -> anyhow::Result<()> {
    for_each_database(async |database| {
        let stage = Stage::start_with(database, &[]).await?;
        let (operator, tenant) = (stage.operator(), stage.tenant("a").await?);
        let (path, narrow) =
            key_with(&stage, &tenant, json!({ "name": "k", "requests_per_minute": 2 })).await?;
        for left in ["\"key\";r=1;t=30", "\"key\";r=0;t="] {
            // A missing object is a call like any other.
            let answer = narrow.get("/v1/messages/nope").await?;
            answer.refuses(404, "not_found")?;
            ensure!(answer.header("ratelimit-policy") == "\"key\";q=2;w=60", "{answer:?}");
            ensure!(answer.header("ratelimit").starts_with(left), "{answer:?}");
        }
        let answer = narrow.get("/v1/accounts").await?;
        let problem = answer.refuses(429, "rate_limited")?;
        ensure!(problem["type"] == "/docs/errors#rate_limited", "{problem}");
        ensure!((20..=30).contains(&answer.header("retry-after").parse::<u64>()?), "{answer:?}");
        ensure!(answer.header("ratelimit").starts_with("\"key\";r=0;t="), "{answer:?}");

        let answer = tenant.get("/v1/accounts").await?.ok()?;
        ensure!(
            answer.header("ratelimit").starts_with("\"default\";r=499"),
            "a bucket of its own: {answer:?}"
        );
        for answer in [operator.get("/v1/nodes").await?.ok()?, tenant.get("/healthz").await?.ok()?] {
            ensure!(answer.header("ratelimit").is_empty(), "not counted: {answer:?}");
        }

        let changed = operator.patch(&path, json!({ "requests_per_minute": 3 })).await?.ok()?.json()?;
        ensure!(changed["requests_per_minute"] == 3, "{changed}");
        ensure!(operator.patch(&path, json!({})).await?.ok()?.json()? == changed, "nothing is changed");
        let answer = narrow.get("/v1/accounts").await?.ok()?;
        ensure!(answer.header("ratelimit") == "\"key\";r=2;t=20", "{answer:?}");

        let rotated = operator.post(&format!("{path}/rotate"), json!({ "overlap_seconds": 60 })).await?;
        let rotated = rotated.created()?.json()?;
        ensure!(rotated["key"]["requests_per_minute"] == 3, "{rotated}");
        let new = stage.with_key(rotated["secret"].as_str().context("a secret")?);
        let answer = new.get("/v1/accounts").await?.ok()?;
        ensure!(answer.header("ratelimit") == "\"key\";r=2;t=20", "{answer:?}");

        let shared = operator.patch(&path, json!({ "requests_per_minute": null })).await?.ok()?.json()?;
        ensure!(shared["requests_per_minute"].is_null(), "{shared}");
        let answer = narrow.get("/v1/accounts").await?.ok()?;
        ensure!(answer.header("ratelimit").starts_with("\"default\";r=49"), "{answer:?}");
        for bad in [json!(0), json!(1_000_001), json!(-1), json!("many")] {
            let body = json!({ "name": "k", "requests_per_minute": bad });
            let keys = format!("/v1/workspaces/{}/keys", tenant.workspace_id);
            operator.post(&keys, body.clone()).await?.refuses(400, "invalid_request")?;
            let patch = json!({ "requests_per_minute": body["requests_per_minute"] });
            operator.patch(&path, patch).await?.refuses(400, "invalid_request")?;
        }
        stage.end().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_with_bad_keys_is_not_listened_to_and_good_keys_beside_them_are() -> anyhow::Result<()> {
    for_each_database(async |database| {
        let settings = [("BLAZZ_REFUSED_KEYS_PER_MINUTE", "5"), ("BLAZZ_TRUSTED_PROXIES", "127.0.0.1, ::1")];
        let stages = replicas(database, &settings).await?;
        let stage = &stages[0];
        let (tenant, fresh) = (stage.tenant("a").await?, stage.tenant("b").await?);
        // Other tests count in the same Redis.
        let guesser = format!("2001:db8:{:x}:{:x}::", std::process::id() & 0xffff, rand_group());
        let call = async |stage: &Stage, key: &str, address: &str| {
            let request = stage.with_key(key).request(Method::GET, "/v1/accounts");
            Answer::of(request.header("x-forwarded-for", address)).await
        };
        let (first, second) = (format!("{guesser}1"), format!("{guesser}2"));
        call(stage, &tenant.key, &first).await?.ok()?;
        for replica in stages.iter().cycle().take(5) {
            call(replica, "blz_nope", &first).await?.refuses(401, "unauthorized")?;
        }
        for replica in &stages {
            // One learns of the other's count by asking once.
            let answer = call(replica, "blz_nope", &second).await?;
            answer.refuses(429, "rate_limited")?;
            ensure!((1..=12).contains(&answer.header("retry-after").parse::<u64>()?), "{answer:?}");
            ensure!(answer.header("ratelimit").is_empty(), "whose would it be?");
        }
        call(stage, &fresh.key, &second).await?.refuses(429, "rate_limited")?;
        call(stage, &tenant.key, &second).await?.ok()?;
        call(stage, &fresh.key, "192.0.2.99").await?.ok()?;
        call(stage, "blz_nope", &format!("192.0.2.{}", std::process::id() % 90))
            .await?
            .refuses(401, "unauthorized")?;
        call(stage, &fresh.key, &second).await?.ok().context("it has opened something meanwhile")?;
        let metrics = tenant.get("/metrics").await?.ok()?.text();
        ensure!(metrics.contains("blazz_rate_limited_total{policy=\"address\"} "), "{metrics}");
        end(stages).await
    })
    .await
}

/// A group of addresses that no other run has.
fn rand_group() -> u16 {
    u16::from_be_bytes(blazz_domain::random::bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_trusted_says_of_the_callers_address_does_not_count() -> anyhow::Result<()> {
    for_each_database(async |database| {
        if !database.pool().is_sqlite() {
            // The address is every test's: its bucket must not be in a common Redis.
            return Ok(());
        }
        let stage = Stage::start_with(database, &[("BLAZZ_REFUSED_KEYS_PER_MINUTE", "5")]).await?;
        for n in 0..6 {
            let request = stage.with_key("blz_nope").request(Method::GET, "/v1/accounts");
            let answer = Answer::of(request.header("x-forwarded-for", format!("192.0.2.{n}"))).await?;
            let (status, code) = if n < 5 { (401, "unauthorized") } else { (429, "rate_limited") };
            answer.refuses(status, code)?;
        }
        stage.operator().get("/v1/nodes").await?.refuses(429, "rate_limited")?;
        stage.end().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn while_redis_is_away_each_process_counts_alone_and_nobody_gets_a_server_error() -> anyhow::Result<()>
{
    for_each_database(async |database| {
        let stages = vec![Stage::start_with(database, &[("BLAZZ_REDIS_URL", "redis://127.0.0.1:9")]).await?];
        let tenant = stages[0].tenant("a").await?;
        let (_, key) =
            key_with(&stages[0], &tenant, json!({ "name": "k", "requests_per_minute": 3 })).await?;
        let began = Instant::now();
        let passed = passed(&stages, &key.key, 40).await?;
        ensure!(passed == 3, "{passed}");
        ensure!(began.elapsed() < Duration::from_secs(5), "nobody waits for long: {:?}", began.elapsed());
        end(stages).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn that_redis_is_away_is_told_in_the_metrics() -> anyhow::Result<()> {
    for_each_database(async |database| {
        for (redis, line) in
            [("redis://127.0.0.1:9", "blazz_rate_limit_alone 1"), ("", "blazz_rate_limit_alone 0")]
        {
            let stage = Stage::start_with(database, &[("BLAZZ_REDIS_URL", redis)]).await?;
            let tenant = stage.tenant("a").await?;
            tenant.get("/v1/accounts").await?.ok()?;
            let metrics = tenant.get("/metrics").await?.ok()?.text();
            ensure!(metrics.lines().any(|told| told == line), "{metrics}");
            stage.end().await?;
        }
        Ok(())
    })
    .await
}

#[test]
fn every_guarded_operation_documents_its_limit() -> anyhow::Result<()> {
    let document = serde_json::to_value(blazz_api::openapi())?;
    for operation in operations(&document)? {
        let Some(kind) = operation.key_kind() else { continue };
        let refusal = &operation.value["responses"]["429"];
        let example = &refusal["content"]["application/problem+json"]["examples"]["rate_limited"];
        ensure!(example.is_object(), "{}: {refusal}", operation.name());
        ensure!(refusal["headers"]["Retry-After"].is_object(), "{}: {refusal}", operation.name());
        let is_counted = kind == "workspace_key";
        for (status, response) in operation.value["responses"].as_object().context("responses")? {
            let told = ["RateLimit", "RateLimit-Policy"].map(|name| response["headers"][name].is_object());
            ensure!(told == [is_counted && status != "401"; 2], "{} {status}", operation.name());
        }
    }
    Ok(())
}
