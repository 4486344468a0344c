//! What can go wrong with a file.

/// Why a file could not be taken, read or deleted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MediaError {
    /// It is larger than allowed.
    #[error("a file has at most {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// There is no such file.
    #[error("there is no such file")]
    NotFound,
    /// The disk, or the object store, said no.
    #[error("the media store failed")]
    Store(#[source] object_store::Error),
    /// The disk said no to a file that is arriving.
    #[error("an arriving file could not be written")]
    Io(#[from] std::io::Error),
}

impl From<object_store::Error> for MediaError {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::NotFound,
            other => Self::Store(other),
        }
    }
}
