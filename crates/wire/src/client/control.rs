//! What a node calls at the API.

use std::sync::Arc;

use blazz_domain::{Clock, Lease, MediaId, NodeId};
use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::AsyncWrite;
use url::Url;

use super::CallError;
use super::file::{FileToSend, MAX_FILE_TIME};
use super::hop::{Call, Direction, Hop};
use crate::control_api::{
    EventBatch, EventsAcknowledged, Heartbeat, HeartbeatAnswer, MediaSlot, OfferMedia, Register, Registered,
};
use crate::keys::NodeKeys;
use crate::request_id::RequestId;
use crate::routes::{self, API_NAME};

/// A node's side of the hop to the API. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ControlClient(Hop);

impl ControlClient {
    /// A client for the API at `api_url`, of which only scheme, host and port count.
    #[must_use]
    pub fn new(
        http: reqwest::Client,
        node: NodeId,
        api_url: Url,
        keys: NodeKeys,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (from, to) = (node.into(), API_NAME.to_owned());
        Self(Hop { http, base_url: api_url, from, to, keys, direction: Direction::NodeToApi, clock })
    }

    /// Says that the node has started.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn register(&self, register: &Register) -> Result<Registered, CallError> {
        self.post(routes::REGISTER, None, register).await
    }

    /// Says that the node is alive, and what changed.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn heartbeat(&self, heartbeat: &Heartbeat) -> Result<HeartbeatAnswer, CallError> {
        self.post(routes::HEARTBEAT, None, heartbeat).await
    }

    /// Hands over the oldest entries of an outbox.
    ///
    /// # Errors
    /// See [`CallError`]. Only an acknowledgement says that they are stored.
    pub async fn events(&self, lease: &Lease, batch: &EventBatch) -> Result<EventsAcknowledged, CallError> {
        self.post(routes::EVENTS, Some(lease), batch).await
    }

    /// Asks where to put the file of a received message.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn offer_media(&self, lease: &Lease, offer: &OfferMedia) -> Result<MediaSlot, CallError> {
        self.post(routes::MEDIA, Some(lease), offer).await
    }

    /// Puts a file where the API wants it.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn put_media(
        &self,
        lease: &Lease,
        id: MediaId,
        file: FileToSend,
    ) -> Result<MediaSlot, CallError> {
        let (request_id, path) = (RequestId::generate(), routes::media(id));
        let call = Call::new(Method::PUT, &path, &request_id).under(lease);
        self.0.call(Call { file: Some(file), timeout: Some(MAX_FILE_TIME), ..call }).await
    }

    /// Writes a file of the session's workspace, of at most `limit` bytes, to `sink`; its length. What was written counts only on success.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn fetch_media(
        &self,
        lease: &Lease,
        id: MediaId,
        limit: u64,
        sink: &mut (dyn AsyncWrite + Unpin + Send),
    ) -> Result<u64, CallError> {
        let (request_id, path) = (RequestId::generate(), routes::media(id));
        self.0.fetch(Call::new(Method::GET, &path, &request_id).under(lease), limit, sink).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        lease: Option<&Lease>,
        body: &impl Serialize,
    ) -> Result<T, CallError> {
        let request_id = RequestId::generate();
        let call = Call { lease, ..Call::new(Method::POST, path, &request_id) };
        self.0.call(call.json(body)?).await
    }
}
