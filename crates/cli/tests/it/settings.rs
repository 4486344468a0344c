//! Settings as `.env.example` gives them: what is empty is not set, and what is missing is named.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use crate::stack::{eventually, program};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.env.example");

/// The variables that the example sets to nothing.
fn empty_variables() -> Vec<(String, String)> {
    let example = std::fs::read_to_string(EXAMPLE).unwrap();
    let empty = example.lines().filter_map(|line| line.strip_suffix('='));
    empty.map(|name| (name.to_owned(), String::new())).collect()
}

/// The variables that a text names.
fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'));
    words.filter(|word| word.starts_with("BLAZZ_")).collect()
}

/// What a program says when it refuses to start with every variable of the example that is empty.
fn complaint(name: &str, args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(program(name));
    let out = command.args(args).env_clear().envs(empty_variables()).output().unwrap();
    (out.status.code(), String::from_utf8(out.stderr).unwrap())
}

#[test]
fn a_program_complains_about_what_is_missing_and_nothing_else() {
    let api = ["BLAZZ_DATABASE_URL", "BLAZZ_OPERATOR_KEY", "BLAZZ_FLEET_SECRET", "BLAZZ_MEDIA_DIR"];
    let (code, said) = complaint("blazz-api", &[]);
    assert_eq!((code, named(&said)), (Some(2), BTreeSet::from(api)), "{said}");

    let node = [
        "BLAZZ_NODE_ID",
        "BLAZZ_NODE_SECRET",
        "BLAZZ_API_URL",
        "BLAZZ_SESSION_ROOT",
        "BLAZZ_STORAGE_KEY",
        // The sandbox node reaches nothing but an emulator.
        "BLAZZ_WHATSAPP_ENDPOINT",
    ];
    let (code, said) = complaint("blazz-session-node-sandbox", &[]);
    assert_eq!((code, named(&said)), (Some(2), BTreeSet::from(node)), "{said}");

    for (args, missing) in [
        (&["workspace", "list"][..], "BLAZZ_OPERATOR_KEY"),
        (&["migrate"], "BLAZZ_DATABASE_URL"),
        (&["secret", "node", "node-1"], "BLAZZ_FLEET_SECRET"),
    ] {
        let (code, said) = complaint("blazz", args);
        assert_eq!((code, named(&said)), (Some(1), BTreeSet::from([missing])), "{said}");
    }
}

#[tokio::test]
async fn the_emulator_needs_no_setting_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let ready = dir.path().join("ready.json");
    let mut command = Command::new(program("blazz-emulator"));
    command.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--ready-file"]).arg(&ready);
    let mut emulator = command.env_clear().envs(empty_variables()).stderr(Stdio::null()).spawn().unwrap();
    let told = eventually("the emulator listens", async || std::fs::read_to_string(&ready).ok()).await;
    emulator.kill().unwrap();
    emulator.wait().unwrap();
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert!(told["ws_url"].as_str().unwrap().starts_with("ws://127.0.0.1:"), "{told}");
}

#[test]
fn a_shell_can_read_the_example() {
    let script = "set -eu; set -a; . \"$0\"; env";
    let out = Command::new("bash").args(["-c", script, EXAMPLE]).env_clear().output().unwrap();
    let said = String::from_utf8(out.stdout).unwrap();
    assert!(out.status.success() && out.stderr.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(said.lines().any(|line| line == "BLAZZ_API_LISTEN=127.0.0.1:7000"), "{said}");
}

#[test]
fn a_program_without_its_secret_names_the_variable() {
    for (name, variables) in [
        (
            "blazz-api",
            &["BLAZZ_OPERATOR_KEY", "BLAZZ_FLEET_SECRET", "BLAZZ_DATABASE_URL", "BLAZZ_MEDIA_DIR"][..],
        ),
        (
            "blazz-session-node-sandbox",
            &[
                "BLAZZ_NODE_SECRET",
                "BLAZZ_NODE_ID",
                "BLAZZ_API_URL",
                "BLAZZ_SESSION_ROOT",
                "BLAZZ_STORAGE_KEY",
            ][..],
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
                ("BLAZZ_MEDIA_DIR", "/nonexistent/media"),
                ("BLAZZ_NODE_SECRET", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
                ("BLAZZ_STORAGE_KEY", "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"),
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
