//! One socket after its handshake: who it belongs to, the order of what it sends, and the loop that reads it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use blazz_domain::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use whatsapp_rust::wacore::handshake::NoiseCipher;
use whatsapp_rust::wacore_binary::marshal::{marshal, unmarshal_ref};
use whatsapp_rust::wacore_binary::node::Node;
use whatsapp_rust::wacore_binary::util;

use crate::account::{Account, DeviceKeys};
use crate::delivery::Backlog;
use crate::dispatch;
use crate::login;
use crate::server::Server;
use crate::socket::{FrameReader, FrameWriter};
use crate::stanza::brief;

/// Stanzas that may wait for a socket whose client does not read; then it is closed.
const LONGEST_OUTBOX: usize = 200_000;
/// How long a closing socket may take to send what is queued before it.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Whom a socket speaks for.
pub(crate) enum Role {
    /// A new companion that shows a QR: the keys it registers with.
    Registration(DeviceKeys),
    /// A linked companion.
    Device(Arc<Account>, u16),
}

/// The sending half of a live socket, and who it is.
pub(crate) struct Link {
    pub(crate) id: u64,
    pub(crate) client_public: [u8; 32],
    role: OnceLock<Role>,
    /// The socket of the same companion that has logged in since, and when.
    newer: OnceLock<(u64, Timestamp)>,
    outbox: mpsc::UnboundedSender<Outgoing>,
    queued: AtomicUsize,
    phase: Mutex<Phase>,
    closed: CancellationToken,
}

/// Whether deliveries may come.
enum Phase {
    /// The client has not asked for them.
    Passive,
    /// It gets what waited for it first.
    Backlog(Backlog),
    /// They come as they happen.
    Live,
}

enum Outgoing {
    Stanza(Box<Node>),
    Close,
}

impl Link {
    /// Queues a stanza; `false` when the socket is gone.
    pub(crate) fn send(&self, node: Node) -> bool {
        if self.closed.is_cancelled() {
            return false;
        }
        if self.queued.fetch_add(1, Ordering::Relaxed) >= LONGEST_OUTBOX {
            tracing::warn!(link = self.id, "closing a socket that does not read");
            self.abort();
            return false;
        }
        self.outbox.send(Outgoing::Stanza(Box::new(node))).is_ok()
    }

    /// Closes the socket after what is queued.
    pub(crate) fn close(&self) {
        let _gone = self.outbox.send(Outgoing::Close);
    }

    /// Cuts the socket now, whatever is queued.
    pub(crate) fn abort(&self) {
        self.closed.cancel();
    }

    /// Deliveries may begin, with what waited; `false` when they had begun already.
    pub(crate) fn begin_backlog(&self, backlog: Backlog) -> bool {
        let mut phase = self.phase();
        let is_passive = matches!(*phase, Phase::Passive);
        if is_passive {
            *phase = Phase::Backlog(backlog);
        }
        is_passive
    }

    /// How far the backlog is, while there is one.
    pub(crate) fn backlog(&self) -> Option<Backlog> {
        match &*self.phase() {
            Phase::Backlog(backlog) => Some(*backlog),
            _ => None,
        }
    }

    /// A part of the backlog was handed out.
    pub(crate) fn keep_backlog(&self, backlog: Backlog) {
        *self.phase() = Phase::Backlog(backlog);
    }

    /// The backlog is done.
    pub(crate) fn go_live(&self) {
        *self.phase() = Phase::Live;
    }

    /// The client wants deliveries to wait again.
    pub(crate) fn deactivate(&self) {
        *self.phase() = Phase::Passive;
    }

    /// Do deliveries come as they happen?
    pub(crate) fn is_active(&self) -> bool {
        matches!(*self.phase(), Phase::Live) && !self.closed.is_cancelled()
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fixes whom the socket speaks for; a socket never changes its role.
    pub(crate) fn assume(&self, role: Role) {
        let _already = self.role.set(role);
    }

    /// A newer socket of the same companion has logged in; the first of them counts.
    pub(crate) fn is_older_than(&self, newer: &Link, at: Timestamp) {
        let _already = self.newer.set((newer.id, at));
    }

    /// The linked device behind the socket.
    pub(crate) fn device(&self) -> Option<(&Arc<Account>, u16)> {
        match self.role.get() {
            Some(Role::Device(account, device)) => Some((account, *device)),
            _ => None,
        }
    }

    /// The keys of a companion that is still pairing.
    pub(crate) fn registration(&self) -> Option<&DeviceKeys> {
        match self.role.get() {
            Some(Role::Registration(keys)) => Some(keys),
            _ => None,
        }
    }

    /// The number that faults are matched against.
    fn number(&self) -> Option<&str> {
        self.device().map(|(account, _)| account.number.as_str())
    }
}

/// Serves one socket until it closes.
pub(crate) async fn serve(server: Arc<Server>, stream: tokio::net::TcpStream) -> Result<()> {
    let accepted = crate::socket::accept(&server, stream).await?;
    let (outbox, queue) = mpsc::unbounded_channel();
    let link = Arc::new(Link {
        id: server.next_link(),
        client_public: accepted.client_public,
        role: OnceLock::new(),
        newer: OnceLock::new(),
        outbox,
        queued: AtomicUsize::new(0),
        phase: Mutex::new(Phase::Passive),
        closed: server.stop.child_token(),
    });
    server.stats.opened();
    let writer = server.tracker.spawn(write(
        Arc::clone(&server),
        Arc::clone(&link),
        queue,
        accepted.writer,
        accepted.write_cipher,
    ));
    let read = async {
        login::begin(&server, &link, accepted.payload)?;
        read(&server, &link, accepted.reader, accepted.read_cipher).await
    };
    let outcome = tokio::select! {
        () = link.closed.cancelled() => Ok(()),
        outcome = read => outcome,
    };
    server.sockets.closed(link.id, server.now());
    login::end(&server, &link);
    link.close();
    if tokio::time::timeout(CLOSE_TIMEOUT, writer).await.is_err() {
        tracing::debug!(link = link.id, "the socket did not take its last stanzas");
    }
    link.abort();
    server.stats.closed();
    outcome
}

async fn read(
    server: &Arc<Server>,
    link: &Arc<Link>,
    mut reader: FrameReader,
    cipher: NoiseCipher,
) -> Result<()> {
    let mut counter = 0_u32;
    while let Some(mut frame) = reader.next().await? {
        cipher.decrypt_in_place_with_counter(counter, &mut frame)?;
        counter = counter.checked_add(1).context("the Noise counter is used up")?;
        let plain = util::unpack(&frame)?;
        let node = unmarshal_ref(&plain)?.to_owned();
        server.stats.stanza();
        server.sockets.wrote(link.id, server.now(), link.newer.get().copied(), || brief(&node));
        tracing::trace!(link = link.id, stanza = %brief(&node), "received a stanza");
        if let Err(error) = dispatch::stanza(server, link, &node).await {
            tracing::warn!(link = link.id, stanza = %brief(&node), "could not handle a stanza: {error:#}");
        }
    }
    Ok(())
}

async fn write(
    server: Arc<Server>,
    link: Arc<Link>,
    mut queue: mpsc::UnboundedReceiver<Outgoing>,
    mut writer: FrameWriter,
    cipher: NoiseCipher,
) {
    let work = async {
        let mut counter = 0_u32;
        while let Some(Outgoing::Stanza(node)) = queue.recv().await {
            link.queued.fetch_sub(1, Ordering::Relaxed);
            if let Some(delay) = server.faults.delay(link.number()) {
                tokio::time::sleep(delay).await;
            }
            let mut buffer = marshal(&node)?;
            cipher.encrypt_in_place_with_counter(counter, &mut buffer)?;
            counter = counter.checked_add(1).context("the Noise counter is used up")?;
            writer.send(&buffer, queue.is_empty()).await?;
        }
        writer.close().await
    };
    let outcome = tokio::select! {
        () = link.closed.cancelled() => Ok(()),
        outcome = work => outcome,
    };
    if let Err(error) = outcome {
        tracing::debug!(link = link.id, "writing to the socket ended: {error:#}");
    }
    link.abort();
}
