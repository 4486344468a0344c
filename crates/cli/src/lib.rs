//! The operator's command. It holds no business logic: it starts programs, migrates the database and calls the API.

mod migrate;
mod output;
mod remote;
mod secret;
mod up;

use clap::{Parser, Subcommand};

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
    /// Start everything on this machine: emulator, API and session nodes; keep it running until interrupted.
    Up(up::UpArgs),
    /// Bring the database's tables up to date.
    Migrate(migrate::MigrateArgs),
    /// Workspaces: the tenants.
    #[command(subcommand)]
    Workspace(remote::workspace::Command),
    /// API keys of a workspace.
    #[command(subcommand)]
    Key(remote::key::Command),
    /// Session nodes.
    #[command(subcommand)]
    Node(remote::node::Command),
    /// Sessions, wherever they run.
    #[command(subcommand)]
    Session(remote::session::Command),
    /// Secrets for the processes' configuration.
    #[command(subcommand)]
    Secret(secret::Command),
    /// Print the API's OpenAPI document.
    Openapi(Remote),
}

/// Reads the command line and does what it says.
///
/// # Errors
/// Whatever went wrong, in words for the person at the terminal.
pub async fn run() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Up(args) => up::run(args).await,
        Command::Migrate(args) => migrate::run(args).await,
        Command::Workspace(command) => remote::workspace::run(command).await,
        Command::Key(command) => remote::key::run(command).await,
        Command::Node(command) => remote::node::run(command).await,
        Command::Session(command) => remote::session::run(command).await,
        Command::Secret(command) => secret::run(command),
        Command::Openapi(remote) => output::json(&remote.get("/openapi.json").await?),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
