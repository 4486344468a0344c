//! Times and limits of the use cases.

use std::time::Duration;

use blazz_domain::{ClientVersion, session_settings};

use crate::client_version;

/// What an operator may choose, and what tests shorten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How long a message is worth sending.
    pub message_ttl: Duration,
    /// After how long without a heartbeat a node counts as lost.
    pub node_ttl: Duration,
    /// How long an entry of the audit log is kept.
    pub audit_ttl: Duration,
    /// How long after storing a message its job may start, should the request that stored it have died.
    pub send_takeover: Duration,
    /// How long a request waits for the message that it sends.
    pub send_wait: Duration,
    /// How long taking in one batch of events may go on before the rest of it is left for the next call.
    pub ingest_budget: Duration,
    /// The most bytes of a file.
    pub media_limit: u64,
    /// How many jobs run at once.
    pub job_concurrency: usize,
    /// What phones show in their list of linked devices, unless the account says otherwise.
    pub device_name: String,
    /// The version of WhatsApp Web to claim, unless the operator has set one; none is fetched then.
    pub client_version: Option<ClientVersion>,
    /// The page that names the version of WhatsApp Web.
    pub client_version_url: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            message_ttl: Duration::from_secs(24 * 3600),
            node_ttl: Duration::from_secs(10),
            audit_ttl: Duration::from_secs(365 * 24 * 3600),
            send_takeover: Duration::from_secs(5),
            send_wait: Duration::from_secs(12),
            ingest_budget: Duration::from_secs(3),
            media_limit: blazz_domain::media::MAX_FILE_BYTES,
            job_concurrency: 16,
            device_name: session_settings::default_device_name(),
            client_version: None,
            client_version_url: client_version::PAGE.to_owned(),
        }
    }
}

impl Settings {
    /// How often a node sends a heartbeat: five fit into the time after which it counts as lost.
    #[must_use]
    pub fn heartbeat_interval(&self) -> Duration {
        self.node_ttl / 5
    }
}
