//! `blazz up` itself: one in a directory, nothing left behind, everything kept.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::stack::{Backend, Stack, environment, eventually, program, runs};

/// The permissions of a file or a directory.
fn mode(path: &std::path::Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn what_it_tells_is_private_and_whole() {
    let stack = Stack::start_with(Backend::Sqlite, &[("BLAZZ_LOG", "debug"), ("BLAZZ_X", "x")]).await;
    assert_eq!((mode(&stack.var()), mode(&stack.up_file())), (0o700, 0o600));
    assert_eq!(mode(&stack.var().join("secrets.json")), 0o600);

    let up = stack.up();
    let urls = ["api_url", "emulator_url", "emulator_ws_url"];
    let names = ["operator_key", "workspace_id", "workspace_key", "nodes", "pids"];
    assert_eq!(keys(&up), names.into_iter().chain(urls).collect(), "{up}");
    assert_eq!(keys(&up["pids"]), BTreeSet::from(["api", "emulator", "node-1", "node-2"]), "{up}");
    for (node, id) in up["nodes"].as_array().unwrap().iter().zip(["node-1", "node-2"]) {
        assert_eq!(keys(node), BTreeSet::from(["id", "url", "pid"]), "{up}");
        assert_eq!((&node["id"], &node["pid"]), (&json!(id), &up["pids"][id]), "{up}");
    }
    let printed = stack.printed();
    for said in ["emulator  ready at http://", "api       ready at http://", "node-2    ready at http://"] {
        assert!(printed.contains(said), "{printed}");
    }
    for name in ["api_url", "workspace_key", "emulator_url"] {
        assert!(printed.contains(up[name].as_str().unwrap()), "{printed}");
    }
    let handed_on = environment(stack.pid("node-1"));
    assert!(handed_on.contains(&("BLAZZ_LOG".into(), "debug".into())), "{handed_on:?}");
    assert!(handed_on.iter().all(|(name, _)| name != "BLAZZ_X"), "{handed_on:?}");
}

#[tokio::test]
async fn whatever_asks_it_to_stop_it_leaves_no_process_and_keeps_everything_else() {
    let mut stack = Stack::start(Backend::Sqlite).await;
    let made = stack.post("/v1/accounts", json!({ "name": "Shop" })).await;
    let kept = ["operator_key", "workspace_id", "workspace_key"];
    let before = kept.map(|name| stack.text(name));
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT] {
        let pids = stack.pids();
        assert!(pids.len() == 4 && pids.iter().all(|pid| runs(*pid)), "{pids:?}");
        let status = stack.end(signal).await;
        assert!(status.success(), "{signal}: {status}");
        assert!(!pids.iter().any(|pid| runs(*pid)), "{signal} leaves a process");
        assert!(!stack.up_file().exists() && !stack.var().join("children.json").exists(), "{signal}");
        stack.start_again().await;
        assert_eq!(kept.map(|name| stack.text(name)), before, "{signal}");
        let account = stack.get(&format!("/v1/accounts/{}", made["id"].as_str().unwrap())).await;
        assert_eq!(account["name"], "Shop");
    }
}

#[tokio::test]
async fn after_a_killed_one_the_next_ends_what_was_left() {
    let mut stack = Stack::start(Backend::Sqlite).await;
    let left = stack.pids();
    stack.end(Signal::SIGKILL).await;
    assert!(left.iter().all(|pid| runs(*pid)), "the test needs something that is left");
    stack.start_again().await;
    assert!(!left.iter().any(|pid| runs(*pid)), "two stacks in one directory");
    stack.get("/v1/accounts").await;
}

#[tokio::test]
async fn a_second_one_in_the_same_directory_refuses_and_disturbs_nothing() {
    let stack = Stack::start(Backend::Sqlite).await;
    let before = stack.up();
    let refused = stack.another().stdout(Stdio::null()).stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success() && said.contains("another `blazz up` runs in"), "{said}");
    assert_eq!(stack.up(), before);
    stack.get("/v1/accounts").await;
}

#[tokio::test]
async fn it_goes_on_when_nobody_reads_what_it_prints() {
    let mut stack = Stack::start(Backend::Sqlite).await;
    stack.end(Signal::SIGTERM).await;
    stack.start_unheard().await;
    stack.kill("node-1").await;
    stack.kill("api").await;
    eventually("the API answers", async || stack.call(reqwest::Method::GET, "/v1/accounts", None).await.ok())
        .await;
}

#[tokio::test]
async fn settings_that_a_program_refuses_end_the_start_with_its_words() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(program("blazz"));
    command.args(["up", "--port", "0", "--dir"]).arg(dir.path()).env("BLAZZ_LOG_FORMAT", "xml");
    let out = command.output().unwrap();
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(!out.status.success() && said.contains("BLAZZ_LOG_FORMAT must be"), "{said}");
    assert!(!dir.path().join("up.json").exists());
}

#[tokio::test]
async fn a_node_whose_place_was_taken_is_not_started_again() {
    let stack = Stack::start(Backend::Sqlite).await;
    let pid = stack.pid("node-1");
    let root = tempfile::tempdir().unwrap();
    let mut command = Command::new(program("blazz-session-node-sandbox"));
    command.env_clear().envs(environment(pid)).env("BLAZZ_NODE_LISTEN", "127.0.0.1:0");
    command.env("BLAZZ_SESSION_ROOT", root.path()).stderr(Stdio::null()).stdout(Stdio::null());
    let mut usurper = command.spawn().unwrap();
    eventually("it is said", async || {
        stack.printed().contains("another process has taken its place").then_some(())
    })
    .await;
    assert!(!runs(pid));
    // Whatever else is started again, this one stays away.
    let other = stack.pid("node-2");
    nix::sys::signal::kill(other, Signal::SIGKILL).unwrap();
    stack.until_started_again("node-2", other).await;
    assert_eq!(stack.up()["pids"]["node-1"], Value::Null);
    assert!(runs(Pid::from_raw(usurper.id().try_into().unwrap())));
    usurper.kill().unwrap();
    usurper.wait().unwrap();
}
