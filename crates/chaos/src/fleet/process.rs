//! A process that is kept running as an operator's supervisor would, and that can be killed, paused and held down.

use std::fs::File;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::FleetSpec;

/// How long a supervisor waits before it starts again what has ended by itself.
const RESTART_PAUSE: Duration = Duration::from_millis(300);

/// What is run.
pub(super) struct Program {
    pub(super) name: String,
    path: PathBuf,
    variables: Vec<(String, String)>,
    log: PathBuf,
}

impl Program {
    pub(super) fn new(spec: &FleetSpec, name: &str, program: &str, variables: Vec<(&str, String)>) -> Self {
        Self {
            name: name.to_owned(),
            path: spec.programs.join(program),
            variables: variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            log: spec.directory.join("logs").join(format!("{name}.log")),
        }
    }

    fn spawn(&self) -> Result<Child> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let mut command = Command::new(&self.path);
        // Settings of whoever runs this are not the fleet's.
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("BLAZZ_") && !is_for_all(name))
        {
            command.env_remove(name);
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
        command.spawn().with_context(|| format!("cannot start {}", self.path.display()))
    }
}

/// What the emulators of a whole test run share.
fn is_for_all(name: &str) -> bool {
    name == "BLAZZ_EMULATOR_UNANSWERED_FILE"
}

/// An end that nobody here has asked for.
#[derive(Debug, Clone, Copy)]
pub struct Exit {
    /// When it was noticed.
    pub at: Instant,
    /// How it ended; `None` when it could not even be started.
    pub status: Option<ExitStatus>,
}

/// A program that is kept running.
pub struct Process {
    name: String,
    is_wanted: watch::Sender<bool>,
    pid: watch::Receiver<Option<Pid>>,
    exits: Arc<Mutex<Vec<Exit>>>,
    status: watch::Receiver<Option<ExitStatus>>,
    keeper: JoinHandle<()>,
}

impl Process {
    pub(super) fn start(program: Program) -> Self {
        let (is_wanted, wanted) = watch::channel(true);
        let (pids, pid) = watch::channel(None);
        let (statuses, status) = watch::channel(None);
        let exits = Arc::<Mutex<Vec<Exit>>>::default();
        let name = program.name.clone();
        let keeper = tokio::spawn(keep(program, wanted, pids, statuses, Arc::clone(&exits)));
        Self { name, is_wanted, pid, exits, status, keeper }
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<Pid> {
        *self.pid.borrow()
    }

    /// Kills it outright and keeps it down.
    pub async fn kill(&self) {
        self.is_wanted.send_replace(false);
        self.signal(Signal::SIGKILL);
        self.ended().await;
    }

    /// Asks it to end, and kills it when it has not after `patience`; says whether it did. It stays down.
    pub async fn stop(&self, patience: Duration) -> bool {
        self.is_wanted.send_replace(false);
        self.signal(Signal::SIGTERM);
        let ended = tokio::time::timeout(patience, self.ended()).await.is_ok();
        if !ended {
            self.kill().await;
        }
        ended
    }

    /// How it ended last.
    #[must_use]
    pub fn status(&self) -> Option<ExitStatus> {
        *self.status.borrow()
    }

    /// Lets it run (again).
    pub fn up(&self) {
        self.is_wanted.send_replace(true);
    }

    /// Stops it where it stands.
    pub fn pause(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// Waits until it has ended.
    pub async fn ended(&self) {
        let mut pid = self.pid.clone();
        let _gone = pid.wait_for(Option::is_none).await;
    }

    /// The ends that nobody here has asked for.
    #[must_use]
    pub fn exits(&self) -> Vec<Exit> {
        lock(&self.exits).clone()
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid() {
            // It may have ended by itself.
            let _ = kill(pid, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The child is the keeper's, and dies with it.
        self.keeper.abort();
    }
}

async fn keep(
    program: Program,
    mut wanted: watch::Receiver<bool>,
    pid: watch::Sender<Option<Pid>>,
    statuses: watch::Sender<Option<ExitStatus>>,
    exits: Arc<Mutex<Vec<Exit>>>,
) {
    while wanted.wait_for(|is_wanted| *is_wanted).await.is_ok() {
        let mut status = None;
        if let Ok(mut child) = program.spawn() {
            pid.send_replace(child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw));
            // Asked to end between the wish and the start: nobody knew whom to signal.
            if !*wanted.borrow() {
                let _ = child.start_kill();
            }
            status = child.wait().await.ok();
            statuses.send_replace(status);
            pid.send_replace(None);
        }
        if *wanted.borrow() {
            lock(&exits).push(Exit { at: Instant::now(), status });
            tokio::time::sleep(RESTART_PAUSE).await;
        }
    }
}

fn lock(exits: &Mutex<Vec<Exit>>) -> MutexGuard<'_, Vec<Exit>> {
    exits.lock().unwrap_or_else(PoisonError::into_inner)
}
