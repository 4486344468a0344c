//! The keys of a workspace's sessions: made here, kept in the workspace's directory, sealed with the operator's storage key.
//!
//! ```text
//! "BZkeys" · version u16 · for each: generation u32 · id of the storage key 8 · nonce 24 · sealed secret 48     (little endian)
//! ```

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use blazz_domain::{WorkspaceId, random};
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use sha2::Sha256;
use uuid::Uuid;

use crate::durable;
use crate::error::{AtPath as _, StoreError};
use crate::seal::SealingKey;
use crate::store::SealingKeys;

const FILE: &str = "keys";
const MAGIC: [u8; 6] = *b"BZkeys";
const VERSION: u16 = 1;
/// A secret, and what is added when it is sealed.
const SECRET: usize = 32;
const SEALED: usize = SECRET + 16;
const RECORD: usize = 4 + 8 + 24 + SEALED;

/// The operator's key that the workspaces' keys are sealed with.
pub struct StorageKey {
    id: [u8; 8],
    cipher: XChaCha20Poly1305,
}

impl StorageKey {
    /// The key of a secret.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        let hkdf = Hkdf::<Sha256>::new(None, secret);
        let (mut id, mut key) = ([0; 8], [0; 32]);
        // They fail only for more than 8,160 bytes.
        let _ = hkdf.expand(b"blazz storage key id", &mut id);
        let _ = hkdf.expand(b"blazz storage key", &mut key);
        Self { id, cipher: XChaCha20Poly1305::new(&key.into()) }
    }
}

/// A storage key as it is configured.
#[derive(Clone)]
pub struct StorageSecret([u8; 32]);

impl StorageSecret {
    /// A fresh one.
    #[must_use]
    pub fn generate() -> Self {
        Self(random::bytes())
    }

    /// Its hex digits, for the one place where the operator keeps it.
    #[must_use]
    pub fn to_hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> StorageKey {
        StorageKey::new(&self.0)
    }

    /// Reads it from 64 hex digits; `None` when they are not that.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut secret = [0; 32];
        if text.len() != 64 {
            return None;
        }
        for (byte, digits) in secret.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digits = str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
            *byte = u8::from_str_radix(digits, 16).ok()?;
        }
        Some(Self(secret))
    }
}

impl fmt::Debug for StorageSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StorageSecret")
    }
}

impl fmt::Debug for StorageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StorageKey")
    }
}

/// The storage key, and the one before while it is being replaced.
#[derive(Debug)]
pub struct StorageKeys {
    /// What is sealed with this from now on.
    pub current: StorageKey,
    /// What may still open.
    pub previous: Option<StorageKey>,
}

impl StorageKeys {
    fn find(&self, id: &[u8; 8]) -> Result<&StorageKey, StoreError> {
        let mut all = std::iter::once(&self.current).chain(&self.previous);
        all.find(|key| key.id == *id).ok_or(StoreError::UnknownStorageKey)
    }
}

/// One key of a workspace.
struct WorkspaceSecret {
    generation: u32,
    secret: [u8; SECRET],
}

/// The keys of a workspace; its first is made when there is none. What another storage key sealed is sealed anew.
///
/// # Errors
/// [`StoreError::UnknownStorageKey`] when no storage key fits, [`StoreError::UnknownFormat`] when the file is something else.
pub(crate) fn open(
    directory: &Path,
    workspace: WorkspaceId,
    storage: &StorageKeys,
) -> Result<SealingKeys, StoreError> {
    let path = directory.join(FILE);
    let bytes = match fs::read(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => first(directory, &path, workspace, storage)?,
        read => read.at(&path)?,
    };
    let (secrets, is_current) = unseal(&bytes, &path, workspace, storage)?;
    if !is_current {
        replace(directory, &path, &seal(&secrets, workspace, storage)?)?;
    }
    sealing_keys(&secrets).ok_or(StoreError::UnknownFormat(path))
}

/// Makes another key, which everything is sealed with from the next opening on.
///
/// # Errors
/// As [`open`].
pub(crate) fn rotate(
    directory: &Path,
    workspace: WorkspaceId,
    storage: &StorageKeys,
) -> Result<u32, StoreError> {
    open(directory, workspace, storage)?;
    let path = directory.join(FILE);
    let (mut secrets, _) = unseal(&fs::read(&path).at(&path)?, &path, workspace, storage)?;
    let generation = secrets.iter().map(|secret| secret.generation).max().unwrap_or_default() + 1;
    secrets.push(WorkspaceSecret { generation, secret: random::bytes() });
    replace(directory, &path, &seal(&secrets, workspace, storage)?)?;
    Ok(generation)
}

fn sealing_keys(secrets: &[WorkspaceSecret]) -> Option<SealingKeys> {
    let mut keys: Vec<_> =
        secrets.iter().map(|it| Arc::new(SealingKey::new(it.generation, &it.secret))).collect();
    keys.sort_by_key(|key| key.generation());
    Some(SealingKeys { current: keys.pop()?, older: keys })
}

/// The first key of a workspace. Of several who make one at once, all take the same.
fn first(
    directory: &Path,
    path: &Path,
    workspace: WorkspaceId,
    storage: &StorageKeys,
) -> Result<Vec<u8>, StoreError> {
    let secrets = [WorkspaceSecret { generation: 1, secret: random::bytes() }];
    let draft = draft(directory);
    durable::write_new(&draft, &seal(&secrets, workspace, storage)?)?;
    // A link never replaces a file: of two that race, one wins and both read the winner's.
    match fs::hard_link(&draft, path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error).at(path),
        _ => durable::remove_file(&draft)?,
    }
    durable::sync_directory(directory)?;
    fs::read(path).at(path)
}

fn replace(directory: &Path, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let draft = draft(directory);
    durable::write_new(&draft, bytes)?;
    fs::rename(&draft, path).at(path)?;
    durable::sync_directory(directory)
}

fn draft(directory: &Path) -> PathBuf {
    directory.join(format!(".{FILE}-{}", Uuid::now_v7()))
}

fn seal(
    secrets: &[WorkspaceSecret],
    workspace: WorkspaceId,
    storage: &StorageKeys,
) -> Result<Vec<u8>, StoreError> {
    let mut bytes = [MAGIC.as_slice(), &VERSION.to_le_bytes()].concat();
    for WorkspaceSecret { generation, secret } in secrets {
        let nonce = random::bytes::<24>();
        let payload = Payload { msg: secret, aad: &place(workspace, *generation) };
        let sealed = storage.current.cipher.encrypt(&XNonce::from(nonce), payload);
        bytes.extend_from_slice(&generation.to_le_bytes());
        bytes.extend_from_slice(&storage.current.id);
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&sealed.map_err(|_| StoreError::Unsealable)?);
    }
    Ok(bytes)
}

/// The secrets, and whether the current storage key sealed all of them.
fn unseal(
    bytes: &[u8],
    path: &Path,
    workspace: WorkspaceId,
    storage: &StorageKeys,
) -> Result<(Vec<WorkspaceSecret>, bool), StoreError> {
    let header = [MAGIC.as_slice(), &VERSION.to_le_bytes()].concat();
    let unknown = || StoreError::UnknownFormat(path.to_owned());
    let records = bytes.strip_prefix(header.as_slice()).ok_or_else(unknown)?;
    let (mut secrets, mut is_current) = (Vec::new(), true);
    for record in records.chunks(RECORD) {
        let (generation, rest) = record.split_first_chunk::<4>().ok_or_else(unknown)?;
        let (id, rest) = rest.split_first_chunk::<8>().ok_or_else(unknown)?;
        let (nonce, sealed) = rest.split_first_chunk::<24>().ok_or_else(unknown)?;
        let generation = u32::from_le_bytes(*generation);
        let payload = Payload { msg: sealed, aad: &place(workspace, generation) };
        let opened = storage.find(id)?.cipher.decrypt(&XNonce::from(*nonce), payload);
        let secret = opened.ok().and_then(|secret| secret.try_into().ok()).ok_or(StoreError::Unsealable)?;
        is_current &= *id == storage.current.id;
        secrets.push(WorkspaceSecret { generation, secret });
    }
    Ok((secrets, is_current))
}

/// What a sealed secret is bound to.
fn place(workspace: WorkspaceId, generation: u32) -> Vec<u8> {
    [workspace.0.as_bytes().as_slice(), &generation.to_le_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn storage(secret: u8, previous: Option<u8>) -> StorageKeys {
        let key = |byte| StorageKey::new(&[byte; 32]);
        StorageKeys { current: key(secret), previous: previous.map(key) }
    }

    /// A key cannot be looked at; what it makes of a name can.
    fn mark(key: &SealingKey) -> [u8; 16] {
        key.name(blazz_domain::AccountId(Uuid::nil()), 0, b"x").hash
    }

    #[test]
    fn a_workspace_has_keys_of_its_own_that_stay() {
        let (directory, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let (a, b) = (WorkspaceId::new(), WorkspaceId::new());
        let keys = open(directory.path(), a, &storage(1, None)).unwrap();
        assert_eq!((keys.current.generation(), keys.older.len()), (1, 0));
        assert_eq!(mark(&open(directory.path(), a, &storage(1, None)).unwrap().current), mark(&keys.current));
        assert_ne!(mark(&open(other.path(), b, &storage(1, None)).unwrap().current), mark(&keys.current));
        // Another workspace's file is of no use, nor is one that was changed.
        fs::copy(directory.path().join(FILE), other.path().join(FILE)).unwrap();
        assert!(matches!(open(other.path(), b, &storage(1, None)), Err(StoreError::Unsealable)));
        fs::write(other.path().join(FILE), b"something else").unwrap();
        assert!(matches!(open(other.path(), b, &storage(1, None)), Err(StoreError::UnknownFormat(_))));
    }

    #[test]
    fn several_at_once_take_the_same_first_key() {
        let (directory, workspace) = (TempDir::new().unwrap(), WorkspaceId::new());
        let marks: Vec<_> = std::thread::scope(|scope| {
            let open = || mark(&open(directory.path(), workspace, &storage(1, None)).unwrap().current);
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(marks.iter().all(|mark| *mark == marks[0]));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn the_storage_key_is_replaced_without_losing_anything() {
        let (directory, workspace) = (TempDir::new().unwrap(), WorkspaceId::new());
        let before = mark(&open(directory.path(), workspace, &storage(1, None)).unwrap().current);
        let unknown = open(directory.path(), workspace, &storage(2, None)).unwrap_err();
        assert!(matches!(unknown, StoreError::UnknownStorageKey), "{unknown}");
        let during = open(directory.path(), workspace, &storage(2, Some(1))).unwrap();
        let after = open(directory.path(), workspace, &storage(2, None)).unwrap();
        assert_eq!([mark(&during.current), mark(&after.current)], [before; 2]);
    }

    #[test]
    fn another_generation_comes_beside_the_first() {
        let (directory, workspace) = (TempDir::new().unwrap(), WorkspaceId::new());
        let first = mark(&open(directory.path(), workspace, &storage(1, None)).unwrap().current);
        assert_eq!(rotate(directory.path(), workspace, &storage(1, None)).unwrap(), 2);
        let keys = open(directory.path(), workspace, &storage(1, None)).unwrap();
        assert_eq!((keys.current.generation(), mark(&keys.older[0])), (2, first));
        assert_ne!(mark(&keys.current), first);
    }

    #[test]
    fn a_storage_key_is_64_hex_digits() {
        let secret = StorageSecret::parse(&"ab".repeat(32)).unwrap();
        assert_eq!((secret.key().id, secret.to_hex()), (StorageKey::new(&[0xab; 32]).id, "ab".repeat(32)));
        for bad in ["", "ab", &"ab".repeat(31), &"ab".repeat(33), &"xy".repeat(32), &"+1".repeat(32)] {
            assert!(StorageSecret::parse(bad).is_none(), "{bad}");
        }
    }
}
