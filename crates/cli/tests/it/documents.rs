//! The commands in the README and in the guide, as they stand there.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::stack::{Backend, Stack, eventually, fresh_ports, program};

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

/// `scripts/up` where everything is built already: a cargo that notes what it is asked for, and a target folder with the programs.
fn script(folder: &Path) -> Command {
    let (bin, target) = (folder.join("bin"), folder.join("target"));
    if !bin.exists() {
        std::fs::create_dir_all(&bin).unwrap();
        std::fs::create_dir_all(&target).unwrap();
        let cargo = bin.join("cargo");
        std::fs::write(&cargo, format!("#!/bin/sh\necho \"$@\" >>'{}'\n", folder.join("asked").display()))
            .unwrap();
        std::fs::set_permissions(&cargo, Permissions::from_mode(0o755)).unwrap();
        symlink(program("blazz").parent().unwrap(), target.join("debug")).unwrap();
    }
    let mut command = Command::new(repository("scripts/up"));
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", bin.display())).env("CARGO_TARGET_DIR", target);
    // Never WhatsApp itself.
    command.env("BLAZZ_WHATSAPP_ENDPOINT", "ws://127.0.0.1:9/ws/chat").stdin(Stdio::null());
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn the_script_builds_the_sandbox_and_starts_it() {
    let folder = tempfile::tempdir().unwrap();
    let var = folder.path().join("var");
    let port = fresh_ports(5).to_string();
    let mut up = script(folder.path());
    let mut up = up.args(["--port", &port, "--dir"]).arg(&var).stdout(Stdio::null()).spawn().unwrap();
    eventually("it is up", async || var.join("up.json").exists().then_some(())).await;
    kill(Pid::from_raw(up.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    assert!(eventually("it has ended", async || up.try_wait().unwrap()).await.success());
    let asked = std::fs::read_to_string(folder.path().join("asked")).unwrap();
    assert!(
        asked.contains("--bin blazz-session-node-sandbox") && asked.contains("blazz-session-node/sandbox")
    );
}

#[test]
fn the_lines_for_a_number_of_yours_ask_first_and_build_no_sandbox() {
    let lines = commands(section(&read("README.md"), "With a number of yours"));
    assert_eq!(lines.lines().count(), 2, "{lines}");
    for line in lines.lines() {
        let folder = tempfile::tempdir().unwrap();
        let arguments = line.split('#').next().unwrap().trim().strip_prefix("scripts/up ").unwrap();
        // Nobody answers.
        let out = script(folder.path()).args(arguments.split_whitespace()).output().unwrap();
        let said = String::from_utf8(out.stdout).unwrap();
        assert!(out.status.success() && said.contains("Type yes to go on."), "{line}: {said}");
        assert!(said.contains("nothing was started"), "{line}: {said}");
        let asked = std::fs::read_to_string(folder.path().join("asked")).unwrap();
        assert!(asked.contains("--bin blazz-session-node") && !asked.contains("sandbox"), "{asked}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_readme_says_to_do_when_something_is_wrong_works() {
    let stack = Stack::start(Backend::Sqlite).await;
    let folder = stack.var().parent().unwrap().to_owned();
    std::fs::create_dir(folder.join("target")).unwrap();
    symlink(program("blazz").parent().unwrap(), folder.join("target/debug")).unwrap();
    let said = run(commands(section(&read("README.md"), "When something is wrong")), folder).await;
    assert!(
        said.contains(" 0 errors") && said.contains("node-2") && said.contains("the settings are good"),
        "{said}"
    );
}

/// Every heading of the README under which commands stand.
#[test]
fn every_command_of_the_readme_is_run_by_a_test() {
    let readme = read("README.md");
    let with_commands = readme.split("\n## ").filter(|part| part.contains("```sh\n"));
    let headings: Vec<_> = with_commands.map(|part| part.lines().next().unwrap()).collect();
    assert_eq!(headings, ["Start", "Walkthrough", "With a number of yours", "When something is wrong"]);
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
