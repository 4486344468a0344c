//! The production node: runs what the sandbox build has paired, and pairs with no emulator.

use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::stack::{Backend, Stack, environment, eventually, required};

/// A production node in the place of a sandbox one, with its settings.
struct Node(std::process::Child);

impl Drop for Node {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(i32::try_from(self.0.id()).unwrap_or(0)), Signal::SIGTERM);
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn it_runs_a_paired_directory_and_pairs_with_no_emulator() {
    let stack = Stack::start(Backend::Sqlite).await;
    let account = stack.link("15550000001").await;
    stack.phone("15550000002").await;
    let name = stack.get(&format!("/v1/accounts/{account}")).await["node_id"].as_str().unwrap().to_owned();
    let settings = environment(stack.pid(&name));

    // The sandbox node stands still and loses its registration to the production node, which takes its name, directory and port.
    stack.signal(&name, Signal::SIGSTOP);
    let port_file = stack.var().join("production.json");
    let log = std::fs::File::create(stack.var().join("logs/production.log")).unwrap();
    let mut command = Command::new(required("BLAZZ_TEST_PRODUCTION_NODE"));
    let root = stack.var().join("production-root");
    copy_tree(&stack.var().join("sessions").join(&name), &root);
    command.env_clear().envs(settings).env("BLAZZ_NODE_LISTEN", "127.0.0.1:0").env_remove("BLAZZ_NODE_URL");
    command.env("BLAZZ_SESSION_ROOT", &root).env("BLAZZ_READY_FILE", &port_file);
    let _node =
        Node(command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap());
    eventually("the production node listens", async || port_file.exists().then_some(())).await;

    let sent = eventually("the paired session works", async || {
        let body = json!({ "account_id": account, "to": "15550000002", "text": "from production" });
        let answer = stack.call(Method::POST, "/v1/messages", Some(body)).await.ok()?;
        answer.status.is_success().then_some(answer.body)
    })
    .await;
    stack.until_status(sent["id"].as_str().unwrap(), "delivered").await;

    let made = stack.post("/v1/accounts", json!({ "name": "second" })).await;
    let second = made["id"].as_str().unwrap();
    stack.post(&format!("/v1/accounts/{second}/session/start"), json!({})).await;
    eventually("its connection is refused", async || {
        let account = stack.get(&format!("/v1/accounts/{second}")).await;
        assert_ne!(account["state"], "qr", "the production node trusts the emulator");
        (account["state_reason"] == "connection_lost").then_some(())
    })
    .await;
    let path = format!("/v1/accounts/{second}/session/qr?wait=3");
    let qr = stack.call(Method::GET, &path, None).await.unwrap();
    assert_eq!((qr.status, &qr.body["code"]), (StatusCode::CONFLICT, &json!("qr_not_available")));
}

fn copy_tree(from: &std::path::Path, to: &std::path::Path) {
    let done = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(done.success());
}
