//! Where a request comes from: the address at the other end of the connection, or, behind proxies that the operator trusts, the one that they
//! name in `X-Forwarded-For`. Anybody can send that header, so it counts from nobody else.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use actix_web::dev::ServiceRequest;
use ipnet::IpNet;

const FORWARDED_FOR: &str = "x-forwarded-for";
/// No road is longer.
const MAX_HOPS: usize = 20;

/// The caller's address; none when the connection has none.
pub(crate) fn of(request: &ServiceRequest, proxies: &[IpNet]) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip();
    if proxies.is_empty() {
        return Some(peer.to_canonical());
    }
    let values = request.headers().get_all(FORWARDED_FOR).filter_map(|value| value.to_str().ok());
    let hops: Vec<_> = values.flat_map(|value| value.split(',')).collect();
    Some(walk(peer, &hops, proxies))
}

/// Walks back from the peer for as long as a trusted proxy says who came before it.
fn walk(peer: IpAddr, hops: &[&str], proxies: &[IpNet]) -> IpAddr {
    let mut address = peer.to_canonical();
    for hop in hops.iter().rev().take(MAX_HOPS) {
        let is_trusted = proxies.iter().any(|proxies| proxies.contains(&address));
        match parse(hop).filter(|_| is_trusted) {
            Some(before) => address = before.to_canonical(),
            None => break,
        }
    }
    address
}

/// Some proxies add a port.
fn parse(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    hop.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

/// Addresses that one caller can choose among: of IPv6, everybody has a whole /64.
pub(crate) fn group(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walked(peer: &str, forwarded: &str, proxies: &[&str]) -> String {
        let hops: Vec<_> = forwarded.split(',').collect();
        let proxies: Vec<IpNet> = proxies.iter().map(|net| net.parse().unwrap()).collect();
        walk(peer.parse().unwrap(), &hops, &proxies).to_string()
    }

    #[test]
    fn only_trusted_proxies_say_who_came_before_them() {
        let trusted = &["10.0.0.0/8", "fd00::/8"][..];
        for (peer, forwarded, proxies, expected) in [
            ("192.0.2.1", "198.51.100.1", &[][..], "192.0.2.1"),
            ("192.0.2.1", "198.51.100.1", trusted, "192.0.2.1"),
            ("10.0.0.1", "198.51.100.1", trusted, "198.51.100.1"),
            ("10.0.0.1", "203.0.113.9, 198.51.100.1", trusted, "198.51.100.1"),
            ("10.0.0.1", "203.0.113.9, 198.51.100.1, 10.9.9.9", trusted, "198.51.100.1"),
            ("10.0.0.1", "10.1.1.1, 10.2.2.2", trusted, "10.1.1.1"),
            ("10.0.0.1", "198.51.100.1, nonsense", trusted, "10.0.0.1"),
            ("10.0.0.1", "", trusted, "10.0.0.1"),
            ("::ffff:10.0.0.1", "198.51.100.1:4711", trusted, "198.51.100.1"),
            ("fd00::1", "[2001:db8::7]:80", trusted, "2001:db8::7"),
        ] {
            assert_eq!(walked(peer, forwarded, proxies), expected, "{peer} {forwarded}");
        }
    }

    #[test]
    fn a_whole_network_is_one_caller() {
        let grouped = |text: &str| group(text.parse().unwrap()).to_string();
        assert_eq!(grouped("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(grouped("192.0.2.7"), "192.0.2.7");
    }
}
