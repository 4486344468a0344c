//! `up.json`: where everything is, for programs.

use std::collections::BTreeMap;

use blazz_domain::WorkspaceId;
use serde::Serialize;

use super::addresses::Addresses;
use super::home::{Home, write_private};
use super::programs::node_name;
use super::secrets::WorkspaceSecret;

/// What `up.json` says.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Up {
    /// Where the API listens.
    pub(crate) api_url: String,
    /// Opens the operator's routes.
    pub(crate) operator_key: String,
    /// The first workspace.
    pub(crate) workspace_id: WorkspaceId,
    /// Opens its routes.
    pub(crate) workspace_key: String,
    /// Where the emulator speaks WhatsApp's protocol; absent when the phones are real.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) emulator_ws_url: Option<String>,
    /// Where phones are scripted; absent when the phones are real.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) emulator_url: Option<String>,
    /// The session nodes that run.
    pub(crate) nodes: Vec<NodeUp>,
    /// Every process that runs, by name.
    pub(crate) pids: BTreeMap<String, u32>,
}

/// One session node.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct NodeUp {
    /// Its name.
    pub(crate) id: String,
    /// Where it listens.
    pub(crate) url: String,
    /// Its process.
    pub(crate) pid: u32,
}

impl Up {
    /// What is known before it is known which processes run.
    pub(crate) fn new(at: &Addresses, operator_key: &str, workspace: WorkspaceSecret, is_live: bool) -> Self {
        Self {
            api_url: format!("http://{}", at.api),
            operator_key: operator_key.to_owned(),
            workspace_id: workspace.id,
            workspace_key: workspace.key,
            emulator_ws_url: (!is_live).then(|| format!("ws://{}/ws/chat", at.emulator)),
            emulator_url: (!is_live).then(|| format!("http://{}", at.emulator_admin)),
            nodes: Vec::new(),
            pids: BTreeMap::new(),
        }
    }

    /// The same with the processes that run now.
    pub(crate) fn running(mut self, at: &Addresses, pids: BTreeMap<String, u32>) -> Self {
        let nodes = at.nodes.iter().enumerate().filter_map(|(index, address)| {
            let id = node_name(index);
            let pid = *pids.get(&id)?;
            Some(NodeUp { id, url: format!("http://{address}"), pid })
        });
        self.nodes = nodes.collect();
        self.pids = pids;
        self
    }

    /// Writes it, mode 0600.
    pub(crate) fn write(&self, home: &Home) -> anyhow::Result<()> {
        write_private(&home.up_file(), &serde_json::to_string_pretty(self)?)
    }
}
