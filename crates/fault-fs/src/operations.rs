//! What a client does when it is asked for something: where its faults strike, what it remembers, what it tells the server.

use std::ffi::OsStr;

use nix::errno::Errno;

use crate::cache::{Attributes, Listing};
use crate::client::ClientState;
use crate::fault::{Call, Verdict};
use crate::server::lock;
use crate::tree::{Content, Ino};

impl ClientState {
    /// Where a call is about to happen, for faults.
    fn path(&self, ino: Ino, name: Option<&OsStr>) -> String {
        let directory = self.server.tree().path(ino);
        match name {
            Some(name) if directory.is_empty() => name.to_string_lossy().into_owned(),
            Some(name) => format!("{directory}/{}", name.to_string_lossy()),
            None => directory,
        }
    }

    /// A call that only asks.
    pub(crate) fn ask<T>(
        &self,
        call: Call,
        (ino, name): (Ino, Option<&OsStr>),
        answer: impl FnOnce() -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        match self.faults.judge(call, &self.path(ino, name))? {
            Verdict::DoAndFail(errno) => Err(errno),
            Verdict::Do | Verdict::Half(_) => answer(),
        }
    }

    /// A call that changes something.
    pub(crate) fn change<T>(
        &self,
        call: Call,
        (ino, name): (Ino, Option<&OsStr>),
        change: impl FnOnce() -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        let path = self.path(ino, name);
        let verdict = self.faults.judge(call, &path)?;
        let done = change()?;
        self.server.changed(&format!("{call:?} {path}"));
        match verdict {
            Verdict::DoAndFail(errno) => Err(errno),
            Verdict::Do | Verdict::Half(_) => Ok(done),
        }
    }

    pub(crate) fn attributes(&self, ino: Ino) -> Result<Attributes, Errno> {
        if let Some(remembered) = lock(&self.cache).attributes(ino) {
            return Ok(remembered);
        }
        let attributes = Attributes::of(&self.server.tree(), ino, self.id)?;
        lock(&self.cache).remember_attributes(attributes);
        Ok(attributes)
    }

    pub(crate) fn forget(&self, inos: &[Ino]) {
        let mut cache = lock(&self.cache);
        inos.iter().for_each(|ino| cache.forget(*ino));
    }

    pub(crate) fn look_up(&self, parent: Ino, name: &OsStr) -> Result<Attributes, Errno> {
        let remembered = lock(&self.cache).name(parent, name);
        let ino = match remembered {
            Some(ino) => ino,
            None => {
                let found = match self.server.tree().lookup(parent, name) {
                    Err(Errno::ENOENT) => None,
                    found => Some(found?),
                };
                lock(&self.cache).remember_name(parent, name, found);
                found
            }
        };
        self.attributes(ino.ok_or(Errno::ENOENT)?)
    }

    pub(crate) fn make(
        &self,
        parent: Ino,
        name: &OsStr,
        is_directory: bool,
        mode: u32,
    ) -> Result<Attributes, Errno> {
        self.server.has_room()?;
        let ino = self.server.next_number();
        let mode = u16::try_from(mode & 0o7777).unwrap_or(0o700);
        self.server.tree().add(ino, (parent, name), Content::new(is_directory), mode)?;
        self.forget(&[parent]);
        self.attributes(ino)
    }

    pub(crate) fn list(&self, ino: Ino) -> Result<Listing, Errno> {
        if let Some(remembered) = lock(&self.cache).listing(ino) {
            return Ok(remembered);
        }
        let tree = self.server.tree();
        let listing: Listing = tree
            .entries(ino)?
            .iter()
            .map(|(name, ino)| (name.clone(), *ino, tree.is_directory(*ino)))
            .collect();
        lock(&self.cache).remember_listing(ino, &listing);
        Ok(listing)
    }

    /// Takes a name away.
    pub(crate) fn remove(&self, parent: Ino, name: &OsStr, is_directory: bool) -> Result<(), Errno> {
        let call = if is_directory { Call::RemoveDirectory } else { Call::Unlink };
        self.change(call, (parent, Some(name)), || {
            self.server.tree().remove(parent, name, is_directory)?;
            self.forget(&[parent]);
            Ok(())
        })
    }

    /// Writes what there is room for; says how much that is.
    pub(crate) fn write(&self, ino: Ino, offset: u64, data: &[u8]) -> Result<usize, Errno> {
        let path = self.path(ino, None);
        let verdict = self.faults.judge(Call::Write, &path)?;
        let offset = usize::try_from(offset).map_err(|_| Errno::EFBIG)?;
        let taken = self.server.take_room(data.len())?;
        let data = data.get(..taken).unwrap_or(data);
        let (first, rest) =
            data.split_at(if matches!(verdict, Verdict::Half(_)) { data.len() / 2 } else { data.len() });
        self.put(ino, offset, first)?;
        self.server.changed(&format!("Write {path}"));
        match verdict {
            Verdict::Do => Ok(data.len()),
            Verdict::DoAndFail(errno) => Err(errno),
            Verdict::Half(fault) => {
                // Others see that half: it is on its way.
                self.server.tree().share(ino, self.id);
                self.faults.wait(fault);
                self.put(ino, offset + first.len(), rest)?;
                self.server.changed(&format!("Write {path}"));
                Ok(data.len())
            }
        }
    }

    fn put(&self, ino: Ino, offset: usize, data: &[u8]) -> Result<(), Errno> {
        self.server.tree().write(ino, self.id, offset, data)?;
        self.forget(&[ino]);
        Ok(())
    }

    /// What it believes to be in a file: nothing behind the end that it knows.
    pub(crate) fn read(&self, ino: Ino, offset: u64, size: u32) -> Result<Vec<u8>, Errno> {
        let known = self.attributes(ino)?.size;
        let tree = self.server.tree();
        let bytes = tree.bytes(ino, self.id)?;
        let end = known.min(bytes.len());
        let from = usize::try_from(offset).unwrap_or(end).min(end);
        let to = end.min(from.saturating_add(usize::try_from(size).unwrap_or(usize::MAX)));
        Ok(bytes.get(from..to).unwrap_or_default().to_vec())
    }
}
