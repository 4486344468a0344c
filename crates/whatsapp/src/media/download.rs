//! Fetching the file of a received message.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sha2::{Digest as _, Sha256};
use whatsapp_rust::ErrorChainExt as _;
use whatsapp_rust::download::DownloadWriter;

use super::record::MediaRecord;
use crate::connection::Link;

/// The engine writes sixteen bytes at a time.
const BUFFER_BYTES: usize = 64 << 10;
/// How the engine says that what it fetched does not open with the message's key. Source: whatsapp-rust 0.7.0, `wacore/src/download.rs`.
const DAMAGE: [&str; 4] =
    ["MAC mismatch", "Invalid final media size", "Invalid PKCS7 padding", "Bad PKCS7 padding"];

/// A file that was fetched and opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Downloaded {
    /// Its length in bytes.
    pub size: u64,
    /// The SHA-256 of its bytes.
    pub sha256: [u8; 32],
}

/// Why a file was not fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DownloadError {
    /// The session is not connected just now.
    #[error("the session is not connected")]
    NotConnected,
    /// The media hosts do not have it any more.
    #[error("the media host answers {0}")]
    Expired(u16),
    /// It is larger than allowed.
    #[error("the file is too large")]
    TooLarge,
    /// It is not what the message says.
    #[error("the file is not what its message says")]
    Damaged,
    /// It may work later.
    #[error("{0}")]
    Failed(String),
}

/// Fetches a file of at most `limit` bytes into `file`, which is empty.
pub(crate) async fn download(
    link: &Arc<Link>,
    record: &MediaRecord,
    file: File,
    limit: u64,
) -> Result<Downloaded, DownloadError> {
    if record.size.is_some_and(|size| size > limit) {
        return Err(DownloadError::TooLarge);
    }
    let parameters = record.parameters().ok_or(DownloadError::Damaged)?;
    let is_over = Arc::new(AtomicBool::new(false));
    let writer = Limited::new(file, limit, Arc::clone(&is_over));
    let client = Arc::clone(&link.client);
    let fetching = link.tasks.run(async move {
        let writer = BufWriter::with_capacity(BUFFER_BYTES, writer);
        client.download_from_params_to_writer(&parameters, writer).await
    });
    let fetched = match fetching.await {
        Ok(Some(fetched)) => fetched,
        Ok(None) | Err(_) => return Err(DownloadError::NotConnected),
    };
    if is_over.load(Ordering::SeqCst) {
        return Err(DownloadError::TooLarge);
    }
    let written = fetched.map_err(|error| failure(&error))?;
    let written = written.into_inner().map_err(|error| DownloadError::Failed(error.to_string()))?;
    let downloaded = Downloaded { size: written.size, sha256: written.digest.finalize().into() };
    let is_told = |told: &String| *told == hex::encode(downloaded.sha256);
    if record.sha256.as_ref().is_none_or(is_told) { Ok(downloaded) } else { Err(DownloadError::Damaged) }
}

fn failure(error: &anyhow::Error) -> DownloadError {
    let text = format!("{error:#}");
    match error.http_status() {
        Some(status @ (401 | 403 | 404 | 410)) => DownloadError::Expired(status),
        _ if DAMAGE.iter().any(|damage| text.contains(damage)) => DownloadError::Damaged,
        _ => DownloadError::Failed(text),
    }
}

/// A file that takes no more than its limit, and knows the digest of what is in it.
struct Limited {
    file: File,
    limit: u64,
    is_over: Arc<AtomicBool>,
    size: u64,
    digest: Sha256,
}

impl Limited {
    fn new(file: File, limit: u64, is_over: Arc<AtomicBool>) -> Self {
        Self { file, limit, is_over, size: 0, digest: Sha256::new() }
    }
}

impl Write for Limited {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        if self.size.saturating_add(length) > self.limit {
            self.is_over.store(true, Ordering::SeqCst);
            return Err(io::Error::other("the file is too large"));
        }
        self.file.write_all(piece)?;
        self.digest.update(piece);
        self.size += length;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for Limited {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

impl DownloadWriter for Limited {
    /// The engine empties it before every attempt.
    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)?;
        self.file.seek(SeekFrom::Start(length))?;
        (self.size, self.digest) = (length, Sha256::new());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_a_limit_and_begins_anew_at_every_attempt() {
        let is_over = Arc::new(AtomicBool::new(false));
        let mut file = Limited::new(tempfile::tempfile().unwrap(), 4, Arc::clone(&is_over));
        file.write_all(b"abc").unwrap();
        file.truncate(0).unwrap();
        file.write_all(b"wxyz").unwrap();
        assert!(!is_over.load(Ordering::SeqCst));
        assert!(file.write_all(b"!").is_err() && is_over.load(Ordering::SeqCst));
        assert_eq!(file.digest.finalize(), Sha256::digest(b"wxyz"));
    }
}
