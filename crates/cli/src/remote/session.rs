//! `blazz session`.

use clap::Subcommand;

use super::Remote;
use crate::link;

/// Sessions, wherever they run.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// List the sessions of every workspace.
    #[command(after_help = "Examples:\n  blazz session list")]
    List(Remote),
    #[command(
        after_help = "Examples:\n  blazz session link 019c1f7e-3c52-7e21-9a56-0f2a8c9d1e03\n  blazz session link 019c1f7e-3c52-7e21-9a56-0f2a8c9d1e03 --phone +15550000001"
    )]
    Link(link::LinkArgs),
}

pub(crate) async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::List(remote) => {
            let columns =
                &["account_id", "workspace_id", "node_id", "state", "state_reason", "desired", "epoch"];
            remote.show(remote.list("/v1/sessions").await?, columns)
        }
        Command::Link(args) => link::run(args).await,
    }
}
