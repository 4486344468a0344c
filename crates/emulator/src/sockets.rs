//! What each socket of a linked companion wrote, and what came on one after a newer socket of the same companion had logged in.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use blazz_domain::Timestamp;
use serde::{Deserialize, Serialize};

/// Sockets that are remembered; the oldest go first.
const MOST_SOCKETS: usize = 20_000;
/// Late stanzas that are remembered; the oldest go first.
const MOST_LATE: usize = 10_000;

/// The log, as `GET /sockets` shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SocketLog {
    /// Every socket of a companion, in the order in which they were accepted.
    pub sockets: Vec<SocketInfo>,
    /// What was written on a socket whose companion had a newer one.
    pub late: Vec<LateStanza>,
}

/// One socket of a linked companion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SocketInfo {
    /// Its number; it grows from socket to socket.
    pub socket: u64,
    /// The number of the account, digits only.
    pub phone: String,
    /// The companion.
    pub device: u16,
    /// When it logged in.
    pub logged_in_at: Timestamp,
    /// When it ended, if it has.
    pub closed_at: Option<Timestamp>,
    /// How many stanzas came on it.
    pub stanzas: u64,
    /// When the last of them came.
    pub last_at: Option<Timestamp>,
}

/// A stanza that came on a socket after a newer one of the same companion had logged in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LateStanza {
    /// The number of the account, digits only.
    pub phone: String,
    /// The companion.
    pub device: u16,
    /// The older socket, on which it came.
    pub socket: u64,
    /// The socket that had logged in meanwhile.
    pub newer: u64,
    /// When that one had logged in.
    pub newer_at: Timestamp,
    /// When the stanza came.
    pub at: Timestamp,
    /// What it is: its name, and what tells it from others of the name.
    pub stanza: String,
}

/// The log itself.
#[derive(Default)]
pub(crate) struct Sockets(Mutex<Log>);

#[derive(Default)]
struct Log {
    sockets: BTreeMap<u64, SocketInfo>,
    late: VecDeque<LateStanza>,
}

impl Sockets {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A companion has logged in on a socket.
    pub(crate) fn logged_in(&self, socket: u64, phone: &str, device: u16, at: Timestamp) {
        let mut log = self.log();
        if log.sockets.len() >= MOST_SOCKETS {
            log.sockets.pop_first();
        }
        let info = SocketInfo {
            socket,
            phone: phone.to_owned(),
            device,
            logged_in_at: at,
            closed_at: None,
            stanzas: 0,
            last_at: None,
        };
        log.sockets.insert(socket, info);
    }

    /// A stanza came; `newer` is the socket that has logged in since, with the moment when it did.
    pub(crate) fn wrote(
        &self,
        socket: u64,
        at: Timestamp,
        newer: Option<(u64, Timestamp)>,
        stanza: impl FnOnce() -> String,
    ) {
        let mut log = self.log();
        let Some(info) = log.sockets.get_mut(&socket) else { return };
        info.stanzas += 1;
        info.last_at = Some(at);
        let Some((newer, newer_at)) = newer else { return };
        let (phone, device) = (info.phone.clone(), info.device);
        if log.late.len() >= MOST_LATE {
            log.late.pop_front();
        }
        log.late.push_back(LateStanza { phone, device, socket, newer, newer_at, at, stanza: stanza() });
    }

    /// A socket has ended.
    pub(crate) fn closed(&self, socket: u64, at: Timestamp) {
        if let Some(info) = self.log().sockets.get_mut(&socket) {
            info.closed_at = Some(at);
        }
    }

    /// Everything that is remembered.
    pub(crate) fn snapshot(&self) -> SocketLog {
        let log = self.log();
        SocketLog {
            sockets: log.sockets.values().cloned().collect(),
            late: log.late.iter().cloned().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_unix_seconds(second).unwrap()
    }

    #[test]
    fn what_comes_on_an_older_socket_is_late() {
        let sockets = Sockets::default();
        sockets.logged_in(1, "15550000001", 1, at(1));
        sockets.wrote(1, at(2), None, || "message".to_owned());
        sockets.logged_in(2, "15550000001", 1, at(3));
        sockets.wrote(1, at(4), Some((2, at(3))), || "ack".to_owned());
        sockets.closed(1, at(5));
        let SocketLog { sockets, late } = sockets.snapshot();
        assert_eq!(
            (sockets[0].stanzas, sockets[0].last_at, sockets[0].closed_at),
            (2, Some(at(4)), Some(at(5)))
        );
        assert_eq!((sockets[1].stanzas, sockets[1].closed_at), (0, None));
        assert_eq!(late.len(), 1);
        assert_eq!((late[0].socket, late[0].newer, late[0].stanza.as_str()), (1, 2, "ack"));
    }

    #[test]
    fn the_log_has_an_end() {
        let sockets = Sockets::default();
        for socket in 0..u64::try_from(MOST_SOCKETS).unwrap() + 5 {
            sockets.logged_in(socket, "15550000001", 1, at(1));
        }
        for _ in 0..MOST_LATE + 5 {
            sockets.wrote(10, at(2), Some((11, at(1))), String::new);
        }
        let log = sockets.snapshot();
        assert_eq!((log.sockets.len(), log.late.len()), (MOST_SOCKETS, MOST_LATE));
        assert_eq!(log.sockets[0].socket, 5);
    }
}
