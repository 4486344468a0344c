//! `blazz client-version`.

use blazz_domain::ClientVersion;
use clap::Subcommand;
use serde_json::{Value, json};

use super::Remote;
use crate::output;

const PATH: &str = "/v1/client-version";

/// The version of WhatsApp Web that sessions claim.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Show the version and where it comes from.
    #[command(after_help = "Examples:\n  blazz client-version show")]
    Show(Remote),
    /// Set the version by hand, until `unset`.
    #[command(after_help = "Examples:\n  blazz client-version set 2.3000.1042742319")]
    Set {
        /// Three numbers, such as 2.3000.1042742319.
        #[arg(id = "client_version", value_name = "VERSION")]
        version: ClientVersion,
        #[command(flatten)]
        remote: Remote,
    },
    /// Claim again what WhatsApp Web's page says.
    #[command(after_help = "Examples:\n  blazz client-version unset")]
    Unset(Remote),
}

pub(crate) async fn run(command: Command) -> anyhow::Result<()> {
    let (remote, view) = match command {
        Command::Show(remote) => (remote.clone(), remote.get(PATH).await?),
        Command::Set { version, remote } => {
            (remote.clone(), remote.put(PATH, json!({ "version": version })).await?)
        }
        Command::Unset(remote) => (remote.clone(), remote.delete(PATH).await?),
    };
    show(&remote, view)
}

fn show(remote: &Remote, view: Value) -> anyhow::Result<()> {
    if remote.json {
        return output::json(&view);
    }
    let columns = &["version", "source", "fetched", "fetched_at", "tried_at", "set_at", "refused_sessions"];
    output::table(&[view], columns)
}
