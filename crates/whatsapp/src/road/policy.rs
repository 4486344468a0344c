//! At which addresses a proxy may be. A proxy is a tenant's word: without a rule it would be a way into the operator's own network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::config::is_sandbox;

/// At which addresses proxies may be; asked for each address that a name resolves to, at the moment of connecting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProxyPolicy {
    /// Public ones alone.
    #[default]
    PublicOnly,
    /// Private ones too: the installation's own network, and this machine.
    AllowPrivate,
}

impl ProxyPolicy {
    /// Whether a proxy may be there. The sandbox build meets nothing but this machine.
    pub(crate) fn allows(self, address: IpAddr) -> bool {
        self.allows_in(address, is_sandbox())
    }

    fn allows_in(self, address: IpAddr, sandbox: bool) -> bool {
        let is_usable = !address.is_unspecified() && !address.is_multicast();
        match self {
            Self::AllowPrivate if sandbox => address.is_loopback(),
            Self::AllowPrivate => is_usable,
            Self::PublicOnly => !sandbox && is_public(address),
        }
    }
}

/// Source: the special-purpose address registries of IANA (RFC 6890 and its updates).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match (a, b, c) {
        (0 | 10 | 127 | 224.., _, _) => true,
        // Shared (RFC 6598), link-local, private, benchmarks (RFC 2544).
        (100, 64..=127, _) | (169, 254, _) | (172, 16..=31, _) | (192, 168, _) | (198, 18..=19, _) => true,
        // Protocol assignments, 6to4 relays, documentation.
        (192, 0, 0 | 2) | (192, 88, 99) | (198, 51, 100) | (203, 0, 113) => true,
        _ => false,
    };
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    let [a, b, ..] = address.segments();
    let is_global = a & 0xe000 == 0x2000;
    // Teredo and other protocol assignments, documentation twice, and 6to4, which leads to any IPv4 address.
    let special = (a == 0x2001 && (b < 0x0200 || b == 0x0db8)) || a == 0x2002 || (a == 0x3fff && b < 0x1000);
    is_global && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: [&str; 5] = ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8"];
    const SPECIAL: [&str; 27] = [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "127.9.9.9",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "fe80::1",
        "fc00::1",
        "ff02::1",
        "2001:db8::1",
        "2002:7f00:1::",
    ];

    #[test]
    fn only_public_addresses_are_allowed_unless_the_operator_says_otherwise() {
        for text in PUBLIC {
            assert!(ProxyPolicy::PublicOnly.allows_in(text.parse().unwrap(), false), "{text}");
        }
        for text in SPECIAL {
            assert!(!ProxyPolicy::PublicOnly.allows_in(text.parse().unwrap(), false), "{text}");
        }
        for text in ["10.0.0.1", "127.0.0.1", "::1", "1.1.1.1"] {
            assert!(ProxyPolicy::AllowPrivate.allows_in(text.parse().unwrap(), false), "{text}");
        }
        assert!(!ProxyPolicy::AllowPrivate.allows_in("0.0.0.0".parse().unwrap(), false));
    }

    #[test]
    fn the_sandbox_build_meets_nothing_but_loopback() {
        for text in PUBLIC.iter().chain(&SPECIAL) {
            let address: IpAddr = text.parse().unwrap();
            assert!(!ProxyPolicy::PublicOnly.allows_in(address, true), "{text}");
            assert_eq!(ProxyPolicy::AllowPrivate.allows_in(address, true), address.is_loopback(), "{text}");
        }
    }
}
