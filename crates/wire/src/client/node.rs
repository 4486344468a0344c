//! What the API calls at a node.

use std::sync::Arc;
use std::time::Duration;

use blazz_domain::{Clock, Lease, NodeId, PairingCode, Profile, ProfileChange, QrCode, SendOutcome};
use bytes::Bytes;
use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::CallError;
use super::hop::{Call, Direction, Hop};
use crate::keys::NodeKeys;
use crate::node_api::{
    Deleted, NodeStatus, PictureChanged, ProfilePicture, ReadMessages, RequestPairingCode, SendMessage,
    SessionList, SessionStatus, StartSession, Told,
};
use crate::request_id::RequestId;
use crate::routes::{self, API_NAME};

/// The longest that [`NodeClient::qr`] waits for a code.
const MAX_QR_WAIT: Duration = Duration::from_secs(60);
/// What a pairing code may take: the session comes to the point of showing codes, then WhatsApp answers.
const PAIRING_PATIENCE: Duration = Duration::from_secs(60);
/// What a probe may take: whoever asks is waiting.
const PROBE_PATIENCE: Duration = Duration::from_secs(3);
/// What a deletion may take before its caller goes on: what the node did not confirm, it is told again.
const DELETE_PATIENCE: Duration = Duration::from_secs(3);
/// What a call for a profile or its picture may take: two queries of WhatsApp, or one and a download.
const PROFILE_PATIENCE: Duration = Duration::from_secs(25);
/// What a message with a file may take: the node fetches the file and puts it on WhatsApp's media host first.
const FILE_PATIENCE: Duration = Duration::from_secs(300);
/// What a call may take beside the waiting that it asked for.
const QR_MARGIN: Duration = Duration::from_secs(10);

/// The body of a call that has none.
#[derive(Serialize)]
struct Nothing {}

/// The API's side of the hop to one node. Cheap to clone.
#[derive(Debug, Clone)]
pub struct NodeClient(Hop);

impl NodeClient {
    /// A client for the node at `base_url`, of which only scheme, host and port count.
    #[must_use]
    pub fn new(
        http: reqwest::Client,
        node: NodeId,
        base_url: Url,
        keys: NodeKeys,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (from, to) = (API_NAME.to_owned(), node.into());
        Self(Hop { http, base_url, from, to, keys, direction: Direction::ApiToNode, clock })
    }

    /// Runs the session; one that runs already under this lease stays as it is.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn start(
        &self,
        lease: &Lease,
        start: &StartSession,
        request_id: &RequestId,
    ) -> Result<SessionStatus, CallError> {
        let path = routes::session(lease.account_id, "");
        self.0.call(Call::new(Method::PUT, &path, request_id).under(lease).json(start)?).await
    }

    /// Stops the session; it can be started again.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn stop(&self, lease: &Lease, request_id: &RequestId) -> Result<SessionStatus, CallError> {
        self.act("/stop", lease, request_id).await
    }

    /// Stops the session and starts it again.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn restart(&self, lease: &Lease, request_id: &RequestId) -> Result<SessionStatus, CallError> {
        self.act("/restart", lease, request_id).await
    }

    /// Removes the linked device at WhatsApp and deletes the credentials.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn logout(&self, lease: &Lease, request_id: &RequestId) -> Result<SessionStatus, CallError> {
        self.act("/logout", lease, request_id).await
    }

    /// Where the session stands.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn state(&self, lease: &Lease, request_id: &RequestId) -> Result<SessionStatus, CallError> {
        let path = routes::session(lease.account_id, "");
        self.0.call(Call::new(Method::GET, &path, request_id).under(lease)).await
    }

    /// Logs out if linked, stops, deletes the directory.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn delete(&self, lease: &Lease, request_id: &RequestId) -> Result<Deleted, CallError> {
        let path = routes::session(lease.account_id, "");
        let mut call = Call::new(Method::DELETE, &path, request_id).under(lease);
        call.timeout = Some(DELETE_PATIENCE);
        self.0.call(call).await
    }

    /// The code to scan; waits for one for `wait`, at most 60 s.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn qr(
        &self,
        lease: &Lease,
        wait: Duration,
        request_id: &RequestId,
    ) -> Result<QrCode, CallError> {
        let wait = wait.min(MAX_QR_WAIT);
        let path = routes::session(lease.account_id, "/qr");
        let mut call = Call::new(Method::GET, &path, request_id).under(lease);
        call.query = Some(format!("wait_ms={}", wait.as_millis()));
        call.timeout = Some(wait + QR_MARGIN);
        self.0.call(call).await
    }

    /// Asks WhatsApp for a code that links a phone, once the session waits to be linked.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn pairing_code(
        &self,
        lease: &Lease,
        request: &RequestPairingCode,
        request_id: &RequestId,
    ) -> Result<PairingCode, CallError> {
        let path = routes::session(lease.account_id, "/pairing-code");
        let mut call = Call::new(Method::POST, &path, request_id).under(lease).json(request)?;
        call.timeout = Some(PAIRING_PATIENCE);
        self.0.call(call).await
    }

    /// What others see of the account.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn profile(&self, lease: &Lease, request_id: &RequestId) -> Result<Profile, CallError> {
        self.ask_profile(Method::GET, "/profile", lease, &Nothing {}, request_id).await
    }

    /// Changes what others see of the account.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn change_profile(
        &self,
        lease: &Lease,
        change: &ProfileChange,
        request_id: &RequestId,
    ) -> Result<Profile, CallError> {
        self.ask_profile(Method::PUT, "/profile", lease, change, request_id).await
    }

    /// The account's picture.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn picture(&self, lease: &Lease, request_id: &RequestId) -> Result<ProfilePicture, CallError> {
        self.ask_profile(Method::GET, "/profile/picture", lease, &Nothing {}, request_id).await
    }

    /// Gives the account a picture.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn put_picture(
        &self,
        lease: &Lease,
        picture: &ProfilePicture,
        request_id: &RequestId,
    ) -> Result<PictureChanged, CallError> {
        self.ask_profile(Method::PUT, "/profile/picture", lease, picture, request_id).await
    }

    /// Takes the account's picture away.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn delete_picture(
        &self,
        lease: &Lease,
        request_id: &RequestId,
    ) -> Result<PictureChanged, CallError> {
        self.ask_profile(Method::DELETE, "/profile/picture", lease, &Nothing {}, request_id).await
    }

    async fn ask_profile<T: DeserializeOwned>(
        &self,
        method: Method,
        action: &str,
        lease: &Lease,
        body: &impl Serialize,
        request_id: &RequestId,
    ) -> Result<T, CallError> {
        let path = routes::session(lease.account_id, action);
        let has_body = method == Method::PUT;
        let mut call = Call::new(method, &path, request_id).under(lease);
        if has_body {
            call = call.json(body)?;
        }
        call.timeout = Some(PROFILE_PATIENCE);
        self.0.call(call).await
    }

    /// Sends a message and waits for what became of it.
    ///
    /// # Errors
    /// See [`CallError`]. After all but `Refused` and `Unreachable` the message may have been sent.
    pub async fn send(
        &self,
        lease: &Lease,
        message: &SendMessage,
        request_id: &RequestId,
    ) -> Result<SendOutcome, CallError> {
        let path = routes::session(lease.account_id, "/messages");
        let mut call = Call::new(Method::POST, &path, request_id).under(lease).json(message)?;
        call.timeout = message.content.file().map(|_| FILE_PATIENCE);
        self.0.call(call).await
    }

    /// Tells the writer of messages that they were read.
    ///
    /// # Errors
    /// See [`CallError`]. After all but `Refused` and `Unreachable` it may have been told.
    pub async fn read(
        &self,
        lease: &Lease,
        messages: &ReadMessages,
        request_id: &RequestId,
    ) -> Result<Told, CallError> {
        let path = routes::session(lease.account_id, "/read");
        self.0.call(Call::new(Method::POST, &path, request_id).under(lease).json(messages)?).await
    }

    /// What the node is.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn probe(&self, request_id: &RequestId) -> Result<NodeStatus, CallError> {
        let mut call = Call::new(Method::GET, routes::NODE, request_id);
        call.timeout = Some(PROBE_PATIENCE);
        self.0.call(call).await
    }

    /// Every session that the node runs.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn list(&self, request_id: &RequestId) -> Result<SessionList, CallError> {
        self.0.call(Call::new(Method::GET, routes::SESSIONS, request_id)).await
    }

    async fn act(
        &self,
        action: &str,
        lease: &Lease,
        request_id: &RequestId,
    ) -> Result<SessionStatus, CallError> {
        let path = routes::session(lease.account_id, action);
        let mut call = Call::new(Method::POST, &path, request_id).under(lease);
        call.body = Bytes::from_static(b"{}");
        self.0.call(call).await
    }
}
