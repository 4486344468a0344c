//! The files of a server: what its writer sees, what others see, and what is on disk.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use nix::errno::Errno;

/// The number of a file or directory.
pub(crate) type Ino = u64;
/// The top directory.
pub(crate) const ROOT: Ino = 1;

type Bytes = Arc<Vec<u8>>;
type Entries = BTreeMap<OsString, Ino>;

/// What a loss of power leaves of what was not put on disk. What was put there is there in each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Nothing of it.
    Durable,
    /// All of it: the writer died and the server lives.
    Everything,
    /// Names, renames and deletions, but no content.
    Names,
    /// Content, but no names.
    Contents,
    /// Names, and half of what was written last.
    Torn,
    /// Names and sizes, with zeros for the first half of what was written last.
    Holes,
}

impl Cut {
    /// Each of them.
    pub const ALL: [Self; 6] =
        [Self::Durable, Self::Everything, Self::Names, Self::Contents, Self::Torn, Self::Holes];
}

/// A directory tree.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    nodes: BTreeMap<Ino, Node>,
    /// How often something changed.
    changes: u64,
}

/// A file or a directory.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) content: Content,
    pub(crate) mode: u16,
    /// The number of its latest change.
    pub(crate) changed: u64,
    /// Under which name it came last, and where.
    place: (Ino, OsString),
}

/// What a node holds.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    /// Bytes, as the client sees them that writes them, as all others do, and as they are on disk.
    File { now: Bytes, shared: Bytes, durable: Bytes, writer: u64 },
    /// Names, as everybody sees them and as they are on disk.
    Directory { now: Entries, durable: Entries },
}

impl Content {
    pub(crate) fn new(is_directory: bool) -> Self {
        if is_directory {
            Self::Directory { now: Entries::new(), durable: Entries::new() }
        } else {
            let empty = Bytes::default();
            Self::File { now: Arc::clone(&empty), shared: Arc::clone(&empty), durable: empty, writer: 0 }
        }
    }
}

impl Tree {
    pub(crate) fn new() -> Self {
        let root =
            Node { content: Content::new(true), mode: 0o755, changed: 0, place: (ROOT, OsString::new()) };
        Self { nodes: BTreeMap::from([(ROOT, root)]), changes: 0 }
    }

    pub(crate) fn node(&self, ino: Ino) -> Result<&Node, Errno> {
        self.nodes.get(&ino).ok_or(Errno::ESTALE)
    }

    pub(crate) fn is_directory(&self, ino: Ino) -> bool {
        matches!(self.node(ino), Ok(Node { content: Content::Directory { .. }, .. }))
    }

    pub(crate) fn entries(&self, ino: Ino) -> Result<&Entries, Errno> {
        match &self.node(ino)?.content {
            Content::Directory { now, .. } => Ok(now),
            Content::File { .. } => Err(Errno::ENOTDIR),
        }
    }

    pub(crate) fn lookup(&self, parent: Ino, name: &OsStr) -> Result<Ino, Errno> {
        self.entries(parent)?.get(name).copied().ok_or(Errno::ENOENT)
    }

    /// What a client sees of a file.
    pub(crate) fn bytes(&self, ino: Ino, client: u64) -> Result<&Vec<u8>, Errno> {
        match &self.node(ino)?.content {
            Content::File { now, writer, .. } if *writer == client => Ok(now),
            Content::File { shared, .. } => Ok(shared),
            Content::Directory { .. } => Err(Errno::EISDIR),
        }
    }

    /// Where a node is, from the top, for people and for faults.
    pub(crate) fn path(&self, ino: Ino) -> String {
        let mut parts = Vec::new();
        let mut at = ino;
        while let (true, Some(node)) = (at != ROOT, self.nodes.get(&at)) {
            parts.push(node.place.1.to_string_lossy().into_owned());
            at = node.place.0;
        }
        parts.reverse();
        parts.join("/")
    }

    pub(crate) fn add(
        &mut self,
        ino: Ino,
        (parent, name): (Ino, &OsStr),
        content: Content,
        mode: u16,
    ) -> Result<(), Errno> {
        self.enter(ino, parent, name)?;
        self.changes += 1;
        let place = (parent, name.to_owned());
        self.nodes.insert(ino, Node { content, mode, changed: self.changes, place });
        Ok(())
    }

    /// Gives a file another name.
    pub(crate) fn link(&mut self, ino: Ino, parent: Ino, name: &OsStr) -> Result<(), Errno> {
        self.enter(ino, parent, name)?;
        self.touch(ino)?.place = (parent, name.to_owned());
        Ok(())
    }

    fn enter(&mut self, ino: Ino, parent: Ino, name: &OsStr) -> Result<(), Errno> {
        let entries = self.entries_mut(parent)?;
        if entries.contains_key(name) {
            return Err(Errno::EEXIST);
        }
        entries.insert(name.to_owned(), ino);
        Ok(())
    }

    pub(crate) fn remove(&mut self, parent: Ino, name: &OsStr, is_directory: bool) -> Result<(), Errno> {
        let ino = self.lookup(parent, name)?;
        match (is_directory, self.is_directory(ino)) {
            (true, false) => return Err(Errno::ENOTDIR),
            (false, true) => return Err(Errno::EISDIR),
            (true, true) if !self.entries(ino)?.is_empty() => return Err(Errno::ENOTEMPTY),
            _ => {}
        }
        self.entries_mut(parent)?.remove(name);
        Ok(())
    }

    pub(crate) fn rename(&mut self, from: (Ino, &OsStr), to: (Ino, &OsStr)) -> Result<(), Errno> {
        let ino = self.lookup(from.0, from.1)?;
        if let Ok(replaced) = self.lookup(to.0, to.1) {
            self.remove(to.0, to.1, self.is_directory(replaced))?;
        }
        self.entries_mut(from.0)?.remove(from.1);
        self.entries_mut(to.0)?.insert(to.1.to_owned(), ino);
        self.touch(ino)?.place = (to.0, to.1.to_owned());
        Ok(())
    }

    pub(crate) fn set_mode(&mut self, ino: Ino, mode: u16) -> Result<(), Errno> {
        self.touch(ino)?.mode = mode;
        Ok(())
    }

    pub(crate) fn write(&mut self, ino: Ino, client: u64, offset: usize, data: &[u8]) -> Result<(), Errno> {
        let bytes = self.bytes_mut(ino, client)?;
        let end = offset + data.len();
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
        bytes.get_mut(offset..end).ok_or(Errno::EINVAL)?.copy_from_slice(data);
        Ok(())
    }

    pub(crate) fn resize(&mut self, ino: Ino, client: u64, size: usize) -> Result<(), Errno> {
        self.bytes_mut(ino, client)?.resize(size, 0);
        Ok(())
    }

    /// What a client wrote is seen by others: it closed the file.
    pub(crate) fn share(&mut self, ino: Ino, client: u64) {
        if let Some(Node { content: Content::File { now, shared, writer, .. }, .. }) =
            self.nodes.get_mut(&ino)
            && *writer == client
        {
            *shared = Arc::clone(now);
        }
    }

    /// Puts content or names on disk.
    pub(crate) fn sync(&mut self, ino: Ino) -> Result<(), Errno> {
        match &mut self.nodes.get_mut(&ino).ok_or(Errno::ESTALE)?.content {
            Content::File { now, shared, durable, .. } => {
                *shared = Arc::clone(now);
                *durable = Arc::clone(now);
            }
            Content::Directory { now, durable } => durable.clone_from(now),
        }
        Ok(())
    }

    /// The tree after a loss of power.
    pub(crate) fn after(&self, cut: Cut) -> Self {
        let mut tree = self.clone();
        for node in tree.nodes.values_mut() {
            match &mut node.content {
                Content::File { now, shared, durable, writer } => {
                    let left = left_of(cut, now, durable);
                    (*now, *shared, *durable, *writer) = (Arc::clone(&left), Arc::clone(&left), left, 0);
                }
                Content::Directory { now, durable } if matches!(cut, Cut::Durable | Cut::Contents) => {
                    now.clone_from(durable);
                }
                Content::Directory { now, durable } => durable.clone_from(now),
            }
        }
        tree
    }

    fn touch(&mut self, ino: Ino) -> Result<&mut Node, Errno> {
        self.changes += 1;
        let node = self.nodes.get_mut(&ino).ok_or(Errno::ESTALE)?;
        node.changed = self.changes;
        Ok(node)
    }

    fn entries_mut(&mut self, ino: Ino) -> Result<&mut Entries, Errno> {
        match &mut self.touch(ino)?.content {
            Content::Directory { now, .. } => Ok(now),
            Content::File { .. } => Err(Errno::ENOTDIR),
        }
    }

    fn bytes_mut(&mut self, ino: Ino, client: u64) -> Result<&mut Vec<u8>, Errno> {
        match &mut self.touch(ino)?.content {
            Content::File { now, writer, .. } => {
                *writer = client;
                Ok(Arc::make_mut(now))
            }
            Content::Directory { .. } => Err(Errno::EISDIR),
        }
    }
}

fn left_of(cut: Cut, now: &Bytes, durable: &Bytes) -> Bytes {
    if Arc::ptr_eq(now, durable) {
        return Arc::clone(now);
    }
    let same = now.iter().zip(durable.iter()).take_while(|(a, b)| a == b).count();
    let half = same + (now.len() - same) / 2;
    match cut {
        Cut::Durable | Cut::Names => Arc::clone(durable),
        Cut::Everything | Cut::Contents => Arc::clone(now),
        // Less than what is on disk: it was cut short on purpose, which is all or nothing.
        Cut::Torn | Cut::Holes if now.len() <= same => Arc::clone(now),
        Cut::Torn => Arc::new(now.iter().take(half).copied().collect()),
        Cut::Holes => Arc::new(
            now.iter()
                .enumerate()
                .map(|(at, byte)| if (same..half).contains(&at) { 0 } else { *byte })
                .collect(),
        ),
    }
}
