//! The version of WhatsApp Web: what its page says, and below which one logins are refused.

use std::sync::{Mutex, MutexGuard, PoisonError};

use blazz_domain::ClientVersion;
use serde::{Deserialize, Serialize};
use whatsapp_rust::waproto::whatsapp as wa;

use crate::emulator::Emulator;
use crate::server::Server;

/// The version that the page names, unless the script says otherwise: the engine's own.
const CURRENT: ClientVersion = ClientVersion(2, 3000, 1_042_742_319);
/// The reason of a login that was refused for its version.
pub(crate) const OUTDATED: u16 = 405;

/// What `GET /version` shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionInfo {
    /// What `GET /sw.js` says.
    pub current: ClientVersion,
    /// Logins and registrations of older clients are refused with 405.
    pub minimum: ClientVersion,
}

/// What `PUT /version` changes; what is left out stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VersionChange {
    /// What `GET /sw.js` says from now on.
    pub current: Option<ClientVersion>,
    /// Older clients are refused from now on.
    pub minimum: Option<ClientVersion>,
}

/// The versions of one emulator.
pub(crate) struct Versions(Mutex<VersionInfo>);

impl Default for Versions {
    fn default() -> Self {
        Self(Mutex::new(VersionInfo { current: CURRENT, minimum: ClientVersion(0, 0, 0) }))
    }
}

impl Versions {
    pub(crate) fn info(&self) -> VersionInfo {
        *self.state()
    }

    pub(crate) fn change(&self, change: VersionChange) -> VersionInfo {
        let mut state = self.state();
        state.current = change.current.unwrap_or(state.current);
        state.minimum = change.minimum.unwrap_or(state.minimum);
        *state
    }

    /// Is this client too old? One that claims no version is.
    pub(crate) fn refuses(&self, payload: &wa::ClientPayload) -> bool {
        let minimum = self.state().minimum;
        let claimed = payload.user_agent.as_option().and_then(|agent| agent.app_version.as_option());
        let claimed = claimed.map(|version| {
            let number = |part: Option<u32>| part.unwrap_or_default();
            ClientVersion(number(version.primary), number(version.secondary), number(version.tertiary))
        });
        claimed.unwrap_or(ClientVersion(0, 0, 0)) < minimum
    }

    fn state(&self) -> MutexGuard<'_, VersionInfo> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The page, as far as clients read it.
pub(crate) fn page(server: &Server) -> String {
    let ClientVersion(_, _, revision) = server.versions.info().current;
    server.stats.version_fetch();
    format!(
        "self.__swData=JSON.parse(/*BTDS*/\"{{\\\"dynamic_data\\\":{{\\\"SiteData\\\":{{\\\"server_revision\\\":{revision},\\\"client_revision\\\":{revision}}}}}}}\");\n"
    )
}

impl Emulator {
    /// The versions as they are.
    pub async fn client_version(&self) -> VersionInfo {
        self.server.versions.info()
    }

    /// Changes what the page says, or below which version clients are refused.
    pub async fn set_client_version(&self, change: VersionChange) -> VersionInfo {
        self.server.versions.change(change)
    }
}
