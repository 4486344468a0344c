//! Free ports below those that the kernel gives to outgoing connections: nobody takes one while its program is being started again.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::{Result, ensure};
use blazz_domain::random;

const FIRST: u16 = 11_000;
const COUNT: u16 = 10_000;

/// `count` loopback addresses, all free just now.
pub(super) fn free(count: usize) -> Result<Vec<SocketAddr>> {
    let begin = u16::from_le_bytes(random::bytes()) % COUNT;
    let mut held = Vec::new();
    for offset in 0..COUNT {
        if held.len() == count {
            break;
        }
        let port = FIRST + (begin + offset) % COUNT;
        held.extend(TcpListener::bind((Ipv4Addr::LOCALHOST, port)));
    }
    ensure!(held.len() == count, "too few free ports");
    held.iter().map(|listener| Ok(listener.local_addr()?)).collect()
}
