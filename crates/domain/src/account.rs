//! Accounts: the states that a number's session goes through, and which moves are legal.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::id::{AccountId, WorkspaceId};
use crate::message::UnknownName;
use crate::node::NodeId;
use crate::phone::PhoneNumber;
use crate::proxy::ProxyView;
use crate::session_settings::default_device_name;

/// The most characters an account's name may have.
pub const MAX_NAME_CHARS: usize = 100;

/// How an account reaches WhatsApp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// As a linked device of a phone, over the WhatsApp Web protocol.
    Web,
    /// Through Meta's Cloud API.
    Cloud,
}

/// What the tenant wants of a session; the node that holds it works towards that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Desired {
    /// Be connected, and stay so.
    Running,
    /// Be at rest; WhatsApp keeps what arrives.
    Stopped,
}

/// Where an account's session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccountState {
    /// Never started.
    New,
    /// A node is opening it.
    Starting,
    /// It waits for a phone to scan its QR code.
    Qr,
    /// Nobody scanned in time; a start asks for new codes.
    QrTimeout,
    /// A phone has accepted it, or it is linked; it is logging in.
    Connecting,
    /// It is logged in: messages flow.
    Connected,
    /// Linked, but without a connection; it is being retried.
    Disconnected,
    /// At rest, still linked if it ever was.
    Stopped,
    /// The link is gone: the phone removed it, or a logout was asked for. A start links anew.
    LoggedOut,
    /// It cannot run until somebody acts; the reason says why.
    Failed,
}

impl AccountState {
    /// Every state.
    pub const ALL: [Self; 10] = [
        Self::New,
        Self::Starting,
        Self::Qr,
        Self::QrTimeout,
        Self::Connecting,
        Self::Connected,
        Self::Disconnected,
        Self::Stopped,
        Self::LoggedOut,
        Self::Failed,
    ];

    /// Whether a node is at work on the session in this state.
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Starting | Self::Qr | Self::Connecting | Self::Connected | Self::Disconnected)
    }

    /// The table of legal moves.
    ///
    /// Reports of a live session may skip states (two changes between two heartbeats arrive as one), so from any
    /// live state every other state but `new` can follow. From a state of rest only a start leads out; a session at rest can still
    /// learn that its link is gone.
    #[must_use]
    pub const fn can_become(self, next: Self) -> bool {
        match (self, next) {
            (_, Self::New) => false,
            (from, _) if from.is_live() => true,
            (Self::New | Self::LoggedOut, Self::Starting) => true,
            (Self::QrTimeout, Self::Starting | Self::Stopped) => true,
            (Self::Stopped | Self::Failed, Self::Starting | Self::LoggedOut | Self::Stopped) => true,
            _ => false,
        }
    }

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Starting => "starting",
            Self::Qr => "qr",
            Self::QrTimeout => "qr_timeout",
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Disconnected => "disconnected",
            Self::Stopped => "stopped",
            Self::LoggedOut => "logged_out",
            Self::Failed => "failed",
        }
    }
}

/// Why an account is in its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StateReason {
    /// Somebody asked for it.
    Requested,
    /// The last QR code ran out.
    QrExpired,
    /// The connection to WhatsApp broke.
    ConnectionLost,
    /// Another connection with the same credentials took over.
    Replaced,
    /// The phone removed the linked device.
    DeviceRemoved,
    /// WhatsApp refused the login without ending the link.
    LoginRefused,
    /// WhatsApp has banned the number, for a time or for good.
    Banned,
    /// WhatsApp wants a newer client version; the session connects again as soon as one is known.
    ClientOutdated,
    /// The session's directory is not where it was, or cannot be read or written.
    StorageFailed,
    /// The session's own code failed; it is started again.
    Crashed,
    /// Its node has not been heard of in time.
    NodeLost,
    /// Its node was started again.
    NodeRestarted,
    /// WhatsApp wants a passkey of the number before it links it, and Blazz has none.
    PasskeyRequired,
    /// Its proxy cannot be reached; it is tried again, and never without the proxy.
    ProxyUnreachable,
    /// Its proxy refuses: the credentials, or the way to WhatsApp.
    ProxyRefused,
    /// Its proxy is at an address that this installation does not allow.
    ProxyForbidden,
}

impl StateReason {
    /// Whether the session's proxy is in the way.
    #[must_use]
    pub const fn is_proxy(self) -> bool {
        matches!(self, Self::ProxyUnreachable | Self::ProxyRefused | Self::ProxyForbidden)
    }

    /// Every reason.
    pub const ALL: [Self; 16] = [
        Self::Requested,
        Self::QrExpired,
        Self::ConnectionLost,
        Self::Replaced,
        Self::DeviceRemoved,
        Self::LoginRefused,
        Self::Banned,
        Self::ClientOutdated,
        Self::StorageFailed,
        Self::Crashed,
        Self::NodeLost,
        Self::NodeRestarted,
        Self::PasskeyRequired,
        Self::ProxyUnreachable,
        Self::ProxyRefused,
        Self::ProxyForbidden,
    ];

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::QrExpired => "qr_expired",
            Self::ConnectionLost => "connection_lost",
            Self::Replaced => "replaced",
            Self::DeviceRemoved => "device_removed",
            Self::LoginRefused => "login_refused",
            Self::Banned => "banned",
            Self::ClientOutdated => "client_outdated",
            Self::StorageFailed => "storage_failed",
            Self::Crashed => "crashed",
            Self::NodeLost => "node_lost",
            Self::NodeRestarted => "node_restarted",
            Self::PasskeyRequired => "passkey_required",
            Self::ProxyUnreachable => "proxy_unreachable",
            Self::ProxyRefused => "proxy_refused",
            Self::ProxyForbidden => "proxy_forbidden",
        }
    }
}

impl Provider {
    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Cloud => "cloud",
        }
    }
}

impl Desired {
    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
        }
    }
}

impl FromStr for AccountState {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|s| s.as_str() == text).ok_or(UnknownName)
    }
}

impl FromStr for StateReason {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|s| s.as_str() == text).ok_or(UnknownName)
    }
}

impl FromStr for Provider {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Web, Self::Cloud].into_iter().find(|p| p.as_str() == text).ok_or(UnknownName)
    }
}

impl FromStr for Desired {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Running, Self::Stopped].into_iter().find(|d| d.as_str() == text).ok_or(UnknownName)
    }
}

/// An account as tenants see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// The workspace it belongs to.
    pub workspace_id: WorkspaceId,
    /// The tenant's own name for it.
    #[schema(examples("Sales"))]
    pub name: String,
    /// How it reaches WhatsApp.
    pub provider: Provider,
    /// What the phone shows in its list of linked devices, from the next linking on.
    #[serde(default = "default_device_name")]
    #[schema(examples("Blazz"))]
    pub device_name: String,
    /// The proxy through which alone the session connects; absent when it connects directly.
    #[serde(default)]
    pub proxy: Option<ProxyView>,
    /// The linked number; absent until it was first linked.
    pub phone: Option<PhoneNumber>,
    /// Where its session stands.
    pub state: AccountState,
    /// Why it stands there.
    pub state_reason: Option<StateReason>,
    /// Since when it stands there.
    pub state_at: Timestamp,
    /// What the tenant wants of the session.
    pub desired: Desired,
    /// The node that holds the session; absent until first started.
    pub node_id: Option<NodeId>,
    /// When it was first linked; absent until then, and again after a logout.
    pub linked_at: Option<Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_text() {
        for state in AccountState::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
        for reason in StateReason::ALL {
            assert_eq!(reason.as_str().parse(), Ok(reason));
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
        }
        for desired in [Desired::Running, Desired::Stopped] {
            assert_eq!(desired.as_str().parse(), Ok(desired));
        }
        for provider in [Provider::Web, Provider::Cloud] {
            assert_eq!(provider.as_str().parse(), Ok(provider));
        }
    }

    #[test]
    fn only_a_start_leads_out_of_rest() {
        use AccountState::{Connected, Failed, LoggedOut, New, QrTimeout, Starting, Stopped};
        for rest in [New, QrTimeout, Stopped, LoggedOut, Failed] {
            assert!(rest.can_become(Starting), "{rest:?}");
            assert!(!rest.can_become(Connected), "{rest:?} may not come alive without a start");
        }
        assert!(Stopped.can_become(LoggedOut) && !New.can_become(LoggedOut));
    }

    #[test]
    fn nothing_becomes_new_again_and_live_states_can_end_anyhow() {
        for from in AccountState::ALL {
            assert!(!from.can_become(AccountState::New));
            if from.is_live() {
                assert!(AccountState::ALL.into_iter().skip(1).all(|next| from.can_become(next)));
            }
        }
    }
}
