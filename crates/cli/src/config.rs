//! `blazz config`: looks at the programs' settings without starting them.

use std::path::PathBuf;

use anyhow::bail;
use blazz_program::Values;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::output;
use crate::settings::{self, Subject, Where, Which, program};

/// The programs' settings.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Say everything that is wrong with the settings; the programs themselves are asked.
    #[command(
        after_help = "Examples:\n  blazz config check\n  blazz config check /etc/blazz/api.env\n  blazz config check --program session-node node.toml"
    )]
    Check(Look),
    /// Show the settings as the programs see them, without secrets.
    #[command(after_help = "Examples:\n  blazz config show\n  blazz config show --dir var --json")]
    Show(Look),
}

/// Whose settings.
#[derive(Args, Debug)]
pub(crate) struct Look {
    /// A file of settings: NAME=value lines, or TOML. Without one: the environment, else ./var, else /etc/blazz.
    file: Option<PathBuf>,
    /// Whose settings they are; by default the settings tell.
    #[arg(long)]
    program: Option<Which>,
    /// The directory of a `blazz up`.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl Look {
    fn subjects(&self) -> anyhow::Result<Vec<Subject>> {
        let found = match &self.file {
            Some(path) => settings::from_file(path, self.program)?,
            None => settings::find(&Where { files: vec![], dir: self.dir.clone() })?,
        };
        let found: Vec<_> = found
            .into_iter()
            .filter(|subject| self.program.is_none_or(|which| which == subject.which))
            .collect();
        if !found.is_empty() {
            return Ok(found);
        }
        // Nothing is set: then everything is missing.
        let which = self.program.unwrap_or(Which::Api);
        Ok(vec![Subject::new(which, "environment".to_owned(), blazz_program::environment(), vec![])])
    }
}

pub(crate) async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Check(look) => check(&look).await,
        Command::Show(look) => show(&look).await,
    }
}

async fn check(look: &Look) -> anyhow::Result<()> {
    let (mut programs, mut bad, mut all) = (Vec::new(), 0, Values::new());
    for subject in look.subjects()? {
        let faults = program::check(&subject).await?;
        bad += faults.len();
        if !look.json {
            let verdict =
                if faults.is_empty() { "the settings are good" } else { "the settings are not good" };
            output::line(&format!("{} ({}): {verdict}", subject.name, subject.origin))?;
            for fault in &faults {
                output::line(&format!("  {}", fault.problem))?;
            }
        }
        programs
            .push(json!({ "name": subject.name, "program": subject.which.name(), "origin": subject.origin,
            "is_good": faults.is_empty(), "faults": faults }));
        all.extend(subject.values);
    }
    let unknown = settings::unknown(&all);
    if look.json {
        output::json(&json!({ "is_good": bad == 0, "programs": programs, "unknown": unknown }))?;
    } else {
        for name in &unknown {
            output::line(&format!("{name} is set, and no program knows it"))?;
        }
    }
    if bad > 0 {
        bail!("{bad} {} wrong with the settings", if bad == 1 { "thing is" } else { "things are" });
    }
    Ok(())
}

async fn show(look: &Look) -> anyhow::Result<()> {
    let mut programs = Vec::new();
    for subject in look.subjects()? {
        let said = program::show(&subject, look.json).await?;
        if look.json {
            let said: Value = serde_json::from_str(&said)?;
            programs.push(
                json!({ "name": subject.name, "program": subject.which.name(), "origin": subject.origin,
                "settings": said.get("settings") }),
            );
        } else {
            output::line(&format!("# {} ({})\n{}", subject.name, subject.origin, said.trim_end()))?;
        }
    }
    if look.json { output::json(&json!({ "programs": programs })) } else { Ok(()) }
}
