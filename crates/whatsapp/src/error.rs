//! Why a session could not be opened, or not be logged out.

use blazz_session_store::StoreError;

use crate::config::EndpointError;

/// Why a session could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// This build may not connect there.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// Its directory cannot be used; [`StoreError::Missing`] also when the directory is there without the link.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine's own store cannot be opened.
    #[error("the engine's store cannot be opened: {0}")]
    Engine(String),
}

/// Why a session could not be logged out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The linked device could not be removed at WhatsApp: the session is not connected.
    #[error("the session is not connected")]
    NotConnected,
    /// WhatsApp did not confirm in time, or refused.
    #[error("whatsapp did not confirm the logout: {0}")]
    NotConfirmed(String),
    /// The session has been stopped.
    #[error("the session is stopped")]
    Stopped,
    /// The credentials could not be deleted.
    #[error(transparent)]
    Store(#[from] StoreError),
}
