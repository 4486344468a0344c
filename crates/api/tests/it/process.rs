//! The program itself: settings, start, signals, end.

use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use blazz_test_support::{eventually, for_each_database, for_each_empty_database};
use serde_json::Value;
use tempfile::TempDir;

use crate::stage::OPERATOR;

const DEADLINE: Duration = Duration::from_secs(20);

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_blazz-api"));
    command.env_clear();
    command
}

fn settings(command: &mut Command) -> &mut Command {
    command
        .env("BLAZZ_DATABASE_URL", "sqlite:/nowhere/at/all.db")
        .env("BLAZZ_OPERATOR_KEY", OPERATOR)
        .env("BLAZZ_FLEET_SECRET", "ab".repeat(32))
        .env("BLAZZ_MEDIA_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/media"))
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn without_a_secret_it_refuses_with_a_sentence_that_names_the_variable() -> anyhow::Result<()> {
    for name in ["BLAZZ_DATABASE_URL", "BLAZZ_OPERATOR_KEY", "BLAZZ_FLEET_SECRET", "BLAZZ_MEDIA_DIR"] {
        for arguments in [&[][..], &["serve"], &["config", "check"]] {
            let output = settings(&mut program()).env_remove(name).args(arguments).output()?;
            ensure!(output.status.code() == Some(2), "{output:?}");
            ensure!(words(&output).contains(&format!("{name} is not set")), "{output:?}");
        }
    }
    let good = settings(&mut program()).args(["config", "check"]).output()?;
    ensure!(good.status.success(), "{good:?}");
    Ok(())
}

#[test]
fn what_it_cannot_open_it_names() -> anyhow::Result<()> {
    let output = settings(&mut program()).output()?;
    ensure!(
        output.status.code() == Some(1) && words(&output).contains("cannot open the database"),
        "{output:?}"
    );
    ensure!(!words(&output).contains(OPERATOR), "no secret is shown");
    Ok(())
}

#[test]
fn it_prints_the_document_without_any_setting() -> anyhow::Result<()> {
    let output = program().arg("openapi").output()?;
    let printed: Value = serde_json::from_slice(&output.stdout)?;
    ensure!(
        printed == serde_json::to_value(blazz_api::openapi())?,
        "the printed document is the generated one"
    );
    Ok(())
}

/// A running program; killed when dropped.
struct Running {
    child: Child,
    told: Value,
    _directory: TempDir,
}

impl Running {
    /// Starts the program and waits until it serves.
    async fn start(database_url: &str, redis_url: Option<&str>) -> anyhow::Result<Self> {
        Self::start_with(database_url, redis_url, &[]).await
    }

    /// The same with settings of the test's own.
    async fn start_with(
        database_url: &str,
        redis_url: Option<&str>,
        variables: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        let ready = directory.path().join("ready.json");
        let mut command = serving(database_url, redis_url);
        command.envs(variables.iter().copied());
        let child = command.env("BLAZZ_READY_FILE", &ready).stderr(Stdio::null()).spawn()?;
        let mut running = Self { child, told: Value::Null, _directory: directory };
        running.told = eventually(DEADLINE, async || running.says(&ready)).await??;
        Ok(running)
    }

    /// What it wrote once it serves; an error when it has ended instead.
    fn says(&mut self, ready: &Path) -> Option<anyhow::Result<Value>> {
        if let Some(told) = read(ready) {
            return Some(Ok(told));
        }
        let status = self.child.try_wait().ok().flatten()?;
        Some(Err(anyhow::anyhow!("it ended: {status}")))
    }

    /// Waits for its end.
    async fn ended(&mut self) -> anyhow::Result<ExitStatus> {
        eventually(DEADLINE, async || self.child.try_wait().ok().flatten()).await
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serving(database_url: &str, redis_url: Option<&str>) -> Command {
    let mut command = program();
    settings(&mut command)
        .env("BLAZZ_DATABASE_URL", database_url)
        .env("BLAZZ_API_LISTEN", "127.0.0.1:0")
        .env("BLAZZ_WHATSAPP_VERSION", "2.3000.1")
        .env("BLAZZ_API_WORKERS", "1");
    command.envs(redis_url.map(|url| ("BLAZZ_REDIS_URL", url)));
    command
}

fn read(path: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_when_it_is_ready_and_ends_on_a_signal() -> anyhow::Result<()> {
    for_each_database(async |database| {
        let mut running = Running::start(database.url(), None).await?;
        ensure!(running.told["pid"] == running.child.id(), "{}", running.told);
        let http = blazz_wire::http_client(Duration::from_secs(2), Duration::from_secs(5))?;
        let url = format!("http://{}/readyz", running.told["address"].as_str().context("an address")?);
        ensure!(http.get(url).send().await?.status() == 200, "it is ready");
        let killed = Command::new("kill").arg(running.child.id().to_string()).status()?;
        ensure!(killed.success(), "signalled");
        let status = running.ended().await?;
        ensure!(status.success(), "{status}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_bus_in_process_no_second_one_serves_until_the_first_is_gone() -> anyhow::Result<()> {
    for_each_database(async |database| {
        let mut first = Running::start(database.url(), None).await?;
        let refused = serving(database.url(), None).output()?;
        ensure!(refused.status.code() == Some(1), "{refused:?}");
        ensure!(words(&refused).contains("BLAZZ_REDIS_URL"), "{refused:?}");
        first.child.kill()?;
        first.ended().await?;
        // PostgreSQL may take a moment to notice that a client is gone.
        eventually(DEADLINE, async || Running::start(database.url(), None).await.ok()).await?;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn with_redis_several_serve_from_postgresql_but_never_from_sqlite() -> anyhow::Result<()> {
    let redis = blazz_test_support::redis_url()?;
    for_each_database(async |database| {
        let _first = Running::start(database.url(), Some(&redis)).await?;
        if database.pool().is_sqlite() {
            let refused = serving(database.url(), Some(&redis)).output()?;
            ensure!(refused.status.code() == Some(1), "{refused:?}");
            ensure!(words(&refused).contains("BLAZZ_DATABASE_URL"), "{refused:?}");
        } else {
            Running::start(database.url(), Some(&redis)).await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_database_without_its_tables_it_says_what_to_run() -> anyhow::Result<()> {
    for_each_empty_database(async |url| {
        let refused = serving(url, None).output()?;
        ensure!(refused.status.code() == Some(1), "{refused:?}");
        ensure!(words(&refused).contains("run `blazz migrate`"), "{refused:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_operators_key_is_replaced_both_open_and_no_other() -> anyhow::Result<()> {
    for_each_database(async |database| {
        let old = "blzop_the-one-before-this-one";
        let http = blazz_wire::http_client(Duration::from_secs(2), Duration::from_secs(5))?;
        for (previous, status) in [(old, 200), ("", 401)] {
            let variables = [("BLAZZ_OPERATOR_KEY_PREVIOUS", previous)];
            let mut running = Running::start_with(database.url(), None, &variables).await?;
            let url =
                format!("http://{}/v1/workspaces", running.told["address"].as_str().context("an address")?);
            let ask = async |key: &str| anyhow::Ok(http.get(&url).bearer_auth(key).send().await?.status());
            ensure!(ask(OPERATOR).await? == 200, "the present one");
            ensure!(ask(old).await? == status, "the one before, with {previous:?}");
            let post = async |path: &str| {
                let request = http.post(format!("{url}{path}")).bearer_auth(OPERATOR);
                anyhow::Ok(
                    request.json(&serde_json::json!({ "name": "a" })).send().await?.json::<Value>().await?,
                )
            };
            let workspace = post("").await?;
            let key = post(&format!("/{}/keys", workspace["id"].as_str().context("an id")?)).await?;
            ensure!(ask(key["secret"].as_str().context("a secret")?).await? == 403, "a workspace's key");
            Command::new("kill").arg(running.child.id().to_string()).status()?;
            running.ended().await?;
        }
        Ok(())
    })
    .await
}
