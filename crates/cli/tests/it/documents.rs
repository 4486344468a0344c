//! The commands in the README and in the guide, as they stand there.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::stack::{Backend, Stack, program};

/// A page of the guide whose commands start a sandbox of their own.
const OWN_SANDBOX: &str = "testing.md";

/// A file of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path).canonicalize().unwrap()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(repository(path)).unwrap()
}

/// The part of a page below a heading, up to the next heading.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let (_, below) = page.split_once(&format!("\n## {heading}\n")).unwrap();
    below.split("\n## ").next().unwrap()
}

/// The shell commands of a text.
fn commands(text: &str) -> String {
    text.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap()).collect()
}

/// Runs a script in a folder, which must succeed; gives what it printed.
async fn run(script: String, folder: PathBuf) -> String {
    let run = move || {
        let mut command = Command::new("timeout");
        command.args(["60", "bash", "-xeuo", "pipefail", "-c", &script]).current_dir(folder).output()
    };
    let out = tokio::task::spawn_blocking(run).await.unwrap().unwrap();
    let (said, steps) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{said}\n{steps}");
    said.into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_walkthrough_works_as_it_is_written() {
    let stack = Stack::start(Backend::Sqlite).await;
    let script = commands(section(&read("README.md"), "Walkthrough"));
    assert!(script.contains("var/up.json"), "{script}");
    let said = run(script, stack.var().parent().unwrap().to_owned()).await;
    // The reply, and what became of the message.
    assert!(said.contains("Hi there") && said.trim_end().ends_with("read"), "{said}");
}

#[test]
fn what_the_readme_starts_is_there_to_be_started() {
    let readme = read("README.md");
    let start = commands(section(&readme, "Start"));
    let programs: Vec<_> = start.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(programs, ["scripts/up", "scripts/test"]);
    for name in programs {
        let mode = std::fs::metadata(repository(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o111, 0o111, "{name}");
    }
}

/// The guide's pages in the order in which its index names them.
fn pages() -> Vec<String> {
    let index = read("docs/guide/README.md");
    let links = index.split("\n| [").skip(1).map(|row| row.split(']').next().unwrap().to_owned());
    links.filter(|link| link.ends_with(".md")).collect()
}

#[test]
fn the_guides_index_names_every_page() {
    let files = std::fs::read_dir(repository("docs/guide")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut there: Vec<_> = names.filter(|name| name.ends_with(".md") && name != "README.md").collect();
    let mut named = pages();
    there.sort();
    named.sort();
    assert_eq!(there, named);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guide_works_as_it_is_written_page_after_page() {
    // With the limits that a reader has.
    let limits = [("BLAZZ_REQUESTS_PER_MINUTE", "500"), ("BLAZZ_REFUSED_KEYS_PER_MINUTE", "60")];
    let stack = Stack::start_with(Backend::Sqlite, &limits).await;
    let pages = pages().into_iter().filter(|page| page != OWN_SANDBOX);
    let script: String = pages.map(|page| commands(&read(&format!("docs/guide/{page}")))).collect();
    let said = run(script, stack.var().parent().unwrap().to_owned()).await;
    assert!(said.contains("message.status.updated"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_is_started_and_ended_as_the_guide_says() {
    let folder = tempfile::tempdir().unwrap();
    // The real one builds first, then does the same.
    let up = folder.path().join("scripts/up");
    std::fs::create_dir(folder.path().join("scripts")).unwrap();
    std::fs::write(&up, format!("#!/bin/sh\nexec '{}' up \"$@\"\n", program("blazz").display())).unwrap();
    std::fs::set_permissions(&up, std::fs::Permissions::from_mode(0o755)).unwrap();
    run(commands(&read("docs/guide/testing.md")), folder.path().to_owned()).await;
    assert!(!folder.path().join("var/ci/up.json").exists(), "it has ended");
}
