//! Putting the file of a message to send on WhatsApp's media hosts.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use blazz_domain::MediaKind;
use blazz_session_store::PendingMedia;
use tokio::time::Instant;
use whatsapp_rust::upload::UploadResponse;
use whatsapp_rust::wacore::upload::{EncryptedMediaInfo, UploadSource, encrypt_media_streaming};

use super::media_type;
use crate::connection::Link;

/// How many uploads a session remembers, and for how long. WhatsApp keeps a file for weeks.
const REMEMBERED: usize = 64;
const GOOD_FOR: Duration = Duration::from_secs(12 * 3600);

/// A file on WhatsApp's media hosts, with what a message says of it.
pub(crate) type Uploaded = UploadResponse;

/// Where the bytes of a file to send come from.
#[async_trait::async_trait]
pub trait FileSource: Send + Sync {
    /// Writes the file to a path where nothing is yet.
    ///
    /// # Errors
    /// [`SourceError`].
    async fn fetch(&self, to: &Path) -> Result<(), SourceError>;
}

/// Why the bytes of a file could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// There is no such file.
    #[error("the file is gone")]
    Gone,
    /// It may be had later.
    #[error("{0}")]
    Away(String),
}

/// Why a file is not on the media hosts.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UploadError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("{0}")]
    Failed(String),
}

/// What a session has put on the media hosts lately: a retry, or the same file to somebody else, need not be put there again.
#[derive(Default)]
pub(crate) struct Uploads(Mutex<VecDeque<Remembered>>);

struct Remembered {
    sha256: String,
    kind: MediaKind,
    at: Instant,
    uploaded: Arc<Uploaded>,
}

impl Uploads {
    fn find(&self, sha256: &str, kind: MediaKind) -> Option<Arc<Uploaded>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|upload| upload.at.elapsed() < GOOD_FOR);
        let same = known.iter().find(|upload| upload.sha256 == sha256 && upload.kind == kind);
        same.map(|upload| Arc::clone(&upload.uploaded))
    }

    fn remember(&self, sha256: &str, kind: MediaKind, uploaded: &Arc<Uploaded>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.truncate(REMEMBERED - 1);
        let (sha256, uploaded) = (sha256.to_owned(), Arc::clone(uploaded));
        known.push_front(Remembered { sha256, kind, at: Instant::now(), uploaded });
    }
}

/// Seals a file and puts it on the media hosts, unless it is there.
pub(crate) async fn upload(
    link: &Arc<Link>,
    uploads: &Uploads,
    room: &PendingMedia,
    source: &dyn FileSource,
    sha256: Option<&str>,
    kind: MediaKind,
) -> Result<Arc<Uploaded>, UploadError> {
    if let Some(known) = sha256.and_then(|sha256| uploads.find(sha256, kind)) {
        return Ok(known);
    }
    let (plain, sealed) = (room.scratch(), room.scratch());
    source.fetch(plain.path()).await?;
    let paths = (plain.path().to_owned(), sealed.create()?, sealed.path().to_owned());
    let sealing = tokio::task::spawn_blocking(move || seal(&paths.0, paths.1, paths.2, kind));
    let (info, file) = sealing.await.map_err(|error| UploadError::Failed(error.to_string()))??;
    drop(plain);
    let client = Arc::clone(&link.client);
    let putting = link.tasks.run(async move { client.upload_stream(file, info, media_type(kind)).await });
    let uploaded = match putting.await {
        Ok(Some(Ok(uploaded))) => Arc::new(uploaded),
        Ok(Some(Err(error))) => return Err(UploadError::Failed(format!("{error:#}"))),
        Ok(None) | Err(_) => return Err(UploadError::Failed("the connection is over".to_owned())),
    };
    if let Some(sha256) = sha256 {
        uploads.remember(sha256, kind, &uploaded);
    }
    Ok(uploaded)
}

impl From<io::Error> for UploadError {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

fn seal(
    plain: &Path,
    sealed: File,
    path: PathBuf,
    kind: MediaKind,
) -> Result<(EncryptedMediaInfo, Sealed), UploadError> {
    let (reader, writer) = (BufReader::new(File::open(plain)?), BufWriter::new(sealed));
    let info = encrypt_media_streaming(reader, writer, media_type(kind));
    let info = info.map_err(|error| UploadError::Failed(format!("{error:#}")))?;
    let length = std::fs::metadata(&path)?.len();
    Ok((info, Sealed { path, length }))
}

/// A sealed file on disk.
struct Sealed {
    path: PathBuf,
    length: u64,
}

impl UploadSource for Sealed {
    fn len(&self) -> u64 {
        self.length
    }

    fn reader_from(&self, offset: u64) -> io::Result<Box<dyn Read + Send>> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(Box::new(file))
    }
}
