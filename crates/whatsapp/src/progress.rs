//! How far a connection has come, and how long it may take to come further.

use std::time::Duration;

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
    /// For how long messages have flowed, if they do.
    pub(crate) fn lasted(self) -> Option<Duration> {
        match self {
            Self::Connected { at } => Some(at.elapsed()),
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
