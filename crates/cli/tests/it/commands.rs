//! The operator's commands.

use std::process::Command;

use serde_json::Value;

use crate::stack::{Backend, Stack, fresh_postgres, program};

/// `blazz` without any setting but those in `variables`.
fn alone(args: &[&str], variables: &[(&str, &str)]) -> (bool, String) {
    let mut command = Command::new(program("blazz"));
    text(command.args(args).env_clear().envs(variables.iter().copied()))
}

fn blazz(stack: &Stack, args: &[&str]) -> (bool, String) {
    let (url, key) = (stack.text("api_url"), stack.text("operator_key"));
    alone(args, &[("BLAZZ_API_URL", &url), ("BLAZZ_OPERATOR_KEY", &key)])
}

/// Whether it succeeded, and what it says.
fn text(command: &mut Command) -> (bool, String) {
    let out = command.output().unwrap();
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

    let (_, limited) = blazz(&stack, &["key", "create", workspace, "--requests-per-minute", "1", "--json"]);
    let limited: Value = serde_json::from_str(&limited).unwrap();
    let (id, secret) = (limited["key"]["id"].as_str().unwrap(), limited["secret"].as_str().unwrap());
    let status = async || {
        stack.call_with(secret, reqwest::Method::GET, "/v1/accounts", None).await.unwrap().status.as_u16()
    };
    assert_eq!((status().await, status().await), (200, 429));
    let (_, changed) = blazz(&stack, &["key", "limit", workspace, id, "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&changed).unwrap()[0]["requests_per_minute"], Value::Null);
    assert_eq!((status().await, status().await), (200, 200), "the workspace's own are not counted here");

    let (_, audit) = blazz(&stack, &["audit", "list", "--workspace", workspace, "--json"]);
    let audit: Value = serde_json::from_str(&audit).unwrap();
    let done: Vec<_> = audit.as_array().unwrap().iter().map(|entry| &entry["action"]).collect();
    assert_eq!(done, ["updateKey", "createKey", "revokeKey", "createKey", "createWorkspace"]);
    assert!(audit[0]["address"] == "127.0.0.1" && audit[0]["object_id"] == id, "{audit}");
    let (_, newest) = blazz(&stack, &["audit", "list", "--limit", "2"]);
    assert!(newest.lines().count() == 3 && newest.contains("updateKey"), "{newest}");

    let (_, nodes) = blazz(&stack, &["node", "list"]);
    assert!(nodes.lines().count() == 3 && nodes.contains("node-1") && nodes.contains("node-2"), "{nodes}");
    let states = nodes.lines().map(|line| line.split_whitespace().nth(1).unwrap());
    assert_eq!(states.collect::<Vec<_>>(), ["STATE", "ready", "ready"]);
    let (_, sessions) = blazz(&stack, &["session", "list"]);
    assert!(sessions.contains(&account.to_string()) && sessions.contains("connected"), "{sessions}");
    let (_, document) = blazz(&stack, &["openapi"]);
    assert_eq!(serde_json::from_str::<Value>(&document).unwrap()["openapi"], "3.1.0");

    let (ok, error) = blazz(&stack, &["key", "list", "00000000-0000-7000-8000-000000000000"]);
    assert!(!ok && error.contains("not_found"), "{error}");
}

#[test]
fn an_empty_database_is_migrated_and_a_migrated_one_is_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let sqlite = format!("sqlite:{}", dir.path().join("blazz.db").display());
    for url in [sqlite, fresh_postgres()] {
        for _ in 0..2 {
            let (ok, said) = alone(&["migrate"], &[("BLAZZ_DATABASE_URL", &url)]);
            assert!(ok && said.contains("up to date"), "{url}: {said}");
        }
    }
    let (ok, error) = alone(&["migrate", "--database-url", "sqlite:/nowhere/at/all.db"], &[]);
    assert!(!ok && error.contains("cannot open the database"), "{error}");
}

#[test]
fn secrets_are_fresh_and_a_nodes_is_derived() {
    let made = |args: &[&str], fleet: &str| {
        let (ok, secret) = alone(args, &[("BLAZZ_FLEET_SECRET", fleet)]);
        assert!(ok, "{secret}");
        secret.trim().to_owned()
    };
    let (fleet, other) = (made(&["secret", "fleet"], ""), made(&["secret", "fleet"], ""));
    assert_ne!(fleet, other);
    let node = made(&["secret", "node", "node-1"], &fleet);
    assert_eq!(node, made(&["secret", "node", "node-1"], &fleet));
    assert_ne!(node, made(&["secret", "node", "node-2"], &fleet));
    assert_ne!(node, made(&["secret", "node", "node-1"], &other));
    let (ok, error) = alone(&["secret", "node", "node-1", "--fleet-secret", "hunter2"], &[]);
    assert!(!ok && error.contains("BLAZZ_FLEET_SECRET") && !error.contains("hunter2"), "{error}");

    let operator = made(&["secret", "operator"], "");
    assert_ne!(operator, made(&["secret", "operator"], ""));
    let mut api = Command::new(program("blazz-api"));
    api.args(["config", "check"])
        .env_clear()
        .env("BLAZZ_DATABASE_URL", "sqlite:/x.db")
        .env("BLAZZ_MEDIA_DIR", "/x");
    let (ok, said) = text(api.env("BLAZZ_FLEET_SECRET", &fleet).env("BLAZZ_OPERATOR_KEY", &operator));
    assert!(ok, "what was made is taken: {said}");
}

#[test]
fn what_is_printed_for_people_is_printed_for_programs_as_well() {
    let json = |args: &[&str], variables: &[(&str, &str)]| -> Value {
        let (ok, said) = alone(args, variables);
        assert!(ok, "{said}");
        serde_json::from_str(&said).unwrap()
    };
    let fleet = json(&["secret", "fleet", "--json"], &[]);
    let fleet = fleet["secret"].as_str().unwrap();
    let node = json(&["secret", "node", "node-1", "--json"], &[("BLAZZ_FLEET_SECRET", fleet)]);
    let (_, text) = alone(&["secret", "node", "node-1"], &[("BLAZZ_FLEET_SECRET", fleet)]);
    assert_eq!(node["secret"], text.trim());
    assert!(json(&["secret", "operator", "--json"], &[])["secret"].as_str().unwrap().starts_with("blzop_"));
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", dir.path().join("blazz.db").display());
    assert_eq!(json(&["migrate", "--json"], &[("BLAZZ_DATABASE_URL", &url)])["is_up_to_date"], true);
}

#[test]
fn a_shell_completes_commands_and_man_knows_every_one() {
    let dir = tempfile::tempdir().unwrap();
    let (_, script) = alone(&["completions", "bash"], &[]);
    let file = dir.path().join("blazz.bash");
    std::fs::write(&file, script).unwrap();
    let ask = "source \"$0\"; COMP_WORDS=(blazz wor); COMP_CWORD=1; _blazz blazz wor blazz; echo \"${COMPREPLY[*]}\"";
    let (ok, words) = text(Command::new("bash").args(["-c", ask]).arg(&file));
    assert!(ok && words.trim() == "workspace", "{words}");
    for shell in ["zsh", "fish"] {
        let (ok, script) = alone(&["completions", shell], &[]);
        assert!(ok && script.contains("workspace"), "{shell}: {script}");
    }

    let pages = dir.path().join("share/man1");
    let secret = ("BLAZZ_OPERATOR_KEY", "blzop_hunter2");
    let (ok, error) = alone(&["manual", pages.to_str().unwrap()], &[secret]);
    assert!(ok, "{error}");
    for page in [
        "blazz.1",
        "blazz-doctor.1",
        "blazz-session-link.1",
        "blazz-up.1",
        "blazz-key-create.1",
        "blazz-secret-node.1",
    ] {
        let page = std::fs::read_to_string(pages.join(page)).unwrap();
        assert!(page.contains(".SH SYNOPSIS") && !page.contains("hunter2"), "{page}");
    }
}

#[test]
fn every_program_has_completions_a_manual_and_a_help_with_examples() {
    for name in ["blazz-api", "blazz-session-node-sandbox", "blazz-emulator"] {
        let dir = tempfile::tempdir().unwrap();
        let run = |args: &[&str]| {
            let mut command = Command::new(program(name));
            let (ok, said) = text(command.args(args).env_clear().env("BLAZZ_NODE_SECRET", "hunter2"));
            assert!(ok, "{name} {args:?}: {said}");
            said
        };
        let bash = run(&["completions", "bash"]);
        assert!(bash.contains("config") && bash.contains(name), "{bash}");
        for shell in ["zsh", "fish"] {
            assert!(run(&["completions", shell]).contains("config"), "{name} {shell}");
        }
        run(&["manual", dir.path().to_str().unwrap()]);
        for page in [format!("{name}.1"), format!("{name}-config-check.1")] {
            let page = std::fs::read_to_string(dir.path().join(page)).unwrap();
            assert!(page.contains(".SH SYNOPSIS") && !page.contains("hunter2"), "{page}");
        }
        let help = run(&["--help"]);
        assert!(help.contains("Examples:") && help.contains("BLAZZ_") && !help.contains("hunter2"), "{help}");
    }
}
