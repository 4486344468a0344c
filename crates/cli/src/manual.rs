//! `blazz completions` and `blazz manual`: what a shell and `man` want to know, made from the command line's own definition.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

use crate::output;

/// Print completions for a shell, such as `source <(blazz completions bash)`.
#[derive(Args, Debug)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    shell: Shell,
}

/// Write the manual pages of `blazz` and of each of its commands.
#[derive(Args, Debug)]
pub(crate) struct ManualArgs {
    /// The directory to write them to; it is made when it is missing.
    directory: PathBuf,
}

pub(crate) fn completions(args: &CompletionsArgs, command: clap::Command) -> anyhow::Result<()> {
    output::line(blazz_program::manual::completions(args.shell, command)?.trim_end())
}

pub(crate) fn write(args: &ManualArgs, command: clap::Command) -> anyhow::Result<()> {
    blazz_program::manual::write(&args.directory, command)
}
