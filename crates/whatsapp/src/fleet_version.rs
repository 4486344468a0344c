//! The version of WhatsApp Web that every session of a process claims; it can change while they run.

use std::sync::Arc;

use blazz_domain::ClientVersion;
use tokio::sync::watch;

/// The version of WhatsApp Web that the engine was written against.
///
/// Source: whatsapp-rust 0.7.0 sends it until it has fetched a newer one.
pub const DEFAULT_VERSION: ClientVersion = ClientVersion(2, 3000, 1_042_742_319);

/// What sessions claim from their next connection on. Clones are the same.
#[derive(Debug, Clone)]
pub struct FleetVersion(Arc<watch::Sender<Known>>);

#[derive(Debug, Clone, Copy)]
struct Known {
    current: ClientVersion,
    /// WhatsApp refuses this one as too old.
    refused: Option<ClientVersion>,
}

impl Default for FleetVersion {
    fn default() -> Self {
        Self::new(DEFAULT_VERSION)
    }
}

impl FleetVersion {
    /// Begins with this version.
    #[must_use]
    pub fn new(current: ClientVersion) -> Self {
        Self(Arc::new(watch::Sender::new(Known { current, refused: None })))
    }

    /// What a session that connects now claims.
    #[must_use]
    pub fn current(&self) -> ClientVersion {
        self.0.borrow().current
    }

    /// Claims another version from now on; `None`: the one that the engine was written against. Sessions that are connected stay so; those
    /// that wait because the version before was refused connect at once.
    pub fn set(&self, version: Option<ClientVersion>) {
        let version = version.unwrap_or(DEFAULT_VERSION);
        let is_news = self.0.send_if_modified(|known| {
            let is_news = known.current != version;
            known.current = version;
            is_news
        });
        if is_news {
            tracing::info!(client.version = %version, "sessions claim another version of WhatsApp Web");
        }
    }

    /// The version that is claimed and refused as too old, if it is.
    #[must_use]
    pub fn refused(&self) -> Option<ClientVersion> {
        let Known { current, refused } = *self.0.borrow();
        refused.filter(|refused| *refused == current)
    }

    /// WhatsApp refuses this version.
    pub(crate) fn refuse(&self, version: ClientVersion) {
        self.0.send_if_modified(|known| {
            known.refused = Some(version);
            false
        });
    }

    /// Waits until another version than this is claimed.
    pub(crate) async fn differs_from(&self, version: ClientVersion) {
        let mut known = self.0.subscribe();
        if known.wait_for(|known| known.current != version).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_refused_version_is_told_of_until_another_is_claimed() {
        let fleet = FleetVersion::default();
        let clone = fleet.clone();
        assert_eq!((fleet.current(), fleet.refused()), (DEFAULT_VERSION, None));
        clone.refuse(ClientVersion(2, 3000, 1));
        assert_eq!(fleet.refused(), None, "it is not claimed any more");
        clone.refuse(DEFAULT_VERSION);
        assert_eq!(fleet.refused(), Some(DEFAULT_VERSION));

        let newer = ClientVersion(2, 3000, DEFAULT_VERSION.2 + 1);
        let waiting = tokio::spawn({
            let fleet = fleet.clone();
            async move { fleet.differs_from(DEFAULT_VERSION).await }
        });
        clone.set(Some(newer));
        waiting.await.unwrap();
        assert_eq!((fleet.current(), fleet.refused()), (newer, None));
        clone.set(None);
        assert_eq!(fleet.current(), DEFAULT_VERSION);
    }
}
