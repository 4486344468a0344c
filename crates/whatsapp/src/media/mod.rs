//! Files of messages: fetched from WhatsApp's media hosts and opened, sealed and put there.
//!
//! Both ways a file passes through the session's scratch room on disk, never through memory whole.

mod download;
mod found;
mod record;
mod upload;

pub(crate) use download::download;
pub use download::{DownloadError, Downloaded};
pub(crate) use found::found_file;
pub use record::MediaRecord;
pub use upload::{FileSource, SourceError};
pub(crate) use upload::{UploadError, Uploaded, Uploads, upload};

use blazz_domain::MediaKind;
use whatsapp_rust::download::MediaType;

/// How WhatsApp derives the keys of a file.
fn media_type(kind: MediaKind) -> MediaType {
    match kind {
        MediaKind::Image => MediaType::Image,
        MediaKind::Video => MediaType::Video,
        MediaKind::Audio => MediaType::Audio,
        MediaKind::Document => MediaType::Document,
        MediaKind::Sticker => MediaType::Sticker,
    }
}
