//! A running `blazz up` of a test's own.

mod calls;
mod surroundings;

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

pub(crate) use surroundings::{
    BACKENDS, Backend, environment, free_ports as fresh_ports, fresh_postgres, program, required, runs,
};

/// How long a state may take to come about.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// The ports of the API, of the emulator (two) and of two nodes.
const PORTS: u16 = 5;

/// A running stack; stopped when dropped.
pub(crate) struct Stack {
    child: Child,
    dir: tempfile::TempDir,
    arguments: Vec<String>,
    pub(crate) http: reqwest::Client,
}

impl Stack {
    /// Starts everything and waits until it is up.
    pub(crate) async fn start(backend: Backend) -> Self {
        Self::start_with(backend, &[]).await
    }

    /// The same with variables in its environment.
    pub(crate) async fn start_with(backend: Backend, variables: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut arguments = backend.arguments();
        arguments.extend(["--port".to_owned(), surroundings::free_ports(PORTS).to_string()]);
        arguments.extend(["--dir".to_owned(), dir.path().join("var").display().to_string()]);
        let child = up(&arguments, &dir).envs(variables.iter().copied()).spawn().unwrap();
        let http = blazz_wire::http_client(Duration::from_secs(2), Duration::from_secs(60)).unwrap();
        let mut stack = Self { child, dir, arguments, http };
        stack.until_up(None).await;
        stack
    }

    /// Starts it again after it has ended.
    pub(crate) async fn start_again(&mut self) {
        assert!(self.child.try_wait().unwrap().is_some(), "it still runs");
        // A killed one has left its file.
        let last = std::fs::read(self.up_file()).ok();
        self.child = self.another().spawn().unwrap();
        self.until_up(last).await;
    }

    /// The same with an output that nobody reads to its end.
    pub(crate) async fn start_unheard(&mut self) {
        self.child = self.another().stdout(Stdio::piped()).spawn().unwrap();
        self.until_up(None).await;
        drop(self.child.stdout.take());
    }

    /// A command that starts another one in the same place.
    pub(crate) fn another(&self) -> Command {
        up(&self.arguments, &self.dir)
    }

    async fn until_up(&mut self, last: Option<Vec<u8>>) {
        eventually("the stack is up", async || {
            assert!(self.child.try_wait().unwrap().is_none(), "{}", self.logs());
            let now = std::fs::read(self.up_file()).ok();
            (now.is_some() && now != last).then_some(())
        })
        .await;
    }

    /// Where `up.json` is.
    pub(crate) fn up_file(&self) -> PathBuf {
        self.var().join("up.json")
    }

    /// What `up.json` says just now.
    pub(crate) fn up(&self) -> Value {
        serde_json::from_str(&std::fs::read_to_string(self.up_file()).unwrap()).unwrap()
    }

    /// A text of `up.json`.
    pub(crate) fn text(&self, name: &str) -> String {
        self.up()[name].as_str().unwrap().to_owned()
    }

    /// The directory that it keeps.
    pub(crate) fn var(&self) -> PathBuf {
        self.dir.path().join("var")
    }

    /// What it has printed.
    pub(crate) fn printed(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("up.log")).unwrap_or_default()
    }

    /// The process id of `api`, `emulator`, `node-1` …
    pub(crate) fn pid(&self, name: &str) -> Pid {
        pid(&self.up()["pids"][name])
    }

    /// The process ids of all of them.
    pub(crate) fn pids(&self) -> Vec<Pid> {
        self.up()["pids"].as_object().unwrap().values().map(pid).collect()
    }

    /// Sends a signal to a process.
    pub(crate) fn signal(&self, name: &str, signal: Signal) {
        kill(self.pid(name), signal).unwrap();
    }

    /// Sends a signal to `blazz up` itself and waits for its end.
    pub(crate) async fn end(&mut self, signal: Signal) -> ExitStatus {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
        eventually("blazz up has ended", async || self.child.try_wait().unwrap()).await
    }

    /// Kills a process outright and waits until another one runs in its place.
    pub(crate) async fn kill(&self, name: &str) {
        let old = self.pid(name);
        kill(old, Signal::SIGKILL).unwrap();
        self.until_started_again(name, old).await;
    }

    /// Waits until another process runs in the place of `old`.
    pub(crate) async fn until_started_again(&self, name: &str, old: Pid) {
        eventually("the process is started again", async || {
            let now = self.up()["pids"][name].as_i64();
            (now.is_some() && now != Some(old.as_raw().into())).then_some(())
        })
        .await;
    }

    /// Every log, for a failed test.
    fn logs(&self) -> String {
        let mut out = self.printed();
        for entry in std::fs::read_dir(self.var().join("logs")).into_iter().flatten().flatten() {
            let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
            let tail: Vec<&str> = text.lines().rev().take(40).collect();
            out.push_str(&format!("\n── {} ──\n", entry.file_name().to_string_lossy()));
            out.extend(tail.into_iter().rev().flat_map(|line| [line, "\n"]));
        }
        out
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.logs());
        }
        if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
            return;
        }
        // What a test has stopped would have to be waited for until it is killed.
        let up = std::fs::read(self.up_file()).unwrap_or_default();
        let up: Value = serde_json::from_slice(&up).unwrap_or_default();
        for stopped in up["pids"].as_object().into_iter().flat_map(|pids| pids.values()) {
            let _ = kill(pid(stopped), Signal::SIGCONT);
        }
        let _ = kill(Pid::from_raw(self.child.id().try_into().unwrap_or(i32::MAX)), Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

fn up(arguments: &[String], dir: &tempfile::TempDir) -> Command {
    let log = File::options().create(true).append(true).open(dir.path().join("up.log")).unwrap();
    let mut command = Command::new(program("blazz"));
    command.arg("up").args(arguments).stdin(Stdio::null());
    // Tests look fifty times a second.
    command.env("BLAZZ_REQUESTS_PER_MINUTE", "0").env("BLAZZ_REFUSED_KEYS_PER_MINUTE", "0");
    command.stdout(log.try_clone().unwrap()).stderr(log);
    command
}

fn pid(value: &Value) -> Pid {
    Pid::from_raw(value.as_i64().and_then(|pid| i32::try_from(pid).ok()).unwrap_or(i32::MAX))
}

/// Waits until `check` gives something; fails after [`PATIENCE`].
pub(crate) async fn eventually<T>(what: &str, mut check: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = check().await {
            return found;
        }
        assert!(Instant::now() < deadline, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
