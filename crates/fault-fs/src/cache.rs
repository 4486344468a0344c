//! What a client remembers of a server for a while, as NFS clients do: names, listings and attributes.
//!
//! It asks again for the attributes of a file when it opens it; and it forgets what it knew of a directory when it changes it itself,
//! because the server's answer then shows whether others changed it too.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::time::{Duration, Instant};

use nix::errno::Errno;

use crate::tree::{Content, Ino, Node, Tree};

/// What is told of a node.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attributes {
    pub(crate) ino: Ino,
    pub(crate) size: usize,
    pub(crate) is_directory: bool,
    pub(crate) mode: u16,
    pub(crate) changed: u64,
}

impl Attributes {
    pub(crate) fn of(tree: &Tree, ino: Ino, client: u64) -> Result<Self, Errno> {
        let Node { content, mode, changed, .. } = tree.node(ino)?;
        let is_directory = matches!(content, Content::Directory { .. });
        let size = if is_directory { 0 } else { tree.bytes(ino, client)?.len() };
        Ok(Self { ino, size, is_directory, mode: *mode, changed: *changed })
    }
}

/// A name, the node it stands for, and whether that is a directory.
pub(crate) type Listing = Vec<(OsString, Ino, bool)>;

/// What one client remembers, each for `time`.
pub(crate) struct Cache {
    time: Duration,
    names: HashMap<(Ino, OsString), (Instant, Option<Ino>)>,
    listings: HashMap<Ino, (Instant, Listing)>,
    attributes: HashMap<Ino, (Instant, Attributes)>,
}

impl Cache {
    pub(crate) fn new(time: Duration) -> Self {
        Self { time, names: HashMap::new(), listings: HashMap::new(), attributes: HashMap::new() }
    }

    pub(crate) fn name(&self, parent: Ino, name: &OsStr) -> Option<Option<Ino>> {
        self.fresh(self.names.get(&(parent, name.to_owned())))
    }

    pub(crate) fn remember_name(&mut self, parent: Ino, name: &OsStr, ino: Option<Ino>) {
        self.names.insert((parent, name.to_owned()), (Instant::now(), ino));
    }

    pub(crate) fn listing(&self, directory: Ino) -> Option<Listing> {
        self.fresh(self.listings.get(&directory))
    }

    pub(crate) fn remember_listing(&mut self, directory: Ino, listing: &Listing) {
        self.listings.insert(directory, (Instant::now(), listing.clone()));
    }

    pub(crate) fn attributes(&self, ino: Ino) -> Option<Attributes> {
        self.fresh(self.attributes.get(&ino))
    }

    pub(crate) fn remember_attributes(&mut self, attributes: Attributes) {
        self.attributes.insert(attributes.ino, (Instant::now(), attributes));
    }

    /// A node, and what is in it, is asked for again.
    pub(crate) fn forget(&mut self, ino: Ino) {
        self.attributes.remove(&ino);
        self.listings.remove(&ino);
        self.names.retain(|(parent, _), _| *parent != ino);
    }

    fn fresh<T: Clone>(&self, remembered: Option<&(Instant, T)>) -> Option<T> {
        remembered.filter(|(since, _)| since.elapsed() < self.time).map(|(_, it)| it.clone())
    }
}
