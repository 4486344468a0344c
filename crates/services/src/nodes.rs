//! Clients for the session nodes, each with the keys of its node.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Context as _;
use blazz_domain::{Clock, ErrorCode, NodeId};
use blazz_wire::keys::FleetSecret;
use blazz_wire::{CallError, NodeClient, http_client};
use url::Url;

use crate::error::ServiceError;

const CONNECT: Duration = Duration::from_secs(2);
/// Above what a node takes for a send: 10 s for WhatsApp's acknowledgement, and its own work.
const COMMAND: Duration = Duration::from_secs(15);

/// Knows how to reach nodes. Which nodes there are is the registry's affair.
pub struct NodeDirectory {
    secret: FleetSecret,
    clock: Arc<dyn Clock>,
    http: reqwest::Client,
    clients: RwLock<HashMap<NodeId, Known>>,
}

/// The client of one node at one address.
struct Known {
    url: String,
    client: NodeClient,
}

impl NodeDirectory {
    /// A directory that signs with keys derived from `secret`.
    ///
    /// # Errors
    /// When no HTTP client can be built.
    pub fn new(secret: FleetSecret, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let http = http_client(CONNECT, COMMAND)?;
        Ok(Self { secret, clock, http, clients: RwLock::default() })
    }

    /// The client of `node_id` at `url`.
    ///
    /// # Errors
    /// When `url` is not one.
    pub fn client(&self, node_id: &NodeId, url: &str) -> anyhow::Result<NodeClient> {
        let clients = self.clients.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = clients.get(node_id).filter(|known| known.url == url) {
            return Ok(known.client.clone());
        }
        drop(clients);
        let client = self.build(node_id, url)?;
        let known = Known { url: url.to_owned(), client: client.clone() };
        self.clients.write().unwrap_or_else(PoisonError::into_inner).insert(node_id.clone(), known);
        Ok(client)
    }

    fn build(&self, node_id: &NodeId, url: &str) -> anyhow::Result<NodeClient> {
        let base: Url = url.parse().with_context(|| format!("node {node_id} advertises a bad url"))?;
        let keys = self.secret.node_secret(node_id).keys(node_id);
        Ok(NodeClient::new(self.http.clone(), node_id.clone(), base, keys, Arc::clone(&self.clock)))
    }
}

/// What a failed call to a node means for whoever asked for it.
pub(crate) fn call_failed(node_id: &NodeId, error: CallError) -> ServiceError {
    match error {
        CallError::Refused(problem) => {
            let detail = problem.detail.unwrap_or(problem.title);
            ServiceError::Code { code: problem.code, detail }
        }
        CallError::Unreachable(reason) | CallError::Interrupted(reason) => {
            tracing::warn!(node.id = %node_id, %reason, "a node does not answer");
            ServiceError::refused(ErrorCode::NodeUnreachable, format!("node {node_id} does not answer"))
        }
        CallError::BadAnswer(reason) => {
            tracing::error!(node.id = %node_id, %reason, "a node's answer is not signed as it must be");
            ServiceError::refused(
                ErrorCode::NodeUnreachable,
                format!("node {node_id} does not answer as it must"),
            )
        }
    }
}
