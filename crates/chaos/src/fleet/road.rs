//! A TCP road between two parts of a fleet, with several ends, that can be cut.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How a road is interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Connections are closed, and new ones as soon as they come.
    Closed,
    /// Nothing passes and nobody is told; what is under way goes on when the road opens again.
    Silent,
}

/// Leads every new connection to the next of its ends that takes it; as a load balancer does. Closed when dropped.
pub struct Road {
    address: SocketAddr,
    cut: watch::Sender<Option<Cut>>,
    task: JoinHandle<()>,
}

impl Road {
    /// Opens one to these ends, in turns.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn to(ends: &[SocketAddr]) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (cut, state) = watch::channel(None);
        let task = tokio::spawn(serve(listener, ends.into(), state));
        Ok(Self { address, cut, task })
    }

    /// Where it begins.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Interrupts it.
    pub fn cut(&self, how: Cut) {
        self.cut.send_replace(Some(how));
    }

    /// Opens it again.
    pub fn open(&self) {
        self.cut.send_replace(None);
    }
}

impl Drop for Road {
    fn drop(&mut self) {
        // Connections end too: they see that the sender is gone.
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, ends: Arc<[SocketAddr]>, state: watch::Receiver<Option<Cut>>) {
    let turn = Arc::new(AtomicUsize::new(0));
    while let Ok((stream, _)) = listener.accept().await {
        let (ends, turn, state) = (Arc::clone(&ends), Arc::clone(&turn), state.clone());
        tokio::spawn(async move {
            let Some(()) = until_open(&mut state.clone()).await else { return };
            let first = turn.fetch_add(1, Ordering::Relaxed);
            for offset in 0..ends.len() {
                let end = ends.get((first + offset) % ends.len()).copied().unwrap_or_else(any);
                if let Ok(other) = TcpStream::connect(end).await {
                    return join(stream, other, state).await;
                }
            }
        });
    }
}

fn any() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

/// Waits while the road is silent; `None` when it is closed or gone.
async fn until_open(state: &mut watch::Receiver<Option<Cut>>) -> Option<()> {
    let now = *state.wait_for(|cut| *cut != Some(Cut::Silent)).await.ok()?;
    now.is_none().then_some(())
}

async fn join(one: TcpStream, other: TcpStream, state: watch::Receiver<Option<Cut>>) {
    let _ = (one.set_nodelay(true), other.set_nodelay(true));
    let (one_read, one_write) = one.into_split();
    let (other_read, other_write) = other.into_split();
    tokio::select! {
        () = closed(state.clone()) => {}
        _ = async {
            tokio::join!(pass(one_read, other_write, state.clone()), pass(other_read, one_write, state.clone()))
        } => {}
    }
}

async fn closed(mut state: watch::Receiver<Option<Cut>>) {
    let _gone = state.wait_for(|cut| *cut == Some(Cut::Closed)).await;
}

/// Passes bytes on until either end has had enough; its own end is told that no more will come.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut state: watch::Receiver<Option<Cut>>) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read) = from.read(&mut buffer).await {
        if until_open(&mut state).await.is_none() {
            return;
        }
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        if to.write_all(bytes).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Repeats whatever it hears.
    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    tokio::io::copy(&mut read, &mut write).await
                });
            }
        });
        address
    }

    async fn is_echoed(stream: &mut TcpStream) -> bool {
        let mut heard = [0; 1];
        stream.write_all(b"x").await.is_ok()
            && tokio::time::timeout(Duration::from_millis(300), stream.read_exact(&mut heard))
                .await
                .is_ok_and(|read| read.is_ok())
    }

    #[tokio::test]
    async fn a_road_finds_the_end_that_is_there_and_can_be_cut_in_two_ways() {
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let road = Road::to(&[gone, echo().await]).await.unwrap();
        let mut one = TcpStream::connect(road.address()).await.unwrap();
        assert!(is_echoed(&mut one).await);

        road.cut(Cut::Silent);
        assert!(!is_echoed(&mut one).await);
        road.open();
        let mut late = [0; 1];
        one.read_exact(&mut late).await.unwrap();
        assert!(is_echoed(&mut one).await, "what was under way goes on");

        road.cut(Cut::Closed);
        assert_eq!(one.read(&mut late).await.unwrap_or(0), 0);
        let mut other = TcpStream::connect(road.address()).await.unwrap();
        assert!(!is_echoed(&mut other).await);
        road.open();
        assert!(is_echoed(&mut TcpStream::connect(road.address()).await.unwrap()).await);
    }
}
