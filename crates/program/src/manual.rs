//! What a shell and `man` want to know of a program, made from its command line's own definition.

use std::path::Path;

use anyhow::Context as _;
use clap::Command;
use clap_complete::Shell;

/// The completions of a program for a shell.
///
/// # Errors
/// When they are not text.
pub fn completions(shell: Shell, mut command: Command) -> anyhow::Result<String> {
    let mut script = Vec::new();
    let name = command.get_name().to_owned();
    clap_complete::generate(shell, &mut command, name, &mut script);
    Ok(String::from_utf8(script)?)
}

/// Writes the manual pages of a program and of each of its commands to a directory, which is made when it is missing.
///
/// # Errors
/// When they cannot be written.
pub fn write(directory: &Path, command: Command) -> anyhow::Result<()> {
    let cannot = || format!("cannot write the manual to {}", directory.display());
    std::fs::create_dir_all(directory).with_context(cannot)?;
    clap_mangen::generate_to(command, directory).with_context(cannot)
}
