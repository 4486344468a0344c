//! Linking from a terminal: what is drawn there, a phone can scan.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::Method;
use serde_json::{Value, json};

use crate::stack::{Backend, Stack, environment, eventually, fresh_ports, program, required, runs};

/// A command whose output goes to a file and whose standard input the test holds.
struct Running {
    child: Child,
    said: PathBuf,
    keyboard: Option<ChildStdin>,
}

impl Running {
    fn start(mut command: Command, said: PathBuf) -> Self {
        let out = File::create(&said).unwrap();
        command.stdin(Stdio::piped()).stdout(out.try_clone().unwrap()).stderr(out);
        let mut child = command.spawn().unwrap();
        let keyboard = child.stdin.take();
        Self { child, said, keyboard }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.said).unwrap()
    }

    fn types(&mut self, text: &str) {
        self.keyboard.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    async fn until_said(&mut self, text: &str) {
        eventually(&format!("it says {text:?}"), async || {
            let said = self.said();
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none() || said.contains(text), "{said}");
            said.contains(text).then_some(())
        })
        .await;
    }

    async fn ended(&mut self) -> bool {
        eventually("it has ended", async || self.child.try_wait().unwrap()).await.success()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap_or(i32::MAX)), Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

/// `blazz session link` against a running stack.
fn link(stack: &Stack, account: &str, args: &[&str], said: &str) -> Running {
    let mut command = Command::new(program("blazz"));
    command.args(["session", "link", account]).args(args).env_clear();
    command.env("BLAZZ_API_URL", stack.text("api_url")).env("BLAZZ_API_KEY", stack.text("workspace_key"));
    Running::start(command, stack.var().join(said))
}

/// What the last code says that was drawn with half blocks.
fn scan(drawn: &str) -> Option<String> {
    let is_block = |c: char| matches!(c, '█' | '▀' | '▄' | ' ');
    let is_row = |line: &&str| line.chars().count() > 20 && line.contains('█') && line.chars().all(is_block);
    let lines: Vec<&str> = drawn.lines().collect();
    let last = lines.iter().rposition(is_row)?;
    let first = lines[..last].iter().rposition(|line| !is_row(line)).map_or(0, |before| before + 1);
    let light = |line: &str, upper: bool| {
        line.chars().map(|c| c == '█' || c == if upper { '▀' } else { '▄' }).collect::<Vec<_>>()
    };
    let rows: Vec<Vec<bool>> =
        lines[first..=last].iter().flat_map(|line| [light(line, true), light(line, false)]).collect();
    let (scale, width) = (4, rows[0].len());
    let grey = |x: usize, y: usize| match rows[y / scale].get(x / scale) {
        Some(false) => 0,
        _ => 255,
    };
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width * scale, rows.len() * scale, grey);
    image.detect_grids().first()?.decode().ok().map(|(_, text)| text)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_code_in_the_terminal_links_the_phone_that_scans_it() {
    let stack = Stack::start(Backend::Sqlite).await;
    stack.phone("15550000001").await;
    let made = stack.post("/v1/accounts", json!({ "name": "Shop" })).await;
    let mut linking = link(&stack, made["id"].as_str().unwrap(), &[], "link.txt");
    linking.until_said("This code counts for").await;
    assert!(linking.said().contains("Linked devices"), "{}", linking.said());
    let text = scan(&linking.said()).expect("a phone can read what is drawn");
    stack.emulator(Method::POST, "/phones/15550000001/scan", Some(json!({ "qr": text }))).await;
    linking.until_said("linked as +15550000001").await;
    assert!(linking.ended().await, "{}", linking.said());

    // Linked already: said at once, nothing is drawn.
    let mut again = link(&stack, made["id"].as_str().unwrap(), &["--json"], "again.txt");
    assert!(again.ended().await);
    let said: Value = serde_json::from_str(again.said().trim()).unwrap();
    assert_eq!(said, json!({ "event": "linked", "phone": "+15550000001" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_code_is_drawn_when_the_old_one_counts_no_more() {
    let stack = Stack::start(Backend::Sqlite).await;
    stack.phone("15550000001").await;
    let made = stack.post("/v1/accounts", json!({ "name": "Shop" })).await;
    let path = format!("/v1/accounts/{}", made["id"].as_str().unwrap());
    let mut linking = link(&stack, made["id"].as_str().unwrap(), &[], "link.txt");
    linking.until_said("This code counts for").await;
    let first = scan(&linking.said()).unwrap();
    // As when a code runs out, which takes a minute: another takes its place.
    stack.post(&format!("{path}/session/restart"), json!({})).await;
    let expires = stack.get(&format!("{path}/session/qr?wait=20")).await;
    assert_ne!(expires["text"], first.as_str());
    let second =
        eventually("the second code is drawn", async || scan(&linking.said()).filter(|text| *text != first))
            .await;
    stack.emulator(Method::POST, "/phones/15550000001/scan", Some(json!({ "qr": second }))).await;
    linking.until_said("linked as +15550000001").await;
    assert!(linking.ended().await, "{}", linking.said());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pairing_code_in_the_terminal_links_the_phone_it_is_typed_into() {
    let stack = Stack::start(Backend::Sqlite).await;
    stack.phone("15550000001").await;
    let made = stack.post("/v1/accounts", json!({ "name": "Shop" })).await;
    let mut linking =
        link(&stack, made["id"].as_str().unwrap(), &["--phone", "+15550000001", "--json"], "link.txt");
    linking.until_said("pairing_code").await;
    let code: Value = serde_json::from_str(linking.said().lines().next().unwrap()).unwrap();
    let typed = Some(json!({ "code": code["code"] }));
    stack.emulator(Method::POST, "/phones/15550000001/link-code", typed).await;
    linking.until_said("\"linked\"").await;
    assert!(linking.ended().await, "{}", linking.said());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_linked_is_said() {
    let stack = Stack::start(Backend::Sqlite).await;
    let mut nobody = link(&stack, "00000000-0000-7000-8000-000000000000", &[], "nobody.txt");
    assert!(!nobody.ended().await && nobody.said().contains("account_not_found"), "{}", nobody.said());
    let made = stack.post("/v1/accounts", json!({ "name": "Shop" })).await;
    let mut bad = link(&stack, made["id"].as_str().unwrap(), &["--phone", "12"], "bad.txt");
    assert!(!bad.ended().await && bad.said().contains("invalid_phone"), "{}", bad.said());
}

/// `blazz up --live` with a production node, and with nobody where WhatsApp would be.
fn live(dir: &Path) -> Command {
    let bin = dir.join("bin");
    if !bin.exists() {
        std::fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink(program("blazz-api"), bin.join("blazz-api")).unwrap();
        std::os::unix::fs::symlink(required("BLAZZ_TEST_PRODUCTION_NODE"), bin.join("blazz-session-node"))
            .unwrap();
    }
    let mut command = Command::new(program("blazz"));
    command.args(["up", "--live", "--port", &fresh_ports(4).to_string(), "--bin-dir"]).arg(bin).arg("--dir");
    // Never WhatsApp itself: a port that nobody listens on.
    command.arg(dir.join("live")).env_clear().env("BLAZZ_WHATSAPP_ENDPOINT", "ws://127.0.0.1:9/ws/chat");
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn live_mode_asks_first_runs_the_production_node_and_says_when_whatsapp_is_away() {
    let dir = tempfile::tempdir().unwrap();
    let mut up = Running::start(live(dir.path()), dir.path().join("up.txt"));
    up.until_said("Type yes to go on.").await;
    for said in ["linked device", "credentials", "ban", "Log out"] {
        assert!(up.said().contains(said), "{said}: {}", up.said());
    }
    assert!(!dir.path().join("live").exists(), "nothing happens before the answer");
    up.types("yes\n");
    up.until_said("WhatsApp cannot be reached").await;

    let file = std::fs::read_to_string(dir.path().join("live/up.json")).unwrap();
    let file: Value = serde_json::from_str(&file).unwrap();
    assert_eq!(file.get("emulator_url"), None);
    let names: Vec<_> = file["pids"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["api", "node-1"]);
    let pids: Vec<Pid> = file["pids"]
        .as_object()
        .unwrap()
        .values()
        .map(|pid| Pid::from_raw(i32::try_from(pid.as_i64().unwrap()).unwrap()))
        .collect();
    let node = &file["nodes"][0];
    let health = reqwest_get(&format!("{}/healthz", node["url"].as_str().unwrap())).await;
    assert_eq!((&health["sandbox"], &health["node_id"]), (&json!(false), &json!("node-1")));
    let handed_on = environment(pids[1]);
    assert!(handed_on.iter().any(|(name, _)| name == "BLAZZ_WHATSAPP_ENDPOINT"), "{handed_on:?}");

    kill(Pid::from_raw(up.child.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    assert!(up.ended().await, "{}", up.said());
    assert!(!pids.iter().any(|pid| runs(*pid)), "a process is left");
    assert!(!dir.path().join("live/up.json").exists() && up.said().contains("stopped"), "{}", up.said());

    // The directory of a number is no sandbox.
    let mut sandbox = Command::new(program("blazz"));
    sandbox.args(["up", "--port", "0", "--dir"]).arg(dir.path().join("live")).env_clear();
    let out = sandbox.output().unwrap();
    let said = String::from_utf8(out.stderr).unwrap();
    assert!(!out.status.success() && said.contains("--live"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn live_mode_starts_nothing_without_a_yes() {
    let dir = tempfile::tempdir().unwrap();
    for answer in ["no\n", "\n", ""] {
        let mut up = Running::start(live(dir.path()), dir.path().join("up.txt"));
        up.until_said("Type yes to go on.").await;
        if answer.is_empty() {
            up.keyboard = None;
        } else {
            up.types(answer);
        }
        assert!(up.ended().await);
        assert!(up.said().contains("nothing was started"), "{}", up.said());
        assert!(!dir.path().join("live").exists());
    }
}

async fn reqwest_get(url: &str) -> Value {
    let http = blazz_wire::http_client(std::time::Duration::from_secs(2), std::time::Duration::from_secs(5));
    http.unwrap().get(url).send().await.unwrap().json().await.unwrap()
}
