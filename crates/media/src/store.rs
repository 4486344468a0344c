//! The store: files by the hash of their bytes.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use blazz_domain::WorkspaceId;
use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt as _};
use object_store::local::LocalFileSystem;
use object_store::path::Path as StorePath;
use object_store::{GetOptions, ObjectStore, ObjectStoreExt as _};
use uuid::Uuid;

use crate::arrival::{Arrival, Arrived};
use crate::error::MediaError;

const INCOMING: &str = "incoming";

/// The bytes of a file, piece by piece.
pub type ByteStream = BoxStream<'static, Result<Bytes, MediaError>>;

/// Where files are kept. Cheap to clone.
#[derive(Debug, Clone)]
pub struct MediaStore {
    store: Arc<dyn ObjectStore>,
    incoming: Arc<PathBuf>,
}

impl MediaStore {
    /// Keeps files in a directory, which is created where it is missing, for its owner alone.
    ///
    /// # Errors
    /// When the directory cannot be used.
    pub fn in_directory(root: &Path) -> Result<Self, MediaError> {
        use std::os::unix::fs::DirBuilderExt as _;
        let incoming = root.join(INCOMING);
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&incoming)?;
        let incoming = incoming.canonicalize()?;
        let root = incoming.parent().unwrap_or(root);
        let store = LocalFileSystem::new_with_prefix(root)?.with_fsync(true);
        Ok(Self { store: Arc::new(store), incoming: Arc::new(incoming) })
    }

    /// Begins to take a file of at most `limit` bytes.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn receive(&self, limit: u64) -> Result<Arrival, MediaError> {
        let name = Uuid::now_v7().to_string();
        Arrival::begin(self.incoming.join(&name), name, limit).await
    }

    /// Puts a file that has arrived in its place. The same bytes again replace themselves.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn keep(&self, workspace_id: WorkspaceId, mut arrived: Arrived) -> Result<(), MediaError> {
        let from = StorePath::from_iter([INCOMING, arrived.place.name.as_str()]);
        self.store.rename(&from, &place(workspace_id, &arrived.sha256)).await?;
        arrived.place.is_moved = true;
        Ok(())
    }

    /// The bytes of a file, or those in `range`.
    ///
    /// # Errors
    /// [`MediaError::NotFound`], and when the store fails.
    pub async fn read(
        &self,
        workspace_id: WorkspaceId,
        sha256: &str,
        range: Option<Range<u64>>,
    ) -> Result<ByteStream, MediaError> {
        let options = GetOptions::new().with_range(range);
        let found = self.store.get_opts(&place(workspace_id, sha256), options).await?;
        Ok(found.into_stream().map(|piece| piece.map_err(MediaError::from)).boxed())
    }

    /// Deletes a file; one that is not there is fine.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delete(&self, workspace_id: WorkspaceId, sha256: &str) -> Result<(), MediaError> {
        match self.store.delete(&place(workspace_id, sha256)).await.map_err(MediaError::from) {
            Err(MediaError::NotFound) => Ok(()),
            deleted => deleted,
        }
    }

    /// Deletes what began to arrive longer ago than `age` and never did; how many files it were.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn sweep(&self, age: Duration) -> Result<u64, MediaError> {
        let (mut entries, mut swept) = (tokio::fs::read_dir(self.incoming.as_path()).await?, 0);
        while let Some(entry) = entries.next_entry().await? {
            let Ok(metadata) = entry.metadata().await else { continue };
            let is_old = metadata.modified()?.elapsed().is_ok_and(|old| old > age);
            if is_old && tokio::fs::remove_file(entry.path()).await.is_ok() {
                swept += 1;
            }
        }
        Ok(swept)
    }
}

fn place(workspace_id: WorkspaceId, sha256: &str) -> StorePath {
    StorePath::from_iter([workspace_id.to_string().as_str(), sha256])
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt as _;

    use super::*;
    use crate::sniff::Sniffed;

    struct Stage {
        directory: tempfile::TempDir,
        store: MediaStore,
        workspace: WorkspaceId,
    }

    impl Stage {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let store = MediaStore::in_directory(&directory.path().join("media")).unwrap();
            Self { directory, store, workspace: WorkspaceId::new() }
        }

        async fn arrived(&self, pieces: &[&[u8]]) -> Arrived {
            let mut arrival = self.store.receive(1000).await.unwrap();
            for piece in pieces {
                arrival.write(piece).await.unwrap();
            }
            arrival.finish().await.unwrap()
        }

        async fn read(
            &self,
            workspace: WorkspaceId,
            sha256: &str,
            range: Option<Range<u64>>,
        ) -> Option<Vec<u8>> {
            let stream = match self.store.read(workspace, sha256, range).await {
                Err(MediaError::NotFound) => return None,
                stream => stream.unwrap(),
            };
            Some(stream.try_collect::<Vec<_>>().await.unwrap().concat())
        }

        fn incoming(&self) -> usize {
            std::fs::read_dir(self.directory.path().join("media/incoming")).unwrap().count()
        }
    }

    #[tokio::test]
    async fn a_file_is_kept_by_its_hash_and_each_workspace_has_its_own() {
        let stage = Stage::new();
        let arrived = stage.arrived(&[b"\x89PNG\r\n", b"\x1a\n", b"rest"]).await;
        assert_eq!((arrived.size, arrived.sniffed), (12, Sniffed::Is("image/png")));
        let hash = arrived.sha256.clone();
        assert_eq!(hash, hex::encode(<sha2::Sha256 as sha2::Digest>::digest(b"\x89PNG\r\n\x1a\nrest")));
        assert_eq!(stage.read(stage.workspace, &hash, None).await, None, "not before it is kept");
        stage.store.keep(stage.workspace, arrived).await.unwrap();
        assert_eq!(stage.incoming(), 0);
        assert_eq!(stage.read(stage.workspace, &hash, None).await.unwrap(), b"\x89PNG\r\n\x1a\nrest");
        assert_eq!(stage.read(stage.workspace, &hash, Some(8..10)).await.unwrap(), b"re");
        assert_eq!(stage.read(WorkspaceId::new(), &hash, None).await, None);

        let again = stage.arrived(&[b"\x89PNG\r\n\x1a\nrest"]).await;
        stage.store.keep(stage.workspace, again).await.unwrap();
        for _ in 0..2 {
            stage.store.delete(stage.workspace, &hash).await.unwrap();
        }
        assert_eq!(stage.read(stage.workspace, &hash, None).await, None);
    }

    #[tokio::test]
    async fn what_does_not_arrive_whole_leaves_nothing() {
        let stage = Stage::new();
        let mut arrival = stage.store.receive(4).await.unwrap();
        arrival.write(b"1234").await.unwrap();
        assert_eq!(stage.incoming(), 1);
        assert!(matches!(arrival.write(b"5").await, Err(MediaError::TooLarge { limit: 4 })));
        drop(arrival);
        assert_eq!(stage.incoming(), 0);
        drop(stage.arrived(&[b"whole, but nobody keeps it"]).await);
        assert_eq!(stage.incoming(), 0);
    }

    #[tokio::test]
    async fn what_a_killed_process_left_is_swept_when_it_is_old() {
        let stage = Stage::new();
        std::mem::forget(stage.arrived(&[b"left behind"]).await);
        assert_eq!(stage.store.sweep(Duration::from_secs(60)).await.unwrap(), 0);
        assert_eq!(stage.store.sweep(Duration::ZERO).await.unwrap(), 1);
        assert_eq!(stage.incoming(), 0);
    }
}
