//! WhatsApp Web's version on the whole stack: fetched once for both nodes, and once more when WhatsApp refuses it.

use std::collections::BTreeMap;
use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};

use crate::stack::{Backend, Stack, eventually, program};

/// Links phones of ever new workspaces until each of the two nodes holds a session; gives the keys and the paths of the accounts.
async fn one_session_on_each_node(stack: &Stack) -> Vec<(String, String)> {
    let operator = stack.text("operator_key");
    let mut accounts = BTreeMap::new();
    for n in 0..32 {
        let call = async |key: &str, path: &str, body: Value| {
            stack.call_with(key, Method::POST, path, Some(body)).await.unwrap().body
        };
        let workspace = call(&operator, "/v1/workspaces", json!({ "name": format!("w{n}") })).await;
        let keys = format!("/v1/workspaces/{}/keys", workspace["id"].as_str().unwrap());
        let key = call(&operator, &keys, json!({ "name": "k" })).await["secret"].as_str().unwrap().to_owned();
        let made = call(&key, "/v1/accounts", json!({ "name": "a" })).await;
        let path = format!("/v1/accounts/{}", made["id"].as_str().unwrap());
        call(&key, &format!("{path}/session/start"), json!({})).await;
        let node = stack.call_with(&key, Method::GET, &path, None).await.unwrap().body["node_id"].clone();
        if accounts.contains_key(node.as_str().unwrap()) {
            stack.call_with(&key, Method::DELETE, &path, None).await.unwrap();
            continue;
        }
        let phone = format!("155500003{n:02}");
        stack.phone(&phone).await;
        let qr = stack.call_with(&key, Method::GET, &format!("{path}/session/qr?wait=20"), None).await;
        let scan = Some(json!({ "qr": qr.unwrap().body["text"] }));
        stack.emulator(Method::POST, &format!("/phones/{phone}/scan"), scan).await;
        until(stack, &key, &path, "connected", None).await;
        accounts.insert(node.as_str().unwrap().to_owned(), (key, path));
        if accounts.len() == 2 {
            return accounts.into_values().collect();
        }
    }
    panic!("32 workspaces landed on {:?}", accounts.keys());
}

async fn until(stack: &Stack, key: &str, path: &str, state: &str, reason: Option<&str>) {
    eventually(&format!("the session is {state} {reason:?}"), async || {
        let account = stack.call_with(key, Method::GET, path, None).await.ok()?.body;
        (account["state"] == state && account["state_reason"].as_str() == reason).then_some(())
    })
    .await;
}

/// What `blazz client-version …` says.
fn blazz(stack: &Stack, args: &[&str]) -> Value {
    let mut command = Command::new(program("blazz"));
    command.env("BLAZZ_API_URL", stack.text("api_url")).env("BLAZZ_OPERATOR_KEY", stack.text("operator_key"));
    let out = command.arg("client-version").args(args).arg("--json").output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

#[tokio::test]
async fn a_version_that_whatsapp_refuses_is_fetched_once_more_and_both_nodes_come_back() {
    let stack = Stack::start(Backend::Sqlite).await;
    eventually("the first fetch", async || (blazz(&stack, &["show"])["source"] == "fetched").then_some(()))
        .await;
    let accounts = one_session_on_each_node(&stack).await;
    let fetches = async || stack.emulator(Method::GET, "/stats", None).await["version_fetches"].clone();
    assert_eq!(fetches().await, 1, "once for all");

    // WhatsApp has moved on, but its page does not say so yet.
    let newer = "2.3000.1100000000";
    stack.emulator(Method::PUT, "/version", Some(json!({ "minimum": newer }))).await;
    stack.emulator(Method::POST, "/faults", Some(json!({ "kind": "drop_sockets" }))).await;
    for (key, path) in &accounts {
        until(&stack, key, path, "disconnected", Some("client_outdated")).await;
    }
    eventually("both to be told of", async || {
        (blazz(&stack, &["show"])["refused_sessions"] == 2).then_some(())
    })
    .await;
    eventually("the one fetch", async || (fetches().await == 2).then_some(())).await;

    // The operator knows better.
    let set = blazz(&stack, &["set", newer]);
    assert_eq!((&set["version"], &set["source"]), (&json!(newer), &json!("operator")), "{set}");
    for (key, path) in &accounts {
        until(&stack, key, path, "connected", None).await;
    }
    assert_eq!(fetches().await, 2);
    assert_eq!(blazz(&stack, &["unset"])["source"], "fetched");
}

#[tokio::test]
async fn without_anybodys_help_the_fleet_takes_the_newer_version_from_the_page() {
    let stack = Stack::start(Backend::Sqlite).await;
    let accounts = one_session_on_each_node(&stack).await;
    let newer = "2.3000.1100000000";
    stack.emulator(Method::PUT, "/version", Some(json!({ "current": newer, "minimum": newer }))).await;
    stack.emulator(Method::POST, "/faults", Some(json!({ "kind": "drop_sockets" }))).await;
    eventually("the newer version", async || (blazz(&stack, &["show"])["version"] == newer).then_some(()))
        .await;
    for (key, path) in &accounts {
        until(&stack, key, path, "connected", None).await;
    }
    let stats = stack.emulator(Method::GET, "/stats", None).await;
    assert_eq!(stats["version_fetches"], 2, "one at the start, one for both nodes");
    let phones = stack.emulator(Method::GET, "/phones", None).await;
    let linked: Vec<_> = phones.as_array().unwrap().iter().map(|phone| &phone["devices"]).collect();
    assert_eq!(linked, [1, 1], "each was linked once");
}
