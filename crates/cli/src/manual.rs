//! `blazz completions` and `blazz manual`: what a shell and `man` want to know, made from the command line's own definition.

use std::path::PathBuf;

use anyhow::Context as _;
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

pub(crate) fn completions(args: &CompletionsArgs, mut command: clap::Command) -> anyhow::Result<()> {
    let mut script = Vec::new();
    let name = command.get_name().to_owned();
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    output::line(String::from_utf8(script)?.trim_end())
}

pub(crate) fn write(args: &ManualArgs, command: clap::Command) -> anyhow::Result<()> {
    let cannot = || format!("cannot write the manual to {}", args.directory.display());
    std::fs::create_dir_all(&args.directory).with_context(cannot)?;
    clap_mangen::generate_to(command, &args.directory).with_context(cannot)
}
