//! Faults that the script turns on: for one phone or for all, for a number of times or until they are cleared.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The longest delay of one stanza, in milliseconds.
pub(crate) const LONGEST_DELAY: u64 = 60_000;
/// Faults that can be on at the same time.
const MOST_FAULTS: usize = 1000;

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fault {
    /// Cuts the live sockets now; with a count of n also the next n − 1 logins, right after their success.
    DropSockets,
    /// Holds every stanza to the device back for so long; their order stays.
    Delay {
        /// Milliseconds.
        ms: u64,
    },
    /// Answers logins with `<failure reason="…"/>`.
    RefuseLogins {
        /// The reason code, such as 401 (logged out) or 503 (unavailable).
        reason: u16,
    },
    /// Answers requests for pairing codes with an error.
    RefuseLinkCodes {
        /// Its code, such as 429 (too often) or 452 (not available).
        code: u16,
    },
    /// Offers companions so many codes to show instead of six: none ends the round at once.
    FewerCodes {
        /// How many.
        codes: u8,
    },
    /// Wants a passkey before a companion is linked that was scanned, as for accounts that have one.
    WantPasskey,
    /// Answers those who fetch files with an error.
    RefuseDownloads {
        /// The HTTP status, such as 404 or 410 (expired) or 503.
        status: u16,
    },
    /// Answers those who put files here with an error.
    RefuseUploads {
        /// The HTTP status, such as 401 or 503.
        status: u16,
    },
    /// Keeps those who fetch files waiting for so long.
    DelayDownloads {
        /// Milliseconds.
        ms: u64,
    },
    /// Takes messages and never says so.
    SwallowAcks,
    /// Sends the last stanzas of a device again now, acknowledged or not.
    Redeliver {
        /// How many.
        last: usize,
    },
    /// The phone loses its Signal sessions now, as after a reinstall: it asks for what it cannot decrypt.
    ForgetSessions,
    /// Whether a second socket of a device takes the first one's place. `false` lets both live and records the overlap.
    Replace {
        /// `true` is how WhatsApp behaves.
        replace: bool,
    },
}

/// A fault, for whom and how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultRequest {
    /// What goes wrong.
    #[serde(flatten)]
    pub fault: Fault,
    /// The phone's number; all phones without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// How often; until it is cleared without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
}

impl FaultRequest {
    /// The fault, for everybody and until it is cleared.
    #[must_use]
    pub fn new(fault: Fault) -> Self {
        Self { fault, phone: None, count: None }
    }

    /// Only for this phone.
    #[must_use]
    pub fn for_phone(mut self, phone: &str) -> Self {
        self.phone = Some(phone.to_owned());
        self
    }

    /// Only so often.
    #[must_use]
    pub fn times(mut self, count: u32) -> Self {
        self.count = Some(count);
        self
    }

    fn concerns(&self, number: Option<&str>) -> bool {
        self.phone.is_none() || self.phone.as_deref() == number
    }
}

/// What a login that just succeeded meets.
pub(crate) enum LoginFault {
    /// Its socket is cut.
    Drop,
}

/// The faults that are on.
#[derive(Default)]
pub(crate) struct Faults {
    standing: Mutex<Vec<FaultRequest>>,
}

impl Faults {
    fn standing(&self) -> MutexGuard<'_, Vec<FaultRequest>> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Turns a fault on; `false` when too many are.
    pub(crate) fn add(&self, request: FaultRequest) -> bool {
        let mut standing = self.standing();
        if standing.len() >= MOST_FAULTS {
            return false;
        }
        if !matches!(request.count, Some(0)) {
            standing.push(request);
        }
        true
    }

    pub(crate) fn list(&self) -> Vec<FaultRequest> {
        self.standing().clone()
    }

    pub(crate) fn clear(&self) {
        self.standing().clear();
    }

    /// Behave again as WhatsApp does when a second socket comes.
    pub(crate) fn replace_again(&self, phone: Option<&str>) {
        self.standing().retain(|request| {
            let is_replace = matches!(request.fault, Fault::Replace { .. });
            !(is_replace && (phone.is_none() || request.phone.as_deref() == phone))
        });
    }

    /// The first fault that `pick` takes, counted down.
    fn spend<T>(&self, number: Option<&str>, pick: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        let mut standing = self.standing();
        let place =
            standing.iter().position(|request| request.concerns(number) && pick(&request.fault).is_some())?;
        let request = standing.get_mut(place)?;
        let picked = pick(&request.fault);
        if let Some(count) = &mut request.count {
            *count = count.saturating_sub(1);
            if *count == 0 {
                standing.remove(place);
            }
        }
        picked
    }

    /// The error that the next request for a pairing code meets.
    pub(crate) fn refused_link_code(&self, number: Option<&str>) -> Option<(u16, &'static str)> {
        let code = self.spend(number, |fault| match fault {
            Fault::RefuseLinkCodes { code } => Some(*code),
            _ => None,
        })?;
        let text = match code {
            400 => "bad-request",
            403 => "forbidden",
            429 => "rate-overlimit",
            452 => "feature-not-available",
            _ => "internal-server-error",
        };
        Some((code, text))
    }

    /// The status that the next who fetches a file gets.
    pub(crate) fn refused_download(&self) -> Option<u16> {
        self.spend(None, |fault| match fault {
            Fault::RefuseDownloads { status } => Some(*status),
            _ => None,
        })
    }

    /// The status that the next who puts a file here gets.
    pub(crate) fn refused_upload(&self) -> Option<u16> {
        self.spend(None, |fault| match fault {
            Fault::RefuseUploads { status } => Some(*status),
            _ => None,
        })
    }

    /// How long the next who fetches a file waits.
    pub(crate) fn download_delay(&self) -> Option<Duration> {
        self.spend(None, |fault| match fault {
            Fault::DelayDownloads { ms } => Some(Duration::from_millis((*ms).min(LONGEST_DELAY))),
            _ => None,
        })
    }

    /// How long the next stanza waits.
    pub(crate) fn delay(&self, number: Option<&str>) -> Option<Duration> {
        self.spend(number, |fault| match fault {
            Fault::Delay { ms } => Some(Duration::from_millis((*ms).min(LONGEST_DELAY))),
            _ => None,
        })
    }

    /// The reason to refuse a login with.
    pub(crate) fn refuse_login(&self, number: &str) -> Option<u16> {
        self.spend(Some(number), |fault| match fault {
            Fault::RefuseLogins { reason } => Some(*reason),
            _ => None,
        })
    }

    /// Does WhatsApp want a passkey before it links a companion?
    pub(crate) fn wants_passkey(&self, number: &str) -> bool {
        self.spend(Some(number), |fault| matches!(fault, Fault::WantPasskey).then_some(())).is_some()
    }

    /// How many codes the next companion is offered, if not as many as ever.
    pub(crate) fn codes(&self) -> Option<usize> {
        self.spend(None, |fault| match fault {
            Fault::FewerCodes { codes } => Some(usize::from(*codes)),
            _ => None,
        })
    }

    /// Does the server keep silent about this message?
    pub(crate) fn swallow_ack(&self, number: &str) -> bool {
        self.spend(Some(number), |fault| matches!(fault, Fault::SwallowAcks).then_some(())).is_some()
    }

    /// Does a second socket take the first one's place?
    pub(crate) fn replaces(&self, number: &str) -> bool {
        self.spend(Some(number), |fault| matches!(fault, Fault::Replace { replace: false }).then_some(()))
            .is_none()
    }

    /// What a login meets right after its success.
    pub(crate) fn after_login(&self, number: &str) -> Option<LoginFault> {
        self.spend(Some(number), |fault| matches!(fault, Fault::DropSockets).then_some(LoginFault::Drop))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_ends_a_fault_and_a_phone_limits_it() {
        let faults = Faults::default();
        faults.add(FaultRequest::new(Fault::SwallowAcks).for_phone("1").times(2));
        assert!(!faults.swallow_ack("2"));
        assert!(faults.swallow_ack("1") && faults.swallow_ack("1"));
        assert!(!faults.swallow_ack("1"));
        assert!(faults.list().is_empty());
    }

    #[test]
    fn a_fault_without_a_count_stays_until_it_is_cleared() {
        let faults = Faults::default();
        faults.add(FaultRequest::new(Fault::RefuseLogins { reason: 503 }));
        assert_eq!((faults.refuse_login("1"), faults.refuse_login("2")), (Some(503), Some(503)));
        faults.clear();
        assert_eq!(faults.refuse_login("1"), None);
    }

    #[test]
    fn the_json_is_flat() {
        let request: FaultRequest =
            serde_json::from_str(r#"{"kind":"delay","ms":20,"phone":"15550000001","count":3}"#).unwrap();
        assert_eq!(request, FaultRequest::new(Fault::Delay { ms: 20 }).for_phone("15550000001").times(3));
        assert!(serde_json::from_str::<FaultRequest>(r#"{"kind":"delay"}"#).is_err());
    }
}
