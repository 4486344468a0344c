//! A TCP connection to a host behind a proxy.

use std::net::SocketAddr;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use blazz_domain::{Proxy, ProxyKind};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_socks::Error as SocksError;
use tokio_socks::tcp::Socks5Stream;

use super::{Blocked, ProxyPolicy};

/// How long the proxy's name may take to resolve, and one of its addresses to accept.
const CONNECT: Duration = Duration::from_secs(10);
/// How long the proxy may take to reach the host.
const HANDSHAKE: Duration = Duration::from_secs(20);
/// Addresses of one name that are tried.
const MOST_ADDRESSES: usize = 4;
/// The longest head of an answer to CONNECT.
const LONGEST_HEAD: usize = 16 * 1024;

/// A connection to `host` through `proxy`: what is sent goes there, and comes from there.
pub(super) async fn through(
    proxy: &Proxy,
    policy: ProxyPolicy,
    host: &str,
    port: u16,
) -> Result<TcpStream, Blocked> {
    let mut failure = Blocked::Unreachable;
    for address in addresses(proxy, policy).await? {
        let attempt = async {
            let stream = TcpStream::connect(address).await.map_err(|_| Blocked::Unreachable)?;
            stream.set_nodelay(true).map_err(|_| Blocked::Unreachable)?;
            Ok(stream)
        };
        match tokio::time::timeout(CONNECT, attempt).await.unwrap_or(Err(Blocked::Unreachable)) {
            Ok(stream) => return shake_hands(proxy, stream, host, port).await,
            Err(blocked) => failure = blocked,
        }
    }
    Err(failure)
}

/// The addresses of the proxy that are allowed. The connection goes to one of these, not to what the name says a moment later.
pub(super) async fn addresses(proxy: &Proxy, policy: ProxyPolicy) -> Result<Vec<SocketAddr>, Blocked> {
    let looking = tokio::net::lookup_host((proxy.host(), proxy.port()));
    let found = match tokio::time::timeout(CONNECT, looking).await {
        Ok(Ok(found)) => found.collect::<Vec<_>>(),
        _ => return Err(Blocked::Unreachable),
    };
    let is_known = !found.is_empty();
    let allowed: Vec<_> =
        found.into_iter().filter(|address| policy.allows(address.ip())).take(MOST_ADDRESSES).collect();
    match (allowed.is_empty(), is_known) {
        (false, _) => Ok(allowed),
        (true, true) => Err(Blocked::Forbidden),
        (true, false) => Err(Blocked::Unreachable),
    }
}

async fn shake_hands(proxy: &Proxy, stream: TcpStream, host: &str, port: u16) -> Result<TcpStream, Blocked> {
    let shaking = async {
        match proxy.kind() {
            ProxyKind::Http => connect(proxy, stream, host, port).await,
            ProxyKind::Socks5 => socks(proxy, stream, host, port).await,
        }
    };
    tokio::time::timeout(HANDSHAKE, shaking).await.unwrap_or(Err(Blocked::Unreachable))
}

async fn socks(proxy: &Proxy, stream: TcpStream, host: &str, port: u16) -> Result<TcpStream, Blocked> {
    let target = (host, port);
    let connected = match proxy.credentials() {
        // RFC 1929 has no room for an empty password, and the crate none for one of no length.
        Some((user, password)) if !password.is_empty() => {
            Socks5Stream::connect_with_password_and_socket(stream, target, user, password).await
        }
        _ => Socks5Stream::connect_with_socket(stream, target).await,
    };
    match connected {
        Ok(tunnel) => Ok(tunnel.into_inner()),
        Err(SocksError::Io(_) | SocksError::ProxyServerUnreachable | SocksError::InvalidResponseVersion) => {
            Err(Blocked::Unreachable)
        }
        Err(_) => Err(Blocked::Refused),
    }
}

/// HTTP's CONNECT (RFC 9110, section 9.3.6).
async fn connect(proxy: &Proxy, mut stream: TcpStream, host: &str, port: u16) -> Result<TcpStream, Blocked> {
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let mut request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n");
    if let Some((user, password)) = proxy.credentials() {
        let basic = BASE64_STANDARD.encode(format!("{user}:{password}"));
        request.push_str(&format!("Proxy-Authorization: Basic {basic}\r\n"));
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await.map_err(|_| Blocked::Unreachable)?;
    let head = head(&mut stream).await.ok_or(Blocked::Unreachable)?;
    let mut words = head.split_ascii_whitespace();
    match (words.next(), words.next()) {
        (Some(http), Some(status)) if http.starts_with("HTTP/1.") => {
            // Any 2xx is a tunnel.
            if status.len() == 3 && status.starts_with('2') { Ok(stream) } else { Err(Blocked::Refused) }
        }
        _ => Err(Blocked::Unreachable),
    }
}

/// The answer's head. Byte by byte: what follows it belongs to the tunnel.
async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == LONGEST_HEAD {
            return None;
        }
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}
