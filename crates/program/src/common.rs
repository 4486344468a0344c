//! The commands that every server has beside serving.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Command, Subcommand};
use clap_complete::Shell;
use serde_json::json;

use crate::{BAD_SETTINGS, Faults, Reader, Setting, complain, manual, say, show};

/// The commands that every server has beside serving.
#[derive(Subcommand, Debug)]
pub enum Common {
    /// Look at the settings.
    #[command(subcommand)]
    Config(Config),
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Write the manual pages.
    Manual {
        /// The directory to write them to; it is made when it is missing.
        directory: PathBuf,
    },
}

/// What can be done with the settings.
#[derive(Subcommand, Debug)]
pub enum Config {
    /// Say everything that keeps the process from starting with these settings; exit status 2 if anything does.
    Check(Form),
    /// Show every setting as it counts, without secrets.
    Show(Form),
}

/// How it is printed.
#[derive(Args, Debug, Clone, Copy)]
pub struct Form {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What the commands need to know of the program.
#[derive(Debug)]
pub struct Program {
    /// Its command line.
    pub command: Command,
    /// Its settings.
    pub settings: &'static [Setting],
    /// Where they come from.
    pub reader: Reader,
    /// What is wrong with them.
    pub faults: Option<Faults>,
}

impl Common {
    /// Does it.
    #[must_use]
    pub fn run(self, program: Program) -> ExitCode {
        let name = program.command.get_name().to_owned();
        let done = match self {
            Self::Config(Config::Check(form)) => return check(&name, form, program.faults),
            Self::Config(Config::Show(form)) => shown(form, &program),
            Self::Completions { shell } => manual::completions(shell, program.command),
            Self::Manual { directory } => {
                return match manual::write(&directory, program.command) {
                    Ok(()) => ExitCode::SUCCESS,
                    Err(error) => complain(&name, &format!("{error:#}"), 1),
                };
            }
        };
        done.map_or_else(|error| complain(&name, &error, 1), |text| say(&text))
    }
}

fn check(name: &str, form: Form, faults: Option<Faults>) -> ExitCode {
    let is_good = faults.is_none();
    if form.json {
        let faults = faults.map(|faults| faults.0).unwrap_or_default();
        let said = say(&json!({ "is_good": is_good, "faults": faults }).to_string());
        return if is_good { said } else { ExitCode::from(BAD_SETTINGS) };
    }
    match faults {
        None => say("the settings are good"),
        Some(faults) => complain(name, &faults, BAD_SETTINGS),
    }
}

fn shown(form: Form, program: &Program) -> anyhow::Result<String> {
    let shown = show::all(program.settings, &program.reader);
    if form.json {
        return Ok(serde_json::to_string_pretty(&json!({ "settings": shown }))?);
    }
    Ok(show::text(&shown))
}
