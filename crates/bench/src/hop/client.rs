//! The calls of both kinds, as the API makes them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use blazz_domain::{
    AccountId, Epoch, Lease, MessageContent, ProviderMessageId, SendOutcome, SystemClock, WorkspaceId,
};
use blazz_wire::node_api::SendMessage;
use blazz_wire::{NodeClient, RequestId, http_client};
use reqwest::header::CONTENT_TYPE;
use url::Url;

use super::server::{HopServer, OPEN, node_id};
use crate::main_path::TEXT;

/// How long a call may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Makes calls of one kind.
pub(crate) trait Caller {
    /// One call and its answer, read.
    async fn call(&self) -> Result<SendOutcome>;

    /// This many calls, one after the other.
    async fn calls(&self, count: usize) -> Result<Vec<Duration>> {
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            let begun = Instant::now();
            self.call().await?;
            times.push(begun.elapsed());
        }
        Ok(times)
    }
}

/// Signs, and believes only what is signed.
pub(crate) struct Signed {
    client: NodeClient,
    lease: Lease,
    message: SendMessage,
}

/// Sends the same body to the open route.
pub(crate) struct Unsigned {
    http: reqwest::Client,
    url: Url,
    message: SendMessage,
}

impl Signed {
    /// A client of this server.
    pub(crate) fn of(server: &HopServer) -> Result<Self> {
        let node = node_id()?;
        let keys = server.fleet.node_secret(&node).keys(&node);
        let http = http_client(PATIENCE, PATIENCE)?;
        let client = NodeClient::new(http, node, server.url.clone(), keys, Arc::new(SystemClock));
        let lease = Lease { workspace_id: WorkspaceId::new(), account_id: AccountId::new(), epoch: Epoch(1) };
        Ok(Self { client, lease, message: message()? })
    }
}

impl Unsigned {
    /// A client of this server.
    pub(crate) fn of(server: &HopServer) -> Result<Self> {
        let url = server.url.join(&format!("{OPEN}/sessions/{}/messages", AccountId::new()))?;
        Ok(Self { http: http_client(PATIENCE, PATIENCE)?, url, message: message()? })
    }
}

impl Caller for Signed {
    async fn call(&self) -> Result<SendOutcome> {
        Ok(self.client.send(&self.lease, &self.message, &RequestId::generate()).await?)
    }
}

impl Caller for Unsigned {
    async fn call(&self) -> Result<SendOutcome> {
        let body = serde_json::to_vec(&self.message)?;
        let request = self.http.post(self.url.clone()).header(CONTENT_TYPE, "application/json").body(body);
        let answer = request.send().await?.error_for_status()?.bytes().await?;
        Ok(serde_json::from_slice(&answer)?)
    }
}

fn message() -> Result<SendMessage> {
    Ok(SendMessage {
        to: "15550000001@s.whatsapp.net".parse().context("an address")?,
        id: ProviderMessageId::generate(),
        content: MessageContent::Text { text: TEXT.to_owned() },
        about: None,
    })
}
