//! Profile pictures: kept with the uploaded media, numbered, and replaced as one.

use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::notify;
use crate::account::Account;
use crate::entropy;
use crate::server::Server;

/// The largest picture, in bytes.
pub(crate) const LARGEST: usize = 5 * 1024 * 1024;
/// What every JPEG begins with.
const JPEG: [u8; 3] = [0xff, 0xd8, 0xff];

/// The picture of an account.
#[derive(Clone)]
pub(crate) struct Picture {
    /// Grows with each picture that the account sets.
    pub(crate) id: u64,
    /// Where the full picture is.
    pub(crate) image: String,
    /// Where the small one is: the client's own, else the full picture again.
    pub(crate) preview: String,
    /// SHA-256 of the full picture, base64.
    pub(crate) hash: String,
}

impl Picture {
    /// The picture's number, as stanzas and the admin API write it.
    pub(crate) fn id(&self) -> String {
        self.id.to_string()
    }

    fn paths(self) -> [String; 2] {
        [self.image, self.preview]
    }
}

/// Sets the picture; device `by` did it (0 is the phone). Says its id, `None` when it is no JPEG of a fitting size.
pub(crate) fn set(
    server: &Server,
    account: &Arc<Account>,
    by: u16,
    image: Vec<u8>,
    preview: Option<Vec<u8>>,
) -> Option<String> {
    let last = account.state().last_picture;
    let picture = keep_as(server, last, image, preview)?;
    let id = picture.id();
    let before = {
        let mut state = account.state();
        state.last_picture = picture.id;
        state.picture.replace(picture)
    };
    forget(server, before);
    notify::picture_changed(server, account, by, Some(&id));
    Some(id)
}

/// Removes the picture; `false` when there was none.
pub(crate) fn remove(server: &Server, account: &Arc<Account>, by: u16) -> bool {
    let before = account.state().picture.take();
    let had_one = before.is_some();
    if had_one {
        forget(server, before);
        notify::picture_changed(server, account, by, None);
    }
    had_one
}

/// Keeps a new picture, numbered after the `last` one; `None` when it is no JPEG of a fitting size.
pub(crate) fn keep_as(
    server: &Server,
    last: u64,
    image: Vec<u8>,
    preview: Option<Vec<u8>>,
) -> Option<Picture> {
    let is_picture = |bytes: &[u8]| bytes.len() <= LARGEST && bytes.starts_with(&JPEG);
    if !is_picture(&image) || preview.as_deref().is_some_and(|preview| !is_picture(preview)) {
        return None;
    }
    let hash = BASE64_STANDARD.encode(Sha256::digest(&image));
    let image = keep(server, image)?;
    let preview = match preview {
        Some(preview) => keep(server, preview)?,
        None => image.clone(),
    };
    let now = u64::try_from(server.seconds()).unwrap_or(0);
    // A second picture in the same second still gets a number of its own.
    Some(Picture { id: now.max(last.saturating_add(1)), image, preview, hash })
}

fn keep(server: &Server, bytes: Vec<u8>) -> Option<String> {
    let path = format!("/v/t61.24694-24/{}_n.jpg", entropy::hexadecimal::<16>());
    server.media.put(&path, Bytes::from(bytes)).then_some(path)
}

/// Takes a picture off the media host.
pub(crate) fn forget(server: &Server, picture: Option<Picture>) {
    for path in picture.into_iter().flat_map(Picture::paths) {
        server.media.remove(&path);
    }
}
