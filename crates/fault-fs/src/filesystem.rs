//! A client's answers to the kernel. The kernel remembers nothing itself: every call comes here.

use std::ffi::OsStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fuser::{
    BsdFileFlags, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, InitFlags,
    KernelConfig, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory,
    ReplyEmpty, ReplyEntry, ReplyOpen, ReplyWrite, Request, TimeOrNow, WriteFlags,
};
use nix::errno::Errno;
use nix::unistd::{getgid, getuid};

use crate::cache::{Attributes, Listing};
use crate::client::{ClientState, Locks};
use crate::fault::{Call, Verdict};
use crate::server::lock;
use crate::tree::{Content, Ino};

/// What the kernel calls.
pub(crate) struct Mounted(pub(crate) Arc<ClientState>);

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
    fn ask<T>(
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
    fn change<T>(
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

    fn attributes(&self, ino: Ino) -> Result<Attributes, Errno> {
        if let Some(remembered) = lock(&self.cache).attributes(ino) {
            return Ok(remembered);
        }
        let attributes = Attributes::of(&self.server.tree(), ino, self.id)?;
        lock(&self.cache).remember_attributes(attributes);
        Ok(attributes)
    }

    fn forget(&self, inos: &[Ino]) {
        let mut cache = lock(&self.cache);
        inos.iter().for_each(|ino| cache.forget(*ino));
    }

    fn look_up(&self, parent: Ino, name: &OsStr) -> Result<Attributes, Errno> {
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

    fn make(&self, parent: Ino, name: &OsStr, is_directory: bool, mode: u32) -> Result<Attributes, Errno> {
        self.server.has_room()?;
        let ino = self.server.next_number();
        let mode = u16::try_from(mode & 0o7777).unwrap_or(0o700);
        self.server.tree().add(ino, (parent, name), Content::new(is_directory), mode)?;
        self.forget(&[parent]);
        self.attributes(ino)
    }

    fn list(&self, ino: Ino) -> Result<Listing, Errno> {
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

    /// Writes what there is room for; says how much that is.
    fn write(&self, ino: Ino, offset: u64, data: &[u8]) -> Result<usize, Errno> {
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
    fn read(&self, ino: Ino, offset: u64, size: u32) -> Result<Vec<u8>, Errno> {
        let known = self.attributes(ino)?.size;
        let tree = self.server.tree();
        let bytes = tree.bytes(ino, self.id)?;
        let end = known.min(bytes.len());
        let from = usize::try_from(offset).unwrap_or(end).min(end);
        let to = end.min(from.saturating_add(usize::try_from(size).unwrap_or(usize::MAX)));
        Ok(bytes.get(from..to).unwrap_or_default().to_vec())
    }
}

fn file_attr(attributes: &Attributes) -> FileAttr {
    let size = u64::try_from(attributes.size).unwrap_or(u64::MAX);
    let time = SystemTime::UNIX_EPOCH + Duration::from_micros(attributes.changed);
    FileAttr {
        ino: INodeNo(attributes.ino),
        size,
        blocks: size.div_ceil(512),
        atime: time,
        mtime: time,
        ctime: time,
        crtime: time,
        kind: kind(attributes.is_directory),
        perm: attributes.mode,
        nlink: if attributes.is_directory { 2 } else { 1 },
        uid: getuid().as_raw(),
        gid: getgid().as_raw(),
        rdev: 0,
        blksize: 4096,
        flags: 0,
    }
}

fn kind(is_directory: bool) -> FileType {
    if is_directory { FileType::Directory } else { FileType::RegularFile }
}

fn errno(error: Errno) -> fuser::Errno {
    std::io::Error::from(error).into()
}

fn answer_entry(reply: ReplyEntry, attributes: Result<Attributes, Errno>) {
    match attributes {
        Ok(attributes) => reply.entry(&Duration::ZERO, &file_attr(&attributes), Generation(0)),
        Err(error) => reply.error(errno(error)),
    }
}

fn answer_attr(reply: ReplyAttr, attributes: Result<Attributes, Errno>) {
    match attributes {
        Ok(attributes) => reply.attr(&Duration::ZERO, &file_attr(&attributes)),
        Err(error) => reply.error(errno(error)),
    }
}

fn answer_empty(reply: ReplyEmpty, done: Result<(), Errno>) {
    match done {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(errno(error)),
    }
}

impl Filesystem for Mounted {
    fn init(&mut self, _req: &Request, config: &mut KernelConfig) -> std::io::Result<()> {
        let _without = config.add_capabilities(InitFlags::FUSE_PARALLEL_DIROPS);
        if self.0.options.locks == Locks::Lie {
            let wanted = InitFlags::FUSE_FLOCK_LOCKS | InitFlags::FUSE_POSIX_LOCKS;
            config.add_capabilities(wanted).map_err(|_| std::io::Error::from(Errno::ENOSYS))?;
        }
        Ok(())
    }

    fn lookup(&self, _req: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let looked = self.0.ask(Call::Lookup, (parent.0, Some(name)), || self.0.look_up(parent.0, name));
        answer_entry(reply, looked);
    }

    fn getattr(&self, _req: &Request, ino: INodeNo, _fh: Option<FileHandle>, reply: ReplyAttr) {
        answer_attr(reply, self.0.ask(Call::Attributes, (ino.0, None), || self.0.attributes(ino.0)));
    }

    fn setattr(
        &self,
        _req: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        _uid: Option<u32>,
        _gid: Option<u32>,
        size: Option<u64>,
        _atime: Option<TimeOrNow>,
        _mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        _fh: Option<FileHandle>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _flags: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let set = self.0.change(Call::SetAttributes, (ino.0, None), || {
            if let Some(size) = size {
                let size = usize::try_from(size).map_err(|_| Errno::EFBIG)?;
                self.0.server.tree().resize(ino.0, self.0.id, size)?;
            }
            if let Some(mode) = mode.and_then(|mode| u16::try_from(mode & 0o7777).ok()) {
                self.0.server.tree().set_mode(ino.0, mode)?;
            }
            self.0.forget(&[ino.0]);
            self.0.attributes(ino.0)
        });
        answer_attr(reply, set);
    }

    fn mkdir(
        &self,
        _req: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        reply: ReplyEntry,
    ) {
        let made = self
            .0
            .change(Call::MakeDirectory, (parent.0, Some(name)), || self.0.make(parent.0, name, true, mode));
        answer_entry(reply, made);
    }

    fn create(
        &self,
        _req: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        _flags: i32,
        reply: ReplyCreate,
    ) {
        let made =
            self.0.change(Call::Create, (parent.0, Some(name)), || self.0.make(parent.0, name, false, mode));
        match made {
            Ok(attributes) => reply.created(
                &Duration::ZERO,
                &file_attr(&attributes),
                Generation(0),
                FileHandle(0),
                FopenFlags::FOPEN_DIRECT_IO,
            ),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn link(&self, _req: &Request, ino: INodeNo, newparent: INodeNo, newname: &OsStr, reply: ReplyEntry) {
        let linked = self.0.change(Call::Link, (newparent.0, Some(newname)), || {
            self.0.server.tree().link(ino.0, newparent.0, newname)?;
            self.0.forget(&[newparent.0, ino.0]);
            self.0.attributes(ino.0)
        });
        answer_entry(reply, linked);
    }

    fn unlink(&self, _req: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let removed = self.0.change(Call::Unlink, (parent.0, Some(name)), || {
            self.0.server.tree().remove(parent.0, name, false)?;
            self.0.forget(&[parent.0]);
            Ok(())
        });
        answer_empty(reply, removed);
    }

    fn rmdir(&self, _req: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let removed = self.0.change(Call::RemoveDirectory, (parent.0, Some(name)), || {
            self.0.server.tree().remove(parent.0, name, true)?;
            self.0.forget(&[parent.0]);
            Ok(())
        });
        answer_empty(reply, removed);
    }

    fn rename(
        &self,
        _req: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        if !flags.is_empty() {
            return reply.error(fuser::Errno::EINVAL);
        }
        let renamed = self.0.change(Call::Rename, (newparent.0, Some(newname)), || {
            self.0.server.tree().rename((parent.0, name), (newparent.0, newname))?;
            self.0.forget(&[parent.0, newparent.0]);
            Ok(())
        });
        answer_empty(reply, renamed);
    }

    fn open(&self, _req: &Request, ino: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        // Whoever opens a file sees what those who closed it wrote.
        let opened = self.0.ask(Call::Open, (ino.0, None), || {
            self.0.forget(&[ino.0]);
            self.0.attributes(ino.0)
        });
        match opened {
            Ok(_) => reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn read(
        &self,
        _req: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.0.ask(Call::Read, (ino.0, None), || self.0.read(ino.0, offset, size)) {
            Ok(bytes) => reply.data(&bytes),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn write(
        &self,
        _req: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        data: &[u8],
        _write_flags: WriteFlags,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.0.write(ino.0, offset, data) {
            Ok(written) => reply.written(u32::try_from(written).unwrap_or(u32::MAX)),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn flush(&self, _req: &Request, ino: INodeNo, _fh: FileHandle, _owner: LockOwner, reply: ReplyEmpty) {
        self.0.server.tree().share(ino.0, self.0.id);
        reply.ok();
    }

    fn fsync(&self, _req: &Request, ino: INodeNo, _fh: FileHandle, _datasync: bool, reply: ReplyEmpty) {
        let synced = self.0.change(Call::Sync, (ino.0, None), || self.0.server.tree().sync(ino.0));
        answer_empty(reply, synced);
    }

    fn opendir(&self, _req: &Request, ino: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        match self.0.ask(Call::List, (ino.0, None), || self.0.list(ino.0)) {
            Ok(listing) => {
                let handle = self.0.server.next_number();
                lock(&self.0.open).insert(handle, listing);
                reply.opened(FileHandle(handle), FopenFlags::empty());
            }
            Err(error) => reply.error(errno(error)),
        }
    }

    fn readdir(&self, _req: &Request, ino: INodeNo, fh: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let open = lock(&self.0.open);
        let own = [(".".into(), ino.0, true), ("..".into(), ino.0, true)];
        let entries = own.iter().chain(open.get(&fh.0).into_iter().flatten()).zip(1_u64..);
        for ((name, ino, is_directory), next) in entries.skip(usize::try_from(offset).unwrap_or(usize::MAX)) {
            if reply.add(INodeNo(*ino), next, kind(*is_directory), name) {
                break;
            }
        }
        reply.ok();
    }

    fn releasedir(
        &self,
        _req: &Request,
        _ino: INodeNo,
        fh: FileHandle,
        _flags: OpenFlags,
        reply: ReplyEmpty,
    ) {
        lock(&self.0.open).remove(&fh.0);
        reply.ok();
    }

    fn fsyncdir(&self, _req: &Request, ino: INodeNo, _fh: FileHandle, _datasync: bool, reply: ReplyEmpty) {
        let synced = self.0.change(Call::SyncDirectory, (ino.0, None), || self.0.server.tree().sync(ino.0));
        answer_empty(reply, synced);
    }

    fn setlk(
        &self,
        _req: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        _lock_owner: LockOwner,
        _start: u64,
        _end: u64,
        _typ: i32,
        _pid: u32,
        _sleep: bool,
        reply: ReplyEmpty,
    ) {
        answer_empty(reply, self.0.ask(Call::Lock, (ino.0, None), || Ok(())));
    }
}
