//! How a session reaches the network: directly, or through its proxy and never without it.

mod http;
mod policy;
mod transport;
mod tunnel;

use std::sync::{Arc, Mutex, PoisonError};

use blazz_domain::{Proxy, StateReason};
use url::Url;

use crate::config::EngineConfig;
pub(crate) use http::SessionHttp;
pub use policy::ProxyPolicy;
pub(crate) use transport::Transport;

/// One session's way out. Clones are the same.
#[derive(Clone)]
pub(crate) struct Road(Arc<Inner>);

struct Inner {
    /// The WebSocket to connect to; `None` is live WhatsApp.
    endpoint: Option<Url>,
    proxy: Option<Proxy>,
    policy: ProxyPolicy,
    /// Why the last attempt did not get beyond the proxy.
    blocked: Mutex<Option<Blocked>>,
}

/// Why there is no way through the proxy. Names neither the proxy nor what it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Blocked {
    /// It cannot be reached, or does not answer as a proxy does.
    #[error("the proxy cannot be reached")]
    Unreachable,
    /// It refuses: the credentials, or the way to WhatsApp.
    #[error("the proxy refuses")]
    Refused,
    /// Its address is none that this installation allows.
    #[error("the proxy is at an address that is not allowed")]
    Forbidden,
}

impl Blocked {
    /// What the session's state says.
    pub(crate) const fn reason(self) -> StateReason {
        match self {
            Self::Unreachable => StateReason::ProxyUnreachable,
            Self::Refused => StateReason::ProxyRefused,
            Self::Forbidden => StateReason::ProxyForbidden,
        }
    }
}

impl Road {
    pub(crate) fn new(config: &EngineConfig, proxy: Option<Proxy>) -> Self {
        let (endpoint, policy) = (config.endpoint.clone(), config.proxies);
        Self(Arc::new(Inner { endpoint, proxy, policy, blocked: Mutex::default() }))
    }

    /// Why the last attempt did not get beyond the proxy, told once.
    pub(crate) fn take_blocked(&self) -> Option<Blocked> {
        self.0.blocked.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn block(&self, blocked: Blocked) {
        *self.0.blocked.lock().unwrap_or_else(PoisonError::into_inner) = Some(blocked);
    }
}
