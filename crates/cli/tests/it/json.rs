//! What `--json` prints, against what docs/cli.md says that it prints.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use crate::documents::repository;
use crate::stack::{Backend, Stack, program};

/// The commands of the page with the JSON that stands below each.
fn documented() -> Vec<(String, Value)> {
    let page = std::fs::read_to_string(repository("docs/cli.md")).unwrap();
    let parts = page.split("\n### `blazz ").skip(1);
    let read = |part: &str| {
        let (command, below) = part.split_once("`\n").unwrap();
        let shape = below.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
        (command.to_owned(), serde_json::from_str(shape).unwrap_or_else(|error| panic!("{command}: {error}")))
    };
    parts.map(read).collect()
}

/// Where `got` lacks something of `expected`, or has something of another kind.
fn differences(path: &str, expected: &Value, got: &Value, found: &mut Vec<String>) {
    match (expected, got) {
        (Value::Null, _) | (_, Value::Null) => {}
        (Value::Object(expected), Value::Object(got)) => {
            let optional = ["advice"];
            for name in expected.keys().chain(got.keys()).collect::<BTreeSet<_>>() {
                match (expected.get(name), got.get(name)) {
                    (Some(expected), Some(got)) => {
                        differences(&format!("{path}.{name}"), expected, got, found)
                    }
                    (None, Some(_)) if optional.contains(&name.as_str()) => {}
                    (Some(_), None) => found.push(format!("{path}.{name} is missing")),
                    _ => found.push(format!("{path}.{name} is not documented")),
                }
            }
        }
        (Value::Array(expected), Value::Array(got)) => {
            for (index, (one, got)) in expected.first().into_iter().cycle().zip(got).enumerate() {
                differences(&format!("{path}[{index}]"), one, got, found);
            }
        }
        _ if std::mem::discriminant(expected) == std::mem::discriminant(got) => {}
        _ => found.push(format!("{path} is {got}")),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_printed_is_what_the_page_says() {
    let stack = Stack::start(Backend::Sqlite).await;
    let account = stack.link("15550000001").await.to_string();
    let folder = stack.var().parent().unwrap().to_owned();
    let fleet = blazz_wire::keys::FleetSecret::generate().to_hex();
    let run = |command: &str| -> Value {
        let out = Command::new(program("blazz"))
            .args(command.split_whitespace())
            .current_dir(&folder)
            .env_clear()
            .env("BLAZZ_API_URL", stack.text("api_url"))
            .env("BLAZZ_OPERATOR_KEY", stack.text("operator_key"))
            .env("BLAZZ_API_KEY", stack.text("workspace_key"))
            .output()
            .unwrap();
        let said = String::from_utf8(out.stdout).unwrap();
        let error = String::from_utf8(out.stderr).unwrap();
        serde_json::from_str(&said).unwrap_or_else(|_| panic!("blazz {command}: {said}{error}"))
    };
    let workspace = stack.text("workspace_id");
    let mut key = String::new();
    for (command, shape) in documented() {
        let mut asked =
            command.replace("WORKSPACE", &workspace).replace("KEY", &key).replace("ACCOUNT", &account);
        if command.starts_with("secret node") {
            asked.push_str(&format!(" --fleet-secret {fleet}"));
        }
        if command.starts_with("migrate") {
            asked.push_str(" --config var/settings/api.env");
        }
        let got = run(&asked);
        if let Some(id) = got["key"]["id"].as_str() {
            id.clone_into(&mut key);
        }
        let mut found = Vec::new();
        differences("", &shape, &got, &mut found);
        assert!(found.is_empty(), "blazz {command}: {found:#?}");
    }
}

#[test]
fn every_command_with_json_is_on_the_page() {
    let dir = tempfile::tempdir().unwrap();
    let made = Command::new(program("blazz")).arg("manual").arg(dir.path()).status().unwrap();
    assert!(made.success());
    let commands: Vec<_> = documented().into_iter().map(|(command, _)| command).collect();
    for page in std::fs::read_dir(dir.path()).unwrap().flatten() {
        let text = std::fs::read_to_string(page.path()).unwrap();
        let name = page.file_name().into_string().unwrap();
        let command = name.trim_start_matches("blazz-").trim_end_matches(".1").replace('-', " ");
        if text.contains("\\-\\-json") && command != "openapi" {
            let is_it = |known: &String| known.replace('-', " ").starts_with(&format!("{command} "));
            let is_there = commands.iter().any(is_it);
            assert!(is_there, "docs/cli.md does not say what `blazz {command} --json` prints");
        }
    }
}
