//! A PostgreSQL and a Redis of the fleet's own (`scripts/test-services`): what is committed there outlives a kill.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Command;

/// Both of them; stopped when dropped.
pub struct Services {
    script: PathBuf,
    directory: PathBuf,
    server_url: String,
    database_url: String,
    redis_url: String,
}

impl Services {
    pub(super) async fn start(script: &Path, directory: &Path) -> Result<Self> {
        let mut services = Self {
            script: script.to_owned(),
            directory: directory.to_owned(),
            server_url: String::new(),
            database_url: String::new(),
            redis_url: String::new(),
        };
        services.script(&["start"], &["durable"]).await?;
        let text = std::fs::read_to_string(directory.join("env"))?;
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(&format!("export {name}=")));
            line.map(str::to_owned).with_context(|| format!("test-services said nothing of {name}"))
        };
        services.server_url = value("BLAZZ_TEST_POSTGRES_URL")?;
        services.redis_url = value("BLAZZ_TEST_REDIS_URL")?;
        services.query("postgres", "CREATE DATABASE fleet").await?;
        services.database_url = format!("{}/fleet", services.server_url);
        Ok(services)
    }

    /// The database of the fleet.
    #[must_use]
    pub fn database_url(&self) -> &str {
        &self.database_url
    }

    /// Its Redis.
    #[must_use]
    pub fn redis_url(&self) -> &str {
        &self.redis_url
    }

    /// Asks the fleet's database; gives the lines of the answer, columns with `|` between them.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn ask(&self, sql: &str) -> Result<Vec<String>> {
        self.query("fleet", sql).await
    }

    async fn query(&self, database: &str, sql: &str) -> Result<Vec<String>> {
        let url = format!("{}/{database}", self.server_url);
        let done =
            Command::new("psql").args([&url, "-qAtc", sql]).output().await.context("cannot run psql")?;
        ensure!(done.status.success(), "psql: {}", String::from_utf8_lossy(&done.stderr).trim());
        Ok(String::from_utf8_lossy(&done.stdout).lines().map(str::to_owned).collect())
    }

    pub(super) async fn migrate(&self, blazz: &Path) -> Result<()> {
        let done =
            Command::new(blazz).args(["migrate", "--database-url", &self.database_url]).output().await?;
        ensure!(done.status.success(), "blazz migrate: {}", String::from_utf8_lossy(&done.stderr).trim());
        Ok(())
    }

    /// PostgreSQL's first process.
    ///
    /// # Errors
    /// When it does not run.
    pub fn postgres(&self) -> Result<Pid> {
        self.pid("postgres/data/postmaster.pid")
    }

    /// Kills PostgreSQL's first process outright; the others notice and end.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill_postgres(&self) -> Result<()> {
        Ok(kill(self.postgres()?, Signal::SIGKILL)?)
    }

    /// Starts it again; it recovers what was committed.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start_postgres(&self) -> Result<()> {
        self.script(&["postgres"], &[]).await
    }

    /// Sends Redis a signal.
    ///
    /// # Errors
    /// When it does not run.
    pub fn signal_redis(&self, signal: Signal) -> Result<()> {
        Ok(kill(self.pid("redis/pid")?, signal)?)
    }

    /// Starts Redis again, empty.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start_redis(&self) -> Result<()> {
        self.script(&["redis"], &[]).await
    }

    pub(super) async fn heal(&self) -> Result<()> {
        if self.ask("SELECT 1").await.is_err() {
            self.start_postgres().await?;
        }
        if self.signal_redis(Signal::SIGCONT).is_err() {
            self.start_redis().await?;
        }
        Ok(())
    }

    pub(super) async fn stop(&self) {
        let _ = self.signal_redis(Signal::SIGCONT);
        let _ = self.script(&["stop"], &[]).await;
    }

    fn pid(&self, file: &str) -> Result<Pid> {
        let path = self.directory.join(file);
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let pid = text.lines().next().and_then(|line| line.trim().parse().ok());
        Ok(Pid::from_raw(pid.with_context(|| format!("{} names no process", path.display()))?))
    }

    async fn script(&self, before: &[&str], after: &[&str]) -> Result<()> {
        let mut command = Command::new(&self.script);
        // The servers inherit what they are given here, so it must not be a pipe that somebody waits on.
        command.args(before).arg(&self.directory).args(after).stdin(Stdio::null()).stdout(Stdio::null());
        let log =
            std::fs::File::options().create(true).append(true).open(self.directory.with_extension("log"))?;
        let status = command.stderr(log).status().await.context("cannot run test-services")?;
        ensure!(status.success(), "test-services {before:?} failed, see {}.log", self.directory.display());
        Ok(())
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        let _ = self.signal_redis(Signal::SIGCONT);
        let mut command = std::process::Command::new(&self.script);
        let _ = command.arg("stop").arg(&self.directory).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}
