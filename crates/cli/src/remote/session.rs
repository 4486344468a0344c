//! `blazz session`.

use clap::Subcommand;

use super::Remote;

/// Sessions, wherever they run.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// List the sessions of every workspace.
    List(Remote),
}

pub(crate) async fn run(command: Command) -> anyhow::Result<()> {
    let Command::List(remote) = command;
    let columns = &["account_id", "workspace_id", "node_id", "state", "state_reason", "desired", "epoch"];
    remote.show(remote.list("/v1/sessions").await?, columns)
}
