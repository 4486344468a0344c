//! A second opinion: the PyPI package `http-message-signatures` verifies what we sign and signs what we verify.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::Context as _;
use blazz_domain::SendOutcome;
use blazz_wire::RequestId;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::served::{NODE, PATIENCE, Served, a_lease, a_message};

fn python(mode: &str, fleet_secret: &str) -> anyhow::Result<Command> {
    let python = std::env::var_os("BLAZZ_TEST_PYTHON").context(
        "set BLAZZ_TEST_PYTHON to the python of a venv with `pip install -r \
         crates/wire/tests/independent/requirements.txt`; scripts/test does both",
    )?;
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/independent/hop.py");
    let mut command = Command::new(python);
    command.arg(script).arg(mode).env("FLEET_SECRET", fleet_secret).env("NODE_ID", NODE);
    command.stdout(Stdio::piped()).stdin(Stdio::null()).kill_on_drop(true);
    Ok(command)
}

#[tokio::test]
async fn it_verifies_our_requests_and_we_its_answers() -> anyhow::Result<()> {
    // Serves only as the holder of keys and clock.
    let node = Served::node();
    let mut server = python("serve", &node.fleet.to_hex())?.spawn()?;
    let mut lines = BufReader::new(server.stdout.take().context("stdout is piped")?).lines();
    let mut line = async || -> anyhow::Result<String> {
        tokio::time::timeout(PATIENCE, lines.next_line()).await??.context("the script ended")
    };
    let port: u16 = line().await?.parse()?;
    let client = node.node_client_at(format!("http://127.0.0.1:{port}").parse()?, &node.fleet);

    let (lease, id) = (a_lease(), RequestId::generate());
    assert_eq!(client.send(&lease, &a_message(), &id).await?, SendOutcome::NotConnected);
    assert_eq!(line().await?, format!("verified POST /internal/v1/sessions/{}/messages", lease.account_id));
    let code = client.qr(&lease, std::time::Duration::from_secs(2), &id).await?;
    assert_eq!(code.text, "2@python");
    assert_eq!(
        line().await?,
        format!("verified GET /internal/v1/sessions/{}/qr?wait_ms=2000", lease.account_id)
    );
    assert_eq!(client.list(&id).await?.sessions, []);
    assert_eq!(line().await?, "verified GET /internal/v1/sessions");
    server.kill().await?;
    Ok(())
}

#[tokio::test]
async fn we_verify_its_requests_and_it_our_answers() -> anyhow::Result<()> {
    let node = Served::node();
    let lease = a_lease();
    let mut command = python("call", &node.fleet.to_hex())?;
    command.arg(node.url.as_str()).arg(lease.to_string()).arg(node.clock.seconds().to_string());
    let output = tokio::time::timeout(PATIENCE, command.output()).await??;
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout)?;
    let account = lease.account_id;
    assert_eq!(
        said.lines().collect::<Vec<_>>(),
        ["200 verified", "200 verified", "200 verified", "401 verified", "404 verified"]
    );
    let calls: Vec<String> = node.take_seen().into_iter().map(|seen| seen.call).collect();
    let path = format!("/internal/v1/sessions/{account}");
    assert_eq!(
        calls,
        [format!("PUT {path}"), format!("GET {path}/qr?wait_ms=7"), "GET /internal/v1/sessions".to_owned()]
    );
    Ok(())
}
