//! What strangers make of the OpenAPI document: schemathesis (PyPI) calls every operation with what fits it and with what does not, and
//! compares each answer with what the document promises; and a validator of JSON Schema compares each example with its schema.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::stack::{Backend, Stack, required};

/// The same requests at every run.
const SEED: &str = "20261124";
/// Requests per operation, phase and mode: enough to find what it found, few enough for every run of the tests.
const EXAMPLES: &str = "25";

/// Everything that schemathesis can hold against an answer, but for three:
/// - `positive_data_acceptance`: ids that fit the document are mostly those of nothing, and 404 is right.
/// - `negative_data_rejection`: unknown query parameters are ignored, as HTTP clients expect.
/// - `object_level_authorization`: needs two callers; the tenant test made from the document is stricter.
const UNWANTED: &str = "positive_data_acceptance,negative_data_rejection,object_level_authorization";

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_is_a_server_error_or_undocumented() {
    let stack = Stack::start(Backend::Sqlite).await;
    let mut command = schemathesis();
    command
        .args(["run", &format!("{}/openapi.json", stack.text("api_url"))])
        // One at a time: Python 3.11 parses code in two threads at once only by luck.
        .args(["--seed", SEED, "--max-examples", EXAMPLES, "--generation-deterministic", "--workers", "1"])
        .args(["--exclude-checks", UNWANTED, "--suppress-health-check", "all", "--continue-on-failure"])
        .args(["--request-timeout", "60", "--no-color"])
        .env("BLAZZ_OPERATOR_KEY", stack.text("operator_key"))
        .env("BLAZZ_WORKSPACE_KEY", stack.text("workspace_key"))
        .current_dir(stack.var());
    let out = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{said}\n{}", String::from_utf8_lossy(&out.stderr));
    println!("{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_fits_its_schema() {
    let stack = Stack::start(Backend::Sqlite).await;
    let document = stack.get("/openapi.json").await.to_string();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemathesis/examples.py");
    let mut command = Command::new(required("BLAZZ_TEST_PYTHON"));
    command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(document.as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

/// The program in the environment that `scripts/test` makes, with our settings.
fn schemathesis() -> Command {
    let python = PathBuf::from(required("BLAZZ_TEST_PYTHON"));
    let program = python.with_file_name("schemathesis");
    assert!(program.is_file(), "{} is missing; run the tests with scripts/test", program.display());
    let settings = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemathesis/schemathesis.toml");
    let mut command = Command::new(program);
    command.arg("--config-file").arg(settings);
    command
}
