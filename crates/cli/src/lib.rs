//! The operator's command. It holds no business logic: it starts programs, migrates the database and calls the API.

mod config;
mod doctor;
mod link;
mod manual;
mod migrate;
mod output;
mod remote;
mod secret;
mod settings;
mod up;

use std::env;

use clap::{Arg, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::remote::Remote;

/// Operate Blazz.
#[derive(Parser, Debug)]
#[command(name = "blazz", version, about, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    #[command(
        after_help = "Examples:\n  blazz up\n  blazz up --port 0 --dir /tmp/x --nodes 3\n  blazz up --live"
    )]
    Up(up::UpArgs),
    #[command(
        after_help = "Examples:\n  blazz doctor\n  blazz doctor --json\n  sudo blazz doctor --config /etc/blazz/api.env"
    )]
    Doctor(doctor::DoctorArgs),
    /// The programs' settings.
    #[command(subcommand)]
    Config(config::Command),
    /// Bring the database's tables up to date.
    #[command(
        after_help = "Examples:\n  blazz migrate --database-url sqlite:/var/lib/blazz/blazz.db\n  blazz migrate --config /etc/blazz/api.env"
    )]
    Migrate(migrate::MigrateArgs),
    /// Workspaces: the tenants.
    #[command(subcommand)]
    Workspace(remote::workspace::Command),
    /// API keys of a workspace.
    #[command(subcommand)]
    Key(remote::key::Command),
    /// The audit log: who did what.
    #[command(subcommand)]
    Audit(remote::audit::Command),
    /// Session nodes.
    #[command(subcommand)]
    Node(remote::node::Command),
    /// Sessions, wherever they run.
    #[command(subcommand)]
    Session(remote::session::Command),
    /// The version of WhatsApp Web that sessions claim.
    #[command(subcommand)]
    ClientVersion(remote::client_version::Command),
    /// Secrets for the processes' configuration.
    #[command(subcommand)]
    Secret(secret::Command),
    /// Print the API's OpenAPI document.
    #[command(after_help = "Examples:\n  blazz openapi > openapi.json")]
    Openapi(Remote),
    #[command(after_help = "Examples:\n  source <(blazz completions bash)")]
    Completions(manual::CompletionsArgs),
    #[command(after_help = "Examples:\n  blazz manual ~/.local/share/man/man1")]
    Manual(manual::ManualArgs),
}

/// Reads the command line and does what it says.
///
/// # Errors
/// Whatever went wrong, in words for the person at the terminal.
pub async fn run() -> anyhow::Result<()> {
    let matches = without_empty_variables(Cli::command()).get_matches();
    match Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit()).command {
        Command::Up(args) => up::run(args).await,
        Command::Doctor(args) => doctor::run(args).await,
        Command::Config(command) => config::run(command).await,
        Command::Migrate(args) => migrate::run(args).await,
        Command::Workspace(command) => remote::workspace::run(command).await,
        Command::Key(command) => remote::key::run(command).await,
        Command::Audit(command) => remote::audit::run(command).await,
        Command::Node(command) => remote::node::run(command).await,
        Command::Session(command) => remote::session::run(command).await,
        Command::ClientVersion(command) => remote::client_version::run(command).await,
        Command::Secret(command) => secret::run(command),
        Command::Openapi(remote) => output::json(&remote.get_openly("/openapi.json").await?),
        Command::Completions(args) => manual::completions(&args, Cli::command()),
        Command::Manual(args) => manual::write(&args, Cli::command()),
    }
}

/// A variable that is set to nothing counts as not set, as for every program of Blazz.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    command.mut_args(without_empty_variable).mut_subcommands(without_empty_variables)
}

fn without_empty_variable(arg: Arg) -> Arg {
    let is_empty = |name| env::var_os(name).is_some_and(|value| value.is_empty());
    if arg.get_env().is_some_and(is_empty) { arg.env(None) } else { arg }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_of_every_command_has_examples() {
        fn without(command: &clap::Command, path: &str) -> Vec<String> {
            let path = format!("{path} {}", command.get_name());
            if command.has_subcommands() {
                return command.get_subcommands().flat_map(|sub| without(sub, &path)).collect();
            }
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            if help.starts_with("Examples:") { vec![] } else { vec![path] }
        }
        assert_eq!(without(&Cli::command(), ""), Vec::<String>::new());
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
