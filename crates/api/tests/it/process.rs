//! The program itself: settings, start, signals, end.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use blazz_test_support::eventually;
use serde_json::Value;

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
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn without_a_secret_it_refuses_with_a_sentence_that_names_the_variable() -> anyhow::Result<()> {
    for name in ["BLAZZ_DATABASE_URL", "BLAZZ_OPERATOR_KEY", "BLAZZ_FLEET_SECRET"] {
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

#[tokio::test(flavor = "multi_thread")]
async fn it_says_when_it_is_ready_and_ends_on_a_signal() -> anyhow::Result<()> {
    blazz_test_support::for_each_database(async |database| {
        let directory = tempfile::tempdir()?;
        let ready = directory.path().join("ready.json");
        let mut child = settings(&mut program())
            .env("BLAZZ_DATABASE_URL", database.url())
            .env("BLAZZ_API_LISTEN", "127.0.0.1:0")
            .env("BLAZZ_API_WORKERS", "1")
            .env("BLAZZ_READY_FILE", &ready)
            .stderr(Stdio::null())
            .spawn()?;
        let told = eventually(DEADLINE, async || read(&ready)).await?;
        ensure!(told["pid"] == child.id(), "{told}");
        let http = blazz_wire::http_client(Duration::from_secs(2), Duration::from_secs(5))?;
        let url = format!("http://{}/readyz", told["address"].as_str().context("an address")?);
        ensure!(http.get(url).send().await?.status() == 200, "it is ready");
        let killed = Command::new("kill").arg(child.id().to_string()).status()?;
        ensure!(killed.success(), "signalled");
        let status = eventually(DEADLINE, async || child.try_wait().ok().flatten()).await?;
        ensure!(status.success(), "{status}");
        Ok(())
    })
    .await
}

fn read(path: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}
