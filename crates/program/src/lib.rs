//! What every program of Blazz has on its command line: its settings and how they are read, the commands that check and show them,
//! completions for shells, manual pages.
//!
//! A setting comes from an environment variable, or from a TOML file below it. What is secret may also come from a file of its own, which
//! the variable with `_FILE` behind its name points to. Everything that is wrong is said at once, and a value never.

mod common;
mod fault;
mod file;
pub mod manual;
mod reader;
mod setting;
mod settings_file;
mod show;

use std::io::{self, Write as _};
use std::process::ExitCode;

pub use common::{Common, Program};
pub use fault::{Fault, Faults};
pub use file::{secret, toml_values};
pub use reader::{Reader, Values, environment};
pub use setting::{Kind, Setting, help};
pub use settings_file::SettingsFile;

/// The settings cannot be used; starting again does not help.
pub const BAD_SETTINGS: u8 = 2;

/// Prints a text to standard output.
#[must_use]
pub fn say(text: &str) -> ExitCode {
    let mut out = io::stdout().lock();
    let written = writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush());
    if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Says on standard error why a program ends: logging may not be there yet.
#[must_use]
pub fn complain(program: &str, why: &dyn std::fmt::Display, code: u8) -> ExitCode {
    // There is nobody left to tell when this fails.
    let _ = writeln!(io::stderr(), "{program}: {why}");
    ExitCode::from(code)
}
