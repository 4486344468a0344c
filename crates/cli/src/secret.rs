//! `blazz secret`: makes the secrets that the processes are configured with.

use anyhow::Context as _;
use blazz_domain::{NodeId, random};
use blazz_wire::keys::FleetSecret;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::output;

/// Secrets for the processes' configuration.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// A new fleet secret, for the API (BLAZZ_FLEET_SECRET).
    #[command(after_help = "Examples:\n  blazz secret fleet")]
    Fleet(Form),
    /// The secret of one node (BLAZZ_NODE_SECRET), derived from the fleet secret.
    #[command(after_help = "Examples:\n  BLAZZ_FLEET_SECRET=$(cat fleet_secret) blazz secret node node-1")]
    Node {
        /// The node's id (BLAZZ_NODE_ID).
        id: NodeId,
        /// The fleet secret.
        #[arg(long, env = "BLAZZ_FLEET_SECRET", hide_env_values = true)]
        fleet_secret: Option<String>,
        #[command(flatten)]
        form: Form,
    },
    /// A new storage key, for the nodes of one session root (BLAZZ_STORAGE_KEY).
    #[command(after_help = "Examples:\n  blazz secret storage")]
    Storage(Form),
    /// A new operator key, for the API (BLAZZ_OPERATOR_KEY).
    #[command(after_help = "Examples:\n  blazz secret operator")]
    Operator(Form),
}

/// How the secret is printed.
#[derive(Args, Debug, Clone, Copy)]
pub(crate) struct Form {
    /// Print JSON: `{"secret": "…"}`.
    #[arg(long)]
    json: bool,
}

impl Form {
    fn print(self, secret: &str) -> anyhow::Result<()> {
        output::outcome(self.json, secret, &json!({ "secret": secret }))
    }
}

pub(crate) fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Fleet(form) => form.print(&FleetSecret::generate().to_hex()),
        Command::Node { id, fleet_secret, form } => {
            let secret =
                fleet_secret.context("BLAZZ_FLEET_SECRET is not set; `blazz secret fleet` makes one")?;
            let fleet = FleetSecret::parse(&secret).context("BLAZZ_FLEET_SECRET is not a fleet secret")?;
            form.print(&fleet.node_secret(&id).to_hex())
        }
        Command::Storage(form) => form.print(&storage_key()),
        Command::Operator(form) => form.print(&operator_key()),
    }
}

/// A fresh storage key: 64 hex digits.
pub(crate) fn storage_key() -> String {
    hex::encode(random::bytes::<32>())
}

/// A fresh operator key: `blzop_` and 64 hex digits.
pub(crate) fn operator_key() -> String {
    format!("blzop_{}", hex::encode(random::bytes::<32>()))
}
