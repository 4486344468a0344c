//! One supervised program: started with its settings, watched, started again when it dies.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Command;
use tokio::time::{Instant, sleep_until, timeout_at};

/// The shortest and the longest wait before a dead program is started again.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));
/// A program that ran this long starts over with the shortest wait.
const STABLE: Duration = Duration::from_secs(30);
/// What every program takes from this command's own environment.
const HANDED_ON: [&str; 7] = [
    "BLAZZ_EMULATOR_UNANSWERED_FILE",
    "PATH",
    "BLAZZ_LOG",
    "BLAZZ_LOG_FORMAT",
    "BLAZZ_REQUESTS_PER_MINUTE",
    "BLAZZ_REFUSED_KEYS_PER_MINUTE",
    "RUST_BACKTRACE",
];

/// How to start a program.
#[derive(Debug)]
pub(crate) struct Program {
    /// Its name in messages and of its log file.
    pub(crate) name: String,
    /// The executable.
    pub(crate) path: PathBuf,
    /// Its arguments.
    pub(crate) args: Vec<OsString>,
    /// Its environment, beside what is handed on to all.
    pub(crate) env: Vec<(&'static str, String)>,
    /// The file that its output is appended to.
    pub(crate) log: PathBuf,
}

/// A program that is to run.
#[derive(Debug)]
pub(crate) struct Child {
    program: Program,
    life: Life,
    backoff: Duration,
}

#[derive(Debug)]
enum Life {
    Runs { process: tokio::process::Child, since: Instant },
    Waits { until: Instant },
    Over,
}

/// What became of a program.
#[derive(Debug)]
pub(crate) enum Change {
    /// It ended, and is started again after this wait.
    Ended(String, Duration),
    /// It ended, and starting it again would not help.
    Over(String),
    /// It could not be started, and the next attempt comes after this wait.
    NotStarted(String, Duration),
    /// It runs again.
    Started,
}

impl Child {
    /// Starts it.
    pub(crate) fn start(program: Program) -> anyhow::Result<Self> {
        let process = spawn(&program)?;
        Ok(Self { program, life: Life::Runs { process, since: Instant::now() }, backoff: BACKOFF.0 })
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.program.name
    }

    /// Its process id while it runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        match &self.life {
            Life::Runs { process, .. } => process.id(),
            Life::Waits { .. } | Life::Over => None,
        }
    }

    /// Waits for the next thing to become of it. Nothing is lost when the wait is given up: what is waited for stands in `self`.
    pub(crate) async fn change(&mut self) -> Change {
        match &mut self.life {
            Life::Runs { process, since } => {
                let (ended, since) = (process.wait().await, *since);
                self.ended(ended, since)
            }
            Life::Waits { until } => {
                sleep_until(*until).await;
                self.start_again()
            }
            Life::Over => std::future::pending().await,
        }
    }

    fn ended(&mut self, ended: std::io::Result<ExitStatus>, since: Instant) -> Change {
        if let Ok(status) = &ended
            && let Some(reason) = why_over(*status)
        {
            self.life = Life::Over;
            return Change::Over(format!("{status}: {reason}{}", self.last_words()));
        }
        if since.elapsed() >= STABLE {
            self.backoff = BACKOFF.0;
        }
        let what = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
        Change::Ended(what, self.wait())
    }

    fn start_again(&mut self) -> Change {
        match spawn(&self.program) {
            Ok(process) => {
                self.life = Life::Runs { process, since: Instant::now() };
                Change::Started
            }
            Err(error) => Change::NotStarted(format!("{error:#}"), self.wait()),
        }
    }

    /// Puts off the next start; gives by how long.
    fn wait(&mut self) -> Duration {
        let wait = self.backoff;
        self.backoff = (wait * 2).min(BACKOFF.1);
        self.life = Life::Waits { until: Instant::now() + wait };
        wait
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> Option<ExitStatus> {
        match &mut self.life {
            Life::Runs { process, .. } => process.try_wait().ok().flatten(),
            Life::Waits { .. } | Life::Over => None,
        }
    }

    /// The last line of its log, to be put behind a sentence.
    pub(crate) fn last_words(&self) -> String {
        let log = fs::read(&self.program.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let last = log.lines().rev().find(|line| !line.trim().is_empty());
        last.map_or_else(String::new, |line| format!("\n    {}", line.trim()))
    }

    /// Asks it to end; kills it when it has not within `patience`.
    pub(crate) async fn stop(&mut self, patience: Duration) {
        let deadline = Instant::now() + patience;
        if let Some(pid) = self.pid().and_then(|pid| i32::try_from(pid).ok()) {
            // It may have ended in between; then there is nobody to tell.
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        if let Life::Runs { process, .. } = &mut self.life
            && timeout_at(deadline, process.wait()).await.is_err()
        {
            let _ = process.kill().await;
        }
        self.life = Life::Over;
    }

    /// Kills it.
    pub(crate) async fn kill(&mut self) {
        if let Life::Runs { process, .. } = &mut self.life {
            let _ = process.kill().await;
        }
        self.life = Life::Over;
    }
}

/// Why a program that ended like this is not started again.
fn why_over(status: ExitStatus) -> Option<&'static str> {
    match status.code() {
        Some(2) => Some("its settings cannot be used; it is not started again"),
        Some(3) => Some("another process has taken its place; it is not started again"),
        _ => None,
    }
}

fn spawn(program: &Program) -> anyhow::Result<tokio::process::Child> {
    let log = open_log(program)?;
    let mut command = Command::new(&program.path);
    command.args(&program.args).env_clear().stdin(Stdio::null()).kill_on_drop(true);
    // Its own group: Ctrl-C in the terminal reaches this command alone, which then stops the others in order.
    command.process_group(0);
    command.envs(HANDED_ON.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command.envs(program.env.iter().map(|(name, value)| (*name, value.as_str())));
    command.stdout(log.try_clone()?).stderr(log);
    command.spawn().with_context(|| format!("cannot start {}", program.path.display()))
}

fn open_log(program: &Program) -> anyhow::Result<File> {
    let log = OpenOptions::new().create(true).append(true).mode(0o600).open(&program.log);
    log.with_context(|| format!("cannot write {}", program.log.display()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn shell(dir: &Path, script: &str) -> Program {
        Program {
            name: "shell".into(),
            path: "/bin/sh".into(),
            args: vec!["-c".into(), script.into()],
            env: vec![],
            log: dir.join("shell.log"),
        }
    }

    #[tokio::test]
    async fn a_program_that_dies_is_started_again_after_ever_longer_waits() {
        let dir = tempfile::tempdir().unwrap();
        let mut child = Child::start(shell(dir.path(), "exit 1")).unwrap();
        let Change::Ended(_, first) = child.change().await else { panic!("it ended") };
        assert_eq!(child.pid(), None);
        assert!(matches!(child.change().await, Change::Started));
        let Change::Ended(_, second) = child.change().await else { panic!("it ended") };
        assert!(second > first, "{second:?}");
    }

    #[tokio::test]
    async fn a_wait_that_is_given_up_half_way_is_not_begun_anew() {
        let dir = tempfile::tempdir().unwrap();
        let mut child = Child::start(shell(dir.path(), "exit 1")).unwrap();
        let Change::Ended(_, wait) = child.change().await else { panic!("it ended") };
        let due = Instant::now() + wait;
        while tokio::time::timeout(wait / 10, child.change()).await.is_err() {
            assert!(Instant::now() < due + wait, "the wait begins again and again");
        }
        let Change::Ended(_, second) = child.change().await else { panic!("it ended") };
        assert!(second > wait, "the backoff has been forgotten");
    }

    #[tokio::test]
    async fn a_program_whose_settings_are_wrong_is_left_alone_and_says_why() {
        let dir = tempfile::tempdir().unwrap();
        let mut child = Child::start(shell(dir.path(), "echo X_KEY is not set; exit 2")).unwrap();
        let Change::Over(why) = child.change().await else { panic!("it is over") };
        assert!(why.contains("settings") && why.contains("X_KEY is not set"), "{why}");
    }

    #[tokio::test]
    async fn a_program_that_is_gone_is_tried_again_once_it_is_back() {
        let dir = tempfile::tempdir().unwrap();
        let mut program = shell(dir.path(), "exit 1");
        let copy = dir.path().join("copy");
        fs::copy("/bin/sh", &copy).unwrap();
        program.path.clone_from(&copy);
        let mut child = Child::start(program).unwrap();
        assert!(matches!(child.change().await, Change::Ended(..)));
        fs::rename(&copy, dir.path().join("away")).unwrap();
        assert!(matches!(child.change().await, Change::NotStarted(..)));
        fs::rename(dir.path().join("away"), &copy).unwrap();
        assert!(matches!(child.change().await, Change::Started));
    }

    #[tokio::test]
    async fn a_program_that_does_not_listen_is_killed_in_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let script = "trap '' TERM; echo ready; while :; do sleep 0.01; done";
        let mut child = Child::start(shell(dir.path(), script)).unwrap();
        while !child.last_words().contains("ready") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        child.stop(Duration::from_millis(50)).await;
        assert_eq!(child.pid(), None);
    }
}
