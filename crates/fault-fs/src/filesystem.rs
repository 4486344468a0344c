//! A client's answers to the kernel: what it asks and hears, in the words of FUSE ([`crate::operations`] does it). The kernel remembers nothing itself: every call comes here.

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

use crate::cache::Attributes;
use crate::client::{ClientState, Locks};
use crate::fault::Call;
use crate::server::lock;

/// What the kernel calls.
pub(crate) struct Mounted(pub(crate) Arc<ClientState>);

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
        answer_empty(reply, self.0.remove(parent.0, name, false));
    }

    fn rmdir(&self, _req: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer_empty(reply, self.0.remove(parent.0, name, true));
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
