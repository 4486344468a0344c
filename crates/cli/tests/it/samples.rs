//! The guide's sample programs, on a road where messages meet trouble.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::documents::repository;
use crate::stack::{Backend, Stack, eventually};
use crate::troubled_road::{TROUBLES, TroubledRoad};

const SHOP: &str = "15550000001";
const ANNA: &str = "15550000002";

#[tokio::test(flavor = "multi_thread")]
async fn the_python_sample_sends_once_and_answers_once() {
    sends_once_and_answers_once("python3", "python/shop.py").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_php_sample_sends_once_and_answers_once() {
    sends_once_and_answers_once("php", "php/shop.php").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_typescript_sample_sends_once_and_answers_once() {
    let sample = repository("docs/guide/samples/typescript");
    let folder = tempfile::tempdir().unwrap();
    let build = folder.path().join("build");
    std::fs::copy(sample.join("package.json"), folder.path().join("package.json")).unwrap();
    let mut compiler = Command::new("node");
    compiler.arg(sample.join("node_modules/typescript/bin/tsc")).arg("-p").arg(&sample);
    let out = output(compiler.arg("--outDir").arg(&build));
    assert!(out.status.success(), "run scripts/test, which installs TypeScript: {}", words(&out));
    sends_once_and_answers_once("node", build.join("shop.js").to_str().unwrap()).await;
}

/// `sample` lies in the samples' folder, or is an absolute path.
async fn sends_once_and_answers_once(language: &str, sample: &str) {
    let stack = Stack::start(Backend::Sqlite).await;
    stack.phone(SHOP).await;
    stack.phone(ANNA).await;
    let road = TroubledRoad::to(&stack.text("api_url")).await;
    let folder = tempfile::tempdir().unwrap();
    let start = |customer: &str| {
        let mut command = program(&stack, &road, language, sample, folder.path());
        command.arg(customer);
        tokio::task::spawn_blocking(move || output(&mut command))
    };

    let first = start(&format!("+{ANNA}"));
    eventually("the message has arrived, or the program has ended", async || {
        (first.is_finished() || stack.inbox(ANNA).await.len() == 1).then_some(())
    })
    .await;
    let reply = json!({ "to": SHOP, "text": "Thanks!" });
    stack.emulator(Method::POST, &format!("/phones/{ANNA}/messages"), Some(reply)).await;
    let out = first.await.unwrap();
    assert!(out.status.success(), "{}", words(&out));

    let attempts = road.attempts();
    let of_the_order = attempts.iter().take_while(|attempt| attempt.key.as_deref() == Some("order-17"));
    assert_eq!(of_the_order.count(), TROUBLES + 1, "{attempts:?}");
    let waited = attempts[1].at - attempts[0].at;
    assert!(waited >= Duration::from_secs(1), "as long as the server had said: {waited:?}");
    let seen: Vec<_> = stack
        .inbox(ANNA)
        .await
        .iter()
        .map(|message| (message["body"].clone(), message["arrivals"].clone()))
        .collect();
    assert_eq!(seen, [(json!("Your order is ready"), json!(1)), (json!("Thank you"), json!(1))]);

    let refused = start("+1").await.unwrap();
    assert_eq!(refused.status.code(), Some(1), "{}", words(&refused));
    assert!(words(&refused).contains("invalid_phone"), "{}", words(&refused));
    let accounts = stack.get("/v1/accounts").await;
    assert_eq!(accounts["data"].as_array().unwrap().len(), 1, "a second start goes on with the same account");
}

fn program(stack: &Stack, road: &TroubledRoad, language: &str, sample: &str, folder: &Path) -> Command {
    let mut command = Command::new("timeout");
    command.args(["60", language]).arg(repository("docs/guide/samples").join(sample));
    command.current_dir(folder).env("PYTHONDONTWRITEBYTECODE", "1");
    command.env("BLAZZ_API_URL", &road.url).env("BLAZZ_API_KEY", stack.text("workspace_key"));
    command.env("BLAZZ_PHONES_URL", stack.text("emulator_url")).env("BLAZZ_PHONE", SHOP);
    command
}

fn output(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; run scripts/test"))
}

fn words(out: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}
