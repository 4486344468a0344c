//! The operator's commands, and programs that miss a secret.

use std::process::Command;

use serde_json::Value;

use crate::stack::{Backend, Stack, program};

fn blazz(stack: &Stack, args: &[&str]) -> (bool, String) {
    let out = Command::new(program("blazz"))
        .args(args)
        .env("BLAZZ_API_URL", stack.text("api_url"))
        .env("BLAZZ_OPERATOR_KEY", stack.text("operator_key"))
        .output()
        .unwrap();
    let text = String::from_utf8(if out.status.success() { out.stdout } else { out.stderr }).unwrap();
    (out.status.success(), text)
}

#[tokio::test]
async fn operators_make_workspaces_and_keys_and_see_nodes_and_sessions() {
    let stack = Stack::start(Backend::Sqlite).await;
    let account = stack.link("15550000001").await;

    let (_, made) = blazz(&stack, &["workspace", "create", "Acme", "--json"]);
    let made: Value = serde_json::from_str(&made).unwrap();
    let workspace = made[0]["id"].as_str().unwrap();
    let (_, listed) = blazz(&stack, &["workspace", "list"]);
    assert!(listed.contains("Acme") && listed.contains(workspace), "{listed}");

    let (_, key) = blazz(&stack, &["key", "create", workspace]);
    let answer = stack.call_with(key.trim(), reqwest::Method::GET, "/v1/accounts", None).await.unwrap();
    assert!(answer.status.is_success(), "{}", answer.body);
    let (_, keys) = blazz(&stack, &["key", "list", workspace, "--json"]);
    let keys: Value = serde_json::from_str(&keys).unwrap();
    assert!(!keys.to_string().contains(key.trim()), "a secret is shown once");
    let (revoked, _) = blazz(&stack, &["key", "revoke", workspace, keys[0]["id"].as_str().unwrap()]);
    assert!(revoked);
    let answer = stack.call_with(key.trim(), reqwest::Method::GET, "/v1/accounts", None).await.unwrap();
    assert_eq!(answer.status, reqwest::StatusCode::UNAUTHORIZED);

    let (_, nodes) = blazz(&stack, &["node", "list"]);
    assert!(nodes.contains("node-1") && nodes.contains("node-2"), "{nodes}");
    let (_, sessions) = blazz(&stack, &["session", "list"]);
    assert!(sessions.contains(&account.to_string()) && sessions.contains("connected"), "{sessions}");
    let (_, document) = blazz(&stack, &["openapi"]);
    assert_eq!(serde_json::from_str::<Value>(&document).unwrap()["openapi"], "3.1.0");

    let (ok, error) = blazz(&stack, &["key", "list", "00000000-0000-7000-8000-000000000000"]);
    assert!(!ok && error.contains("not_found"), "{error}");
}

#[test]
fn a_program_without_its_secret_names_the_variable() {
    for (name, variables) in [
        ("blazz-api", &["BLAZZ_OPERATOR_KEY", "BLAZZ_FLEET_SECRET", "BLAZZ_DATABASE_URL"][..]),
        (
            "blazz-session-node-sandbox",
            &["BLAZZ_NODE_SECRET", "BLAZZ_NODE_ID", "BLAZZ_API_URL", "BLAZZ_SESSION_ROOT"][..],
        ),
    ] {
        for missing in variables {
            let complete = [
                (
                    "BLAZZ_OPERATOR_KEY",
                    "blzop_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                ),
                ("BLAZZ_FLEET_SECRET", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
                ("BLAZZ_DATABASE_URL", "sqlite:/nonexistent/blazz.db"),
                ("BLAZZ_NODE_SECRET", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
                ("BLAZZ_NODE_ID", "node-1"),
                ("BLAZZ_API_URL", "http://127.0.0.1:9"),
                ("BLAZZ_SESSION_ROOT", "/nonexistent/root"),
                ("BLAZZ_WHATSAPP_ENDPOINT", "ws://127.0.0.1:9/ws/chat"),
            ];
            let given = complete.into_iter().filter(|(variable, _)| variable != missing);
            let out = Command::new(program(name)).env_clear().envs(given).output().unwrap();
            let error = String::from_utf8(out.stderr).unwrap();
            assert_eq!(out.status.code(), Some(2), "{name} without {missing}: {error}");
            assert!(error.contains(missing), "{name} without {missing}: {error}");
        }
    }
}
