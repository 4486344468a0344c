//! Where the emulator listens.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, ensure};
use blazz_domain::{Clock, SystemClock};
use blazz_program::{Faults, Reader, Setting};

/// Every setting of the program.
pub const SETTINGS: &[Setting] = &[
    Setting::plain("BLAZZ_EMULATOR_LISTEN", "where WhatsApp clients connect").or("127.0.0.1:9101"),
    Setting::plain("BLAZZ_EMULATOR_ADMIN", "where its phones are scripted").or("127.0.0.1:9102"),
    Setting::plain(
        "BLAZZ_EMULATOR_PUBLIC_URL",
        "the WebSocket URL to announce, if not the one it listens on",
    ),
    Setting::plain(
        "BLAZZ_EMULATOR_UNANSWERED_FILE",
        "a file that it appends the name of everything to that it could not really answer",
    ),
];

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
    /// Reads the program's settings.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn read(mut reader: Reader) -> Result<Self, Faults> {
        let mut address = |name, default: u16| {
            let address: Option<SocketAddr> = reader.parsed(name, "an address such as 127.0.0.1:9101");
            if address.is_some_and(|address| !address.ip().is_loopback()) {
                reader.fault(name, "must be an address on loopback: the emulator has no authentication");
            }
            address.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, default)))
        };
        let listen = address("BLAZZ_EMULATOR_LISTEN", 9101);
        let admin = address("BLAZZ_EMULATOR_ADMIN", 9102);
        let public_url = reader.text("BLAZZ_EMULATOR_PUBLIC_URL");
        let unanswered_log = reader.text("BLAZZ_EMULATOR_UNANSWERED_FILE").map(PathBuf::from);
        if !reader.is_good() {
            return Err(reader.faults());
        }
        Ok(Self { listen, admin, public_url, unanswered_log, ..Self::default() })
    }

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
