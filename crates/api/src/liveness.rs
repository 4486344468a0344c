//! The process asks itself whether it is alive, and tells systemd.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use blazz_telemetry::{Shutdown, systemd};

/// How long it may take to accept a connection from itself, and to answer. systemd's limit may be shorter.
const CONNECT: Duration = Duration::from_secs(2);
const ANSWER: Duration = Duration::from_secs(10);

/// Tells systemd that the process serves at `address`, and that it is alive as long as it answers there.
///
/// A database or Redis that is away does not count: another process would miss them too.
pub(crate) fn report(address: SocketAddr, shutdown: &Shutdown) -> anyhow::Result<()> {
    let http = blazz_wire::http_client(CONNECT, ANSWER)?;
    let url = format!("http://{}/healthz", reachable(address));
    let is_alive = move |_| {
        // A connection of its own each time: the whole way is tried.
        let asked = http.get(&url).header("connection", "close").send();
        async move { asked.await.is_ok_and(|answer| answer.status().is_success()) }
    };
    systemd::attend(shutdown, std::future::ready(()), is_alive);
    Ok(())
}

/// Where the process reaches itself when it listens on every address.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_is_reached_on_loopback() {
        for (listens, reached) in [
            ("0.0.0.0:7000", "127.0.0.1:7000"),
            ("[::]:7000", "[::1]:7000"),
            ("10.0.0.1:7000", "10.0.0.1:7000"),
        ] {
            assert_eq!(reachable(listens.parse().unwrap()), reached.parse().unwrap());
        }
    }
}
