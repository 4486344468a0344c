//! Two owners of one session: what came on a socket of a linked device after a newer one of the same device had logged in.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Deserialize;

use crate::clients::Phones;

/// What the emulator tells of one late stanza (`docs/emulator.md`).
#[derive(Debug, Clone, Deserialize)]
struct Late {
    phone: String,
    device: u16,
    socket: u64,
    newer_at: String,
    at: String,
    stanza: String,
}

#[derive(Deserialize)]
struct Log {
    late: Vec<Late>,
}

/// A line for each older socket that was written to after its successor had logged in.
///
/// # Errors
/// When the emulator does not answer.
pub async fn overlaps(phones: &Phones) -> Result<Vec<String>> {
    let log: Log = phones.get("/sockets").await?;
    Ok(group(log.late))
}

fn group(late: Vec<Late>) -> Vec<String> {
    let mut by_socket = BTreeMap::<u64, Vec<Late>>::new();
    for stanza in late {
        by_socket.entry(stanza.socket).or_default().push(stanza);
    }
    let line = |stanzas: &Vec<Late>| {
        let (first, last) = (stanzas.first()?, stanzas.last()?);
        Some(format!(
            "overlap: {} device {}: socket {} wrote {} stanzas after its successor of {}, from {} ({}) to {} ({})",
            first.phone,
            first.device,
            first.socket,
            stanzas.len(),
            first.newer_at,
            first.at,
            first.stanza,
            last.at,
            last.stanza,
        ))
    };
    by_socket.values().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_older_socket_counts_once() {
        let late = |socket, at: &str| Late {
            phone: "1".to_owned(),
            device: 1,
            socket,
            newer_at: "t0".to_owned(),
            at: at.to_owned(),
            stanza: "ack".to_owned(),
        };
        let lines = group(vec![late(1, "t1"), late(2, "t2"), late(1, "t3")]);
        assert_eq!(lines.len(), 2);
        assert!(
            lines[0].contains("2 stanzas") && lines[0].contains("from t1 (ack) to t3 (ack)"),
            "{}",
            lines[0]
        );
    }
}
