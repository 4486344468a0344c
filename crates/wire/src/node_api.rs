//! What a node serves to the API: the requests and answers of `/internal/v1/sessions/…`.

use blazz_domain::{
    AccountId, Jid, Lease, MessageContent, NodeId, PhoneNumber, ProviderMessageId, Reference, SessionReport,
    SessionSettings, Timestamp, WorkspaceId,
};
use serde::{Deserialize, Serialize};

/// `PUT /internal/v1/sessions/{account_id}`: run this session. Starting one that runs already changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartSession {
    /// Whether the account was ever linked: then a missing directory is `storage_missing`, never a new QR.
    pub linked: bool,
    /// How it appears and connects. One that runs connects anew when that has changed.
    #[serde(default)]
    pub settings: SessionSettings,
}

impl StartSession {
    /// With the settings that nobody has changed.
    #[must_use]
    pub fn new(linked: bool) -> Self {
        Self { linked, settings: SessionSettings::default() }
    }
}

/// How to end a session: `POST /internal/v1/sessions/{account_id}/stop`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopSession {}

/// `POST /internal/v1/sessions/{account_id}/logout`: remove the linked device at WhatsApp, delete the credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogoutSession {}

/// The answer to start, stop, restart, logout and `GET /internal/v1/sessions/{account_id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionStatus {
    /// Which session, under which grant.
    pub lease: Lease,
    /// Where it stands.
    pub report: SessionReport,
    /// The revision of the settings that it has; absent while it was given none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<i64>,
}

/// `GET /internal/v1/sessions`: every session that the node runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionList {
    /// The sessions, by account id.
    pub sessions: Vec<SessionStatus>,
}

/// `GET /internal/v1/node`: what the node is, as a proof that both ends reach and believe each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Its name.
    pub node_id: NodeId,
    /// The version of its binary.
    pub version: String,
    /// Whether it is the sandbox build.
    pub sandbox: bool,
    /// The time by its clock.
    pub now: Timestamp,
}

/// `GET /internal/v1/sessions/{account_id}/qr`: how long to wait for a code, in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QrQuery {
    /// At most 60,000.
    #[serde(default)]
    pub wait_ms: u64,
}

/// `POST /internal/v1/sessions/{account_id}/pairing-code`. The answer is a [`blazz_domain::PairingCode`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestPairingCode {
    /// The number of the phone that is to be linked.
    pub phone: PhoneNumber,
}

/// `GET` and `PUT /internal/v1/sessions/{account_id}/profile/picture`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfilePicture {
    /// The JPEG, base64.
    pub jpeg: String,
}

impl std::fmt::Debug for ProfilePicture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ProfilePicture({} bytes of base64)", self.jpeg.len())
    }
}

/// The answer to a change of the picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PictureChanged {}

/// `POST /internal/v1/sessions/{account_id}/messages`. The answer is a [`blazz_domain::SendOutcome`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendMessage {
    /// To whom.
    pub to: Jid,
    /// Under which id; a retry reuses it.
    pub id: ProviderMessageId,
    /// What.
    pub content: MessageContent,
    /// The message that it answers, or reacts to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<Reference>,
}

/// `POST /internal/v1/sessions/{account_id}/read`: tell the writer of these messages that they were read. Doing it twice does no harm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadMessages {
    /// The chat that they are in.
    pub chat: Jid,
    /// Who wrote them, in a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<Jid>,
    /// Their ids, at most [`MAX_READ_IDS`].
    pub ids: Vec<ProviderMessageId>,
}

/// The most messages in one [`ReadMessages`].
pub const MAX_READ_IDS: usize = 256;

/// The answer to [`ReadMessages`]: WhatsApp was told over a live connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {}

/// A session that a node is to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// Which session, under which grant.
    pub lease: Lease,
    /// Whether it was ever linked.
    pub linked: bool,
    /// How it appears and connects.
    #[serde(default)]
    pub settings: SessionSettings,
}

impl Assignment {
    /// With the settings that nobody has changed.
    #[must_use]
    pub fn new(lease: Lease, linked: bool) -> Self {
        Self { lease, linked, settings: SessionSettings::default() }
    }
}

/// `DELETE /internal/v1/sessions/{account_id}`: log out if linked, stop, delete the directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {
    /// Whose.
    pub workspace_id: WorkspaceId,
    /// Which.
    pub account_id: AccountId,
    /// When the directory was gone.
    pub at: Timestamp,
}
