//! One supervised program: started with its settings, watched, started again when it dies.

use std::ffi::OsString;
use std::fs::File;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Command;
use tokio::time::Instant;

/// The shortest and the longest wait before a dead program is started again.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));
/// A program that ran this long starts over with the shortest wait.
const STABLE: Duration = Duration::from_secs(30);

/// How to start a program.
pub(crate) struct Program {
    /// Its name in messages and of its log file.
    pub(crate) name: String,
    /// The executable.
    pub(crate) path: PathBuf,
    /// Its arguments.
    pub(crate) args: Vec<OsString>,
    /// Its whole environment beside PATH.
    pub(crate) env: Vec<(&'static str, String)>,
    /// Where its output goes.
    pub(crate) log: File,
}

/// A program that is to run.
pub(crate) struct Child {
    program: Program,
    process: tokio::process::Child,
    started: Instant,
    backoff: Duration,
}

impl Child {
    /// Starts it.
    pub(crate) fn start(program: Program) -> anyhow::Result<Self> {
        let process = spawn(&program)?;
        Ok(Self { program, process, started: Instant::now(), backoff: BACKOFF.0 })
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.program.name
    }

    /// Its process id; `None` once it has ended.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.process.id()
    }

    /// Waits until it ends, waits out the backoff and starts it again.
    pub(crate) async fn revive(&mut self) -> anyhow::Result<ExitStatus> {
        let status =
            self.process.wait().await.with_context(|| format!("cannot wait for {}", self.program.name))?;
        if self.started.elapsed() >= STABLE {
            self.backoff = BACKOFF.0;
        }
        tokio::time::sleep(self.backoff).await;
        self.backoff = (self.backoff * 2).min(BACKOFF.1);
        self.process = spawn(&self.program)?;
        self.started = Instant::now();
        Ok(status)
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().ok().flatten()
    }

    /// Asks it to end; kills it when it has not by `deadline`.
    pub(crate) async fn stop(&mut self, deadline: Instant) {
        if let Some(pid) = self.process.id().and_then(|pid| i32::try_from(pid).ok()) {
            // It may have ended in between; then there is nobody to tell.
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        if tokio::time::timeout_at(deadline, self.process.wait()).await.is_err() {
            let _ = self.process.kill().await;
        }
    }
}

fn spawn(program: &Program) -> anyhow::Result<tokio::process::Child> {
    let mut command = Command::new(&program.path);
    command.args(&program.args).env_clear().stdin(Stdio::null()).kill_on_drop(true);
    // Its own group: Ctrl-C in the terminal reaches this command alone, which then stops the others in order.
    command.process_group(0);
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command.envs(program.env.iter().map(|(name, value)| (*name, value.as_str())));
    command.stdout(program.log.try_clone()?).stderr(program.log.try_clone()?);
    command.spawn().with_context(|| format!("cannot start {}", program.path.display()))
}
