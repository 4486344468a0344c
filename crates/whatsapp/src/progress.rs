//! How far a connection has come, and how long it may take to come further.

use tokio::time::Instant;

/// How far a connection has come.
#[derive(Clone, Copy)]
pub(crate) enum Progress {
    /// It is being made, or logs in.
    Begun { until: Instant },
    /// It shows codes.
    Showing { until: Instant },
    /// A phone has accepted; the server closes it in a moment.
    Paired { until: Instant },
    /// Messages flow.
    Connected { at: Instant },
}

impl Progress {
    /// Since when messages flow, if they do.
    pub(crate) fn connected_at(self) -> Option<Instant> {
        match self {
            Self::Connected { at } => Some(at),
            _ => None,
        }
    }

    /// Returns when it has taken too long to come further.
    pub(crate) async fn deadline(self) {
        match self {
            Self::Begun { until } | Self::Showing { until } | Self::Paired { until } => {
                tokio::time::sleep_until(until).await;
            }
            Self::Connected { .. } => std::future::pending().await,
        }
    }
}
