//! Small proxies of a test's own that count what comes through them: HTTP's CONNECT (and plain forwarding), and SOCKS5.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// User name, password, and the two as HTTP writes them.
const USER: &str = "anna";
const PASSWORD: &str = "p@ss:word";
const BASIC: &str = "Basic YW5uYTpwQHNzOndvcmQ=";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Http,
    Socks5,
}

/// A proxy that wants credentials. Its tunnels end with it.
pub(crate) struct TestProxy {
    kind: Kind,
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    tunnels: Arc<AtomicUsize>,
    stop: CancellationToken,
}

impl TestProxy {
    pub(crate) async fn start(kind: Kind) -> Self {
        Self::start_at(kind, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
    }

    pub(crate) async fn start_at(kind: Kind, address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let proxy = Self {
            kind,
            address,
            connections: Arc::default(),
            tunnels: Arc::default(),
            stop: CancellationToken::new(),
        };
        let (connections, tunnels) = (Arc::clone(&proxy.connections), Arc::clone(&proxy.tunnels));
        let stop = proxy.stop.clone();
        tokio::spawn(proxy.stop.clone().run_until_cancelled_owned(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let serving = serve(kind, stream, Arc::clone(&tunnels));
                tokio::spawn(stop.clone().run_until_cancelled_owned(serving));
            }
        }));
        proxy
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What an account is given.
    pub(crate) fn url(&self) -> String {
        url(self.kind, "p%40ss%3Aword", self.address)
    }

    /// The same with a password that is wrong.
    pub(crate) fn bad_url(&self) -> String {
        url(self.kind, "wrong", self.address)
    }

    /// Who has connected to it, let through or not.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Who was let through.
    pub(crate) fn tunnels(&self) -> usize {
        self.tunnels.load(Ordering::SeqCst)
    }

    /// Nobody listens any more, and every tunnel is cut.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }
}

impl Drop for TestProxy {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn url(kind: Kind, password: &str, address: SocketAddr) -> String {
    let scheme = match kind {
        Kind::Http => "http",
        Kind::Socks5 => "socks5",
    };
    format!("{scheme}://{USER}:{password}@{address}")
}

async fn serve(kind: Kind, mut stream: TcpStream, tunnels: Arc<AtomicUsize>) {
    let opened = match kind {
        Kind::Http => http(&mut stream).await,
        Kind::Socks5 => socks(&mut stream).await,
    };
    if let Some(mut target) = opened {
        tunnels.fetch_add(1, Ordering::SeqCst);
        let _ = tokio::io::copy_bidirectional(&mut stream, &mut target).await;
    }
}

async fn http(stream: &mut TcpStream) -> Option<TcpStream> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let text = String::from_utf8(head.clone()).ok()?;
    let mut words = text.split_ascii_whitespace();
    let (method, target) = (words.next()?, words.next()?);
    let is_allowed = text.lines().any(|line| {
        let (name, value) = line.split_once(':').unwrap_or_default();
        name.eq_ignore_ascii_case("proxy-authorization") && value.trim() == BASIC
    });
    if !is_allowed {
        let refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(refusal).await.ok()?;
        return None;
    }
    if method == "CONNECT" {
        let upstream = TcpStream::connect(target).await.ok()?;
        stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.ok()?;
        return Some(upstream);
    }
    let host = target.strip_prefix("http://")?.split('/').next()?;
    let mut upstream = TcpStream::connect(host).await.ok()?;
    upstream.write_all(&head).await.ok()?;
    Some(upstream)
}

/// RFC 1928, with RFC 1929's user name and password.
async fn socks(stream: &mut TcpStream) -> Option<TcpStream> {
    let mut start = [0; 2];
    stream.read_exact(&mut start).await.ok()?;
    let mut methods = vec![0; usize::from(start[1])];
    stream.read_exact(&mut methods).await.ok()?;
    if !methods.contains(&2) {
        stream.write_all(&[5, 0xff]).await.ok()?;
        return None;
    }
    stream.write_all(&[5, 2]).await.ok()?;
    stream.read_u8().await.ok()?;
    let user = text(stream).await?;
    let password = text(stream).await?;
    let is_allowed = user == USER && password == PASSWORD;
    stream.write_all(&[1, u8::from(!is_allowed)]).await.ok()?;
    if !is_allowed {
        return None;
    }
    let mut request = [0; 4];
    stream.read_exact(&mut request).await.ok()?;
    let host = match request[3] {
        1 => {
            let mut address = [0; 4];
            stream.read_exact(&mut address).await.ok()?;
            Ipv4Addr::from(address).to_string()
        }
        3 => text(stream).await?,
        _ => return None,
    };
    let port = stream.read_u16().await.ok()?;
    let upstream = TcpStream::connect((host.as_str(), port)).await.ok()?;
    stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await.ok()?;
    Some(upstream)
}

async fn text(stream: &mut TcpStream) -> Option<String> {
    let length = stream.read_u8().await.ok()?;
    let mut bytes = vec![0; usize::from(length)];
    stream.read_exact(&mut bytes).await.ok()?;
    String::from_utf8(bytes).ok()
}
