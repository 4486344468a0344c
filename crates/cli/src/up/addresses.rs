//! The loopback addresses of one `blazz up`.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::Context as _;

/// Who listens where.
#[derive(Debug)]
pub(crate) struct Addresses {
    /// The API.
    pub(crate) api: SocketAddr,
    /// Where the emulator speaks WhatsApp's protocol.
    pub(crate) emulator: SocketAddr,
    /// Where the emulator's phones are scripted.
    pub(crate) emulator_admin: SocketAddr,
    /// The nodes, in order.
    pub(crate) nodes: Vec<SocketAddr>,
}

impl Addresses {
    /// Takes the ports from `first` on, each of which must be free; any free ones when `first` is 0.
    pub(crate) fn settle(first: u16, nodes: u16) -> anyhow::Result<Self> {
        let mut ports = free_ports(first, 3 + nodes)?.into_iter();
        let mut next = || ports.next().context("too few ports");
        let (api, emulator, emulator_admin) = (next()?, next()?, next()?);
        Ok(Self { api, emulator, emulator_admin, nodes: ports.collect() })
    }
}

/// `count` loopback addresses from `first` on, all free just now; any free ones when `first` is 0.
fn free_ports(first: u16, count: u16) -> anyhow::Result<Vec<SocketAddr>> {
    let mut held = Vec::new();
    for offset in 0..count {
        let port =
            if first == 0 { 0 } else { first.checked_add(offset).context("the ports run past 65535")? };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .with_context(|| format!("port {port} is in use; choose others with --port"))?;
        held.push(listener);
    }
    held.iter().map(|listener| Ok(listener.local_addr()?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_ports_differ_and_a_taken_one_is_named() {
        let ports = free_ports(0, 5).unwrap();
        assert_eq!(ports.iter().collect::<std::collections::HashSet<_>>().len(), 5);
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        assert!(free_ports(port, 1).unwrap_err().to_string().contains(&port.to_string()));
    }
}
