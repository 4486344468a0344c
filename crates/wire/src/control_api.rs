//! What the API serves to nodes: registration, heartbeats and event batches, below `/internal/v1/`.

use blazz_domain::{
    AccountId, ClientVersion, Epoch, Incarnation, Lease, MediaId, NodeId, OutboxId, SessionReport, Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::node_api::Assignment;

/// The version of the entries that this code writes. It reads this one and the one before.
pub const ENTRY_VERSION: u16 = 1;

/// `POST /internal/v1/register`: a node has started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Register {
    /// The node's name; must be the signer's.
    pub node_id: NodeId,
    /// Where the API reaches it, such as `http://10.0.0.7:7100`.
    pub url: String,
    /// The id in the file at the top of its session root.
    pub root_id: uuid::Uuid,
    /// How many sessions it may hold.
    pub capacity: u32,
    /// The version of its binary.
    pub version: String,
    /// When it started, by its own clock.
    pub started_at: Timestamp,
    /// Whether it is the sandbox build, which trusts the emulator.
    pub sandbox: bool,
}

/// The answer to [`Register`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registered {
    /// The number of this start; every later call carries it.
    pub incarnation: Incarnation,
    /// The sessions to run.
    pub sessions: Vec<Assignment>,
    /// How often to send a heartbeat, in milliseconds.
    pub heartbeat_ms: u64,
    /// After how long without one the node counts as lost, in milliseconds.
    pub ttl_ms: u64,
    /// The version of WhatsApp Web to claim; absent: the one that the node was built with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_version: Option<ClientVersion>,
}

/// `POST /internal/v1/heartbeat`: the node is alive, and this has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Which start of the node.
    pub incarnation: Incarnation,
    /// Counts up from 1; the API drops a number it has seen or passed.
    pub number: u64,
    /// Sessions whose state changed since the last acknowledged heartbeat.
    pub changes: Vec<SessionChange>,
    /// Accounts whose sessions were removed because the API said so; told until the API has heard it.
    #[serde(default)]
    pub removed: Vec<AccountId>,
    /// The version of WhatsApp Web that it claims and that WhatsApp refuses as too old.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outdated: Option<ClientVersion>,
    /// How many sessions it runs.
    pub sessions: u32,
    /// Resident memory of the process, in bytes.
    pub memory_bytes: u64,
}

/// One session's news.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionChange {
    /// Which session, under which grant.
    pub lease: Lease,
    /// Where it stands now.
    pub report: SessionReport,
    /// The revision of the settings that it has; absent while it was given none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<i64>,
}

/// The answer to [`Heartbeat`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeartbeatAnswer {
    /// The number answered.
    pub number: u64,
    /// Sessions that should run here and that the API does not know to be live.
    pub start: Vec<Assignment>,
    /// Sessions that should not run here.
    pub stop: Vec<Lease>,
    /// Sessions of deleted accounts: log them out as far as possible, and delete their directories.
    #[serde(default)]
    pub remove: Vec<Lease>,
    /// Report every session again: the API had taken the node for lost.
    pub report_all: bool,
    /// The version of WhatsApp Web to claim from now on; absent: the one that the node was built with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_version: Option<ClientVersion>,
}

/// `POST /internal/v1/events`: the oldest unacknowledged entries of one outbox, in order. The route carries the drainer's lease.
#[derive(Debug, Serialize, Deserialize)]
pub struct EventBatch {
    /// The version of the entries: [`ENTRY_VERSION`] or the one before.
    pub version: u16,
    /// Which start of the node.
    pub incarnation: Incarnation,
    /// The outbox they come from.
    pub outbox_id: OutboxId,
    /// The epoch under which the outbox was written; at most the drainer's.
    pub written_under: Epoch,
    /// The entries, sequence ascending without gaps.
    pub entries: Vec<EventEntry>,
}

/// One entry: kept as raw JSON, so that one that cannot be understood can be stored as it came.
#[derive(Debug, Serialize, Deserialize)]
pub struct EventEntry {
    /// Its place in its outbox, from 1.
    pub sequence: u64,
    /// A [`blazz_domain::SessionEvent`].
    pub event: Box<RawValue>,
}

/// The answer to [`EventBatch`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventsAcknowledged {
    /// Everything of this outbox up to here is stored and may be trimmed.
    pub sequence: u64,
}

/// `POST /internal/v1/media`: the node has the file of a received message and asks where to put it. Asking again gives the same answer, until the
/// file is there: then it is no longer wanted. The route carries the lease of the session.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferMedia {
    /// The SHA-256 of its bytes, in hex.
    pub sha256: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its MIME type.
    pub mime_type: String,
    /// Its name, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
}

// A name is somebody's words.
impl std::fmt::Debug for OfferMedia {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OfferMedia({}, {} bytes)", self.mime_type, self.size)
    }
}

/// The answer to [`OfferMedia`], and to `PUT /internal/v1/media/{media_id}` with the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaSlot {
    /// The id of the file.
    pub media_id: MediaId,
    /// Whether its bytes are still to be put there.
    pub is_wanted: bool,
}
