//! Where the emulator listens.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, ensure};
use blazz_domain::{Clock, SystemClock};

/// How an emulator is started. The default takes two free ports on 127.0.0.1.
#[derive(Debug, Clone)]
pub struct EmulatorConfig {
    /// The WebSocket listener; loopback only.
    pub listen: SocketAddr,
    /// The admin API and the media store; loopback only.
    pub admin: SocketAddr,
    /// The URL that clients are told when it differs from `ws://{listen}/ws/chat`.
    pub public_url: Option<String>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// A file that the name of everything is appended to that was not really answered. The default is what the variable
    /// `BLAZZ_EMULATOR_UNANSWERED_FILE` names: so a run of many emulators, in any process, has one list.
    pub unanswered_log: Option<PathBuf>,
}

impl Default for EmulatorConfig {
    fn default() -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let log = std::env::var_os("BLAZZ_EMULATOR_UNANSWERED_FILE").filter(|path| !path.is_empty());
        Self {
            listen: any,
            admin: any,
            public_url: None,
            clock: Arc::new(SystemClock),
            unanswered_log: log.map(PathBuf::from),
        }
    }
}

impl EmulatorConfig {
    /// The emulator has no authentication: it never listens where another machine could reach it.
    pub(crate) fn check(&self) -> Result<()> {
        for address in [self.listen, self.admin] {
            ensure!(
                address.ip().is_loopback(),
                "the emulator listens on loopback only, and {address} is not"
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_others_can_reach_is_refused() {
        let reachable = EmulatorConfig { listen: "0.0.0.0:0".parse().unwrap(), ..EmulatorConfig::default() };
        assert!(reachable.check().unwrap_err().to_string().contains("loopback only"));
        let admin = EmulatorConfig { admin: "192.0.2.1:80".parse().unwrap(), ..EmulatorConfig::default() };
        assert!(admin.check().is_err());
        assert!(EmulatorConfig::default().check().is_ok());
    }
}
