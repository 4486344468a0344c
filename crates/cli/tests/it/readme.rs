//! The README's walkthrough, as it stands there.

use std::process::Command;

use crate::stack::{Backend, Stack};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md");

/// The shell commands below the heading, up to the next heading.
fn commands_below(heading: &str) -> String {
    let readme = std::fs::read_to_string(README).unwrap();
    let (_, below) = readme.split_once(&format!("\n## {heading}\n")).unwrap();
    let section = below.split("\n## ").next().unwrap();
    let blocks = section.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap());
    blocks.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_walkthrough_works_as_it_is_written() {
    let stack = Stack::start(Backend::Sqlite).await;
    let script = commands_below("Walkthrough");
    assert!(script.contains("var/up.json"), "{script}");
    let folder = stack.var().parent().unwrap().to_owned();
    let run = move || {
        let mut command = Command::new("timeout");
        command.args(["60", "bash", "-xeuo", "pipefail", "-c", &script]).current_dir(folder).output()
    };
    let out = tokio::task::spawn_blocking(run).await.unwrap().unwrap();
    let (said, steps) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{said}\n{steps}");
    // The reply, and what became of the message.
    assert!(said.contains("Hi there") && said.trim_end().ends_with("read"), "{said}\n{steps}");
}
