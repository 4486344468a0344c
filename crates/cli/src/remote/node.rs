//! `blazz node`.

use clap::Subcommand;

use super::Remote;

/// Session nodes.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// List the nodes that have registered.
    #[command(after_help = "Examples:\n  blazz node list")]
    List(Remote),
}

pub(crate) async fn run(command: Command) -> anyhow::Result<()> {
    let Command::List(remote) = command;
    let columns = &["id", "state", "url", "sessions", "capacity", "incarnation", "version", "heartbeat_at"];
    remote.show(remote.list("/v1/nodes").await?, columns)
}
