//! The programs: whose settings are these, and what do they say to them themselves?

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use blazz_program::{Fault, Values};
use clap::ValueEnum;
use serde::Deserialize;
use tokio::process::Command;

use super::Subject;

/// How long a program may take to look at its settings.
const PATIENCE: Duration = Duration::from_secs(10);

/// A program with settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
pub(crate) enum Which {
    /// `blazz-api`.
    Api,
    /// `blazz-session-node`.
    SessionNode,
    /// `blazz-emulator`.
    Emulator,
}

impl Which {
    /// Every one.
    pub(crate) const ALL: [Self; 3] = [Self::Api, Self::SessionNode, Self::Emulator];

    /// Its name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::SessionNode => "session-node",
            Self::Emulator => "emulator",
        }
    }

    /// Settings that are this program's alone and that it hardly runs without.
    const fn signs(self) -> &'static [&'static str] {
        match self {
            Self::Api => &[
                "BLAZZ_API_LISTEN",
                "BLAZZ_DATABASE_URL",
                "BLAZZ_DATABASE_URL_FILE",
                "BLAZZ_FLEET_SECRET",
                "BLAZZ_FLEET_SECRET_FILE",
            ],
            Self::SessionNode => &[
                "BLAZZ_NODE_ID",
                "BLAZZ_NODE_SECRET",
                "BLAZZ_NODE_SECRET_FILE",
                "BLAZZ_NODE_LISTEN",
                "BLAZZ_SESSION_ROOT",
            ],
            Self::Emulator => &["BLAZZ_EMULATOR_LISTEN", "BLAZZ_EMULATOR_ADMIN"],
        }
    }

    /// Whose settings these are.
    pub(crate) fn of(values: &Values) -> Vec<Self> {
        let is_set = |name: &&&str| values.get(**name).is_some_and(|value| !value.is_empty());
        let shows = |which: &Self| which.signs().iter().any(|name| is_set(&name));
        Self::ALL.into_iter().filter(shows).collect()
    }

    /// The names of its binary, the likeliest first.
    fn binaries(self, values: &Values) -> &'static [&'static str] {
        let endpoint = values.get("BLAZZ_WHATSAPP_ENDPOINT").map(String::as_str).unwrap_or_default();
        match self {
            Self::Api => &["blazz-api"],
            Self::Emulator => &["blazz-emulator"],
            Self::SessionNode if endpoint.starts_with("ws://127.") => {
                &["blazz-session-node-sandbox", "blazz-session-node"]
            }
            Self::SessionNode => &["blazz-session-node", "blazz-session-node-sandbox"],
        }
    }
}

/// What `config check --json` of a program says.
#[derive(Deserialize)]
struct Checked {
    faults: Vec<Fault>,
}

/// Asks a program what is wrong with its settings.
///
/// # Errors
/// When the program is not here, or does not understand the question.
pub(crate) async fn check(subject: &Subject) -> anyhow::Result<Vec<Fault>> {
    let args = ["config", "check", "--json"];
    for binary in subject.which.binaries(&subject.values) {
        let Some(path) = find(binary) else { continue };
        let said = run(&path, &args, subject).await?;
        if let Ok(checked) = serde_json::from_str::<Checked>(&said) {
            return Ok(checked.faults);
        }
    }
    bail!("the program {} is not here, or is of another version", subject.which.name())
}

/// Asks a program to show its settings, as JSON or for people.
///
/// # Errors
/// When the program is not here, or does not understand the question.
pub(crate) async fn show(subject: &Subject, wants_json: bool) -> anyhow::Result<String> {
    let args: &[&str] = if wants_json { &["config", "show", "--json"] } else { &["config", "show"] };
    for binary in subject.which.binaries(&subject.values) {
        let Some(path) = find(binary) else { continue };
        let said = run(&path, args, subject).await?;
        if said.contains("BLAZZ_") {
            return Ok(said);
        }
    }
    bail!("the program {} is not here, or is of another version", subject.which.name())
}

/// With nothing in its environment but these settings.
async fn run(path: &Path, args: &[&str], subject: &Subject) -> anyhow::Result<String> {
    let mut command = Command::new(path);
    command.args(args).env_clear().envs(&subject.values).stdin(Stdio::null()).stderr(Stdio::null());
    let output = tokio::time::timeout(PATIENCE, command.kill_on_drop(true).output());
    let cannot = || format!("cannot ask {}", path.display());
    Ok(String::from_utf8(output.await.with_context(cannot)?.with_context(cannot)?.stdout)?)
}

/// Beside this program, else where the shell finds it.
fn find(binary: &str) -> Option<PathBuf> {
    let beside = std::env::current_exe().ok().and_then(|path| Some(path.parent()?.to_owned()));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = beside.into_iter().chain(std::env::split_paths(&path).collect::<Vec<_>>());
    folders.map(|folder| folder.join(binary)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_known_by_its_settings() {
        let of =
            |names: &[&str]| Which::of(&names.iter().map(|n| ((*n).to_owned(), "x".to_owned())).collect());
        assert_eq!(of(&["BLAZZ_DATABASE_URL", "BLAZZ_LOG"]), [Which::Api]);
        assert_eq!(of(&["BLAZZ_NODE_SECRET_FILE", "BLAZZ_API_URL"]), [Which::SessionNode]);
        assert_eq!(of(&["BLAZZ_NODE_ID", "BLAZZ_FLEET_SECRET"]), [Which::Api, Which::SessionNode]);
        assert!(of(&["BLAZZ_LOG", "BLAZZ_NODE_TTL_SECONDS"]).is_empty());
    }
}
