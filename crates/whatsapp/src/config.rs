//! How sessions reach WhatsApp, and what they say they are.

use std::time::Duration;

use url::{Host, Url};

use crate::fleet_version::FleetVersion;
use crate::road::ProxyPolicy;

/// What all sessions of a process share.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// The WebSocket to connect to; `None` is live WhatsApp.
    pub endpoint: Option<Url>,
    /// The version of WhatsApp Web to claim. One for the whole fleet: the engine never fetches it.
    pub version: FleetVersion,
    /// Where the proxies of accounts may be.
    pub proxies: ProxyPolicy,
    /// How long a send waits for the server's acknowledgement.
    pub ack_timeout: Duration,
    /// How long a session may take to close its connection in an orderly way before it is cut.
    pub close_timeout: Duration,
    /// How reconnects are spaced.
    pub backoff: Backoff,
    /// How many one-time prekeys a session keeps on the server; `None` is the engine's own 812.
    pub prekeys: Option<usize>,
}

/// Delays between attempts to connect: doubling, jittered by half, back to the first after a stable connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The first delay.
    pub first: Duration,
    /// The longest.
    pub longest: Duration,
    /// How long a connection must have lasted for the next delay to be the first again.
    pub stable: Duration,
}

/// Why sessions may not be run with this configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// The sandbox build does not check WhatsApp's certificate: it must never meet a network.
    #[error("the sandbox build connects only to ws:// on a loopback address")]
    NotSandbox,
    /// Neither `ws` nor `wss`.
    #[error("an endpoint is a ws:// or wss:// URL")]
    BadScheme,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            endpoint: None,
            version: FleetVersion::default(),
            proxies: ProxyPolicy::default(),
            ack_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(6),
            backoff: Backoff::default(),
            prekeys: None,
        }
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(60),
            stable: Duration::from_secs(60),
        }
    }
}

impl EngineConfig {
    /// Whether this build may connect to the endpoint.
    ///
    /// # Errors
    /// [`EndpointError`]; the sandbox build accepts nothing but `ws://` on a loopback address.
    pub fn check(&self) -> Result<(), EndpointError> {
        check(self.endpoint.as_ref(), is_sandbox())
    }
}

/// Whether this build trusts the emulator, and may therefore connect to nothing else.
#[must_use]
pub const fn is_sandbox() -> bool {
    cfg!(feature = "sandbox")
}

fn check(endpoint: Option<&Url>, sandbox: bool) -> Result<(), EndpointError> {
    match endpoint {
        None if sandbox => Err(EndpointError::NotSandbox),
        None => Ok(()),
        Some(url) if sandbox && !(url.scheme() == "ws" && is_loopback(url)) => Err(EndpointError::NotSandbox),
        Some(url) if !matches!(url.scheme(), "ws" | "wss") => Err(EndpointError::BadScheme),
        Some(_) => Ok(()),
    }
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        // A name could be made to point anywhere.
        Some(Host::Domain(_)) | None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(endpoint: &str, sandbox: bool) -> Result<(), EndpointError> {
        check(Some(&endpoint.parse().unwrap()), sandbox)
    }

    #[test]
    fn the_sandbox_build_meets_nothing_but_loopback() {
        assert_eq!(checked("ws://127.0.0.1:1/ws/chat", true), Ok(()));
        assert_eq!(checked("ws://[::1]:1/ws/chat", true), Ok(()));
        for network in
            ["wss://web.whatsapp.com/ws/chat", "ws://10.0.0.1/", "ws://localhost/", "wss://127.0.0.1/"]
        {
            assert_eq!(checked(network, true), Err(EndpointError::NotSandbox), "{network}");
        }
        assert_eq!(check(None, true), Err(EndpointError::NotSandbox));
    }

    #[test]
    fn the_real_build_connects_to_whatsapp_unless_told_otherwise() {
        assert_eq!(check(None, false), Ok(()));
        assert_eq!(checked("ws://127.0.0.1:1/ws/chat", false), Ok(()));
        assert_eq!(checked("http://127.0.0.1/", false), Err(EndpointError::BadScheme));
    }
}
