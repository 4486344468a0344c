//! Everything the emulator is, behind one struct: accounts, pairing, faults, statistics, and the tasks that run.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use blazz_domain::{Clock, Timestamp};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::account::Directory;
use crate::connection;
use crate::faults::Faults;
use crate::groups::Groups;
use crate::link_code::LinkCodes;
use crate::media::MediaStore;
use crate::newsletters::Newsletters;
use crate::noise::ServerIdentity;
use crate::pairing::Pairing;
use crate::sockets::Sockets;
use crate::stats::Stats;
use crate::version::Versions;

/// The shared state of one emulator.
pub(crate) struct Server {
    pub(crate) identity: ServerIdentity,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) accounts: Directory,
    pub(crate) groups: Groups,
    pub(crate) newsletters: Newsletters,
    pub(crate) pairing: Pairing,
    pub(crate) link_codes: LinkCodes,
    pub(crate) faults: Faults,
    pub(crate) stats: Stats,
    pub(crate) sockets: Sockets,
    pub(crate) versions: Versions,
    pub(crate) media: MediaStore,
    pub(crate) media_host: String,
    pub(crate) tracker: TaskTracker,
    pub(crate) stop: CancellationToken,
    links: AtomicU64,
}

impl Server {
    pub(crate) fn new(
        clock: Arc<dyn Clock>,
        media_host: String,
        unanswered_log: Option<PathBuf>,
    ) -> Result<Self> {
        Ok(Self {
            identity: ServerIdentity::generate()?,
            clock,
            accounts: Directory::default(),
            groups: Groups::default(),
            newsletters: Newsletters::default(),
            pairing: Pairing::default(),
            link_codes: LinkCodes::default(),
            faults: Faults::default(),
            versions: Versions::default(),
            stats: Stats::with_log(unanswered_log),
            sockets: Sockets::default(),
            media: MediaStore::default(),
            media_host,
            tracker: TaskTracker::new(),
            stop: CancellationToken::new(),
            links: AtomicU64::new(1),
        })
    }

    /// The number of the next socket.
    pub(crate) fn next_link(&self) -> u64 {
        self.links.fetch_add(1, Ordering::Relaxed)
    }

    /// What an uploaded file's URL is. Clients insist on `https`; on the loopback they have to be told better.
    pub(crate) fn media_url(&self, direct_path: &str) -> String {
        format!("https://{}{direct_path}", self.media_host)
    }

    /// The present moment.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The present moment as stanzas write it: whole seconds since 1970.
    pub(crate) fn seconds(&self) -> i64 {
        self.clock.now().unix_seconds()
    }
}

/// Takes sockets until the emulator stops.
pub(crate) async fn accept(server: Arc<Server>, listener: TcpListener) {
    loop {
        let stream = tokio::select! {
            () = server.stop.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of file descriptors, or the peer hung up already: the next one may work.
                    tracing::warn!("could not accept a socket: {error}");
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                    continue;
                }
            },
        };
        let task = Arc::clone(&server);
        server.tracker.spawn(async move {
            if let Err(error) = connection::serve(task, stream).await {
                tracing::debug!("a socket ended: {error:#}");
            }
        });
    }
}
