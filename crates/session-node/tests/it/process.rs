//! The binary itself: how it refuses, what it says it is, how it ends.

use std::process::{Command, Output};

fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_blazz-session-node-sandbox"));
    command.env_clear();
    command
}

fn complete() -> Command {
    let mut command = binary();
    command
        .env("BLAZZ_NODE_ID", "node-1")
        .env("BLAZZ_NODE_SECRET", "5a".repeat(32))
        .env("BLAZZ_API_URL", "http://127.0.0.1:9")
        .env("BLAZZ_SESSION_ROOT", "/dev/null/nowhere")
        .env("BLAZZ_WHATSAPP_ENDPOINT", "ws://127.0.0.1:9/ws/chat");
    command
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn without_its_secret_it_refuses_and_names_the_variable() {
    let output = complete().env_remove("BLAZZ_NODE_SECRET").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("BLAZZ_NODE_SECRET is not set"), "{}", stderr(&output));
}

#[test]
fn the_sandbox_refuses_every_endpoint_but_the_emulators() {
    for endpoint in ["", "wss://web.whatsapp.com/ws/chat", "ws://192.0.2.1/ws/chat"] {
        let output = complete().env("BLAZZ_WHATSAPP_ENDPOINT", endpoint).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{endpoint}");
        assert!(stderr(&output).contains("BLAZZ_WHATSAPP_ENDPOINT"), "{}", stderr(&output));
    }
}

#[test]
fn a_session_root_that_cannot_be_opened_ends_it_after_it_said_what_it_is() {
    let output = complete().output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("this is the sandbox build"), "{said}");
    assert!(said.contains("/dev/null/nowhere"), "{said}");
    assert!(!said.contains(&"5a".repeat(32)), "a secret in the log");
}

#[test]
fn help_and_version_need_no_settings() {
    let help = binary().arg("--help").output().unwrap();
    assert!(help.status.success() && String::from_utf8_lossy(&help.stdout).contains("BLAZZ_NODE_SECRET"));
    let version = binary().arg("--version").output().unwrap();
    assert!(String::from_utf8_lossy(&version.stdout).contains(env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_production_binary_with_the_sandbox_feature_refuses_to_run() {
    let output = Command::new(env!("CARGO_BIN_EXE_blazz-session-node")).env_clear().output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("sandbox"), "{}", stderr(&output));
}
