//! `blazz audit`.

use blazz_domain::WorkspaceId;
use clap::Subcommand;

use super::Remote;

const COLUMNS: &[&str] = &[
    "occurred_at",
    "actor",
    "key_name",
    "address",
    "action",
    "object_type",
    "object_id",
    "status",
    "code",
    "calls",
    "workspace_id",
    "request_id",
];

/// The audit log: who did what.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// List the newest entries, of all workspaces and of nobody.
    #[command(
        after_help = "Examples:\n  blazz audit list --limit 20\n  blazz audit list --workspace 019c1f7e-3c52-7e21-9a56-0f2a8c9d1e01"
    )]
    List {
        /// Only those of this workspace.
        #[arg(long)]
        workspace: Option<WorkspaceId>,
        /// How many at most.
        #[arg(long, default_value_t = 100)]
        limit: usize,
        #[command(flatten)]
        remote: Remote,
    },
}

pub(crate) async fn run(command: Command) -> anyhow::Result<()> {
    let Command::List { workspace, limit, remote } = command;
    let path = match workspace {
        Some(workspace) => format!("/v1/operator/audit?workspace={workspace}"),
        None => "/v1/operator/audit".to_owned(),
    };
    remote.show(remote.list_some(&path, limit).await?, COLUMNS)
}
