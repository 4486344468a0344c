//! What one connection tells its session: the engine's events, reduced to those that move it.

use std::time::Duration;

use blazz_domain::StateReason;
use whatsapp_rust::types::events::{ConnectFailureReason, Event, LoggedOut};
use whatsapp_rust::wacore_binary::Node;

/// Something that moves the session.
#[derive(Debug)]
pub(crate) enum Signal {
    /// A code to show, and how long it is good for.
    Qr { text: String, valid_for: Duration },
    /// The last code ran out.
    CodesExhausted,
    /// A phone has scanned the code and accepted.
    Paired,
    /// Messages flow.
    Connected,
    /// The connection is over, and this is why.
    Over(Over),
}

/// Why a connection is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    /// The link is gone for good.
    LoggedOut,
    /// Another connection with the same credentials took over.
    Replaced,
    /// The number is banned or locked.
    Banned,
    /// WhatsApp wants a newer version: there is a point in connecting again once there is one.
    Outdated,
    /// The login was refused, and will be again.
    Refused,
    /// The login was refused for now.
    RefusedForNow,
    /// The phone's acceptance could not be verified.
    PairingFailed,
    /// The link needs a passkey, which nobody here has.
    PasskeyWanted,
    /// What arrived could not be stored.
    StorageFailed,
    /// It broke.
    Lost,
    /// Nothing came for so long that it must be dead.
    Silent,
}

impl Over {
    /// Why there is no point in connecting again; `None` when there is. An outbox that is broken takes nothing on the next connection
    /// either: the session has to be opened anew.
    pub(crate) fn verdict(self, outbox_is_broken: bool) -> Option<StateReason> {
        match self {
            Self::StorageFailed if outbox_is_broken => Some(StateReason::StorageFailed),
            Self::Replaced => Some(StateReason::Replaced),
            Self::Banned => Some(StateReason::Banned),
            Self::Refused => Some(StateReason::LoginRefused),
            Self::PasskeyWanted => Some(StateReason::PasskeyRequired),
            _ => None,
        }
    }

    /// The reason to show while the session waits to connect again.
    pub(crate) fn reason(self) -> StateReason {
        match self {
            Self::RefusedForNow => StateReason::LoginRefused,
            Self::StorageFailed => StateReason::StorageFailed,
            Self::Outdated => StateReason::ClientOutdated,
            _ => StateReason::ConnectionLost,
        }
    }
}

impl Signal {
    /// What an event means to the session, if anything.
    pub(crate) fn of(event: &Event) -> Option<Self> {
        match event {
            Event::PairingQrCode(qr) => Some(Self::Qr { text: qr.code.clone(), valid_for: qr.timeout }),
            Event::PairingQrCodesExhausted(_) => Some(Self::CodesExhausted),
            Event::PairSuccess(_) => Some(Self::Paired),
            Event::PairPasskeyRequest(_) => Some(Self::Over(Over::PasskeyWanted)),
            Event::PairPasskeyError(_) | Event::PairError(_) => Some(Self::Over(Over::PairingFailed)),
            Event::Connected(_) => Some(Self::Connected),
            Event::LoggedOut(logged_out) => Some(Self::Over(logged_out_as(logged_out))),
            Event::StreamReplaced(_) => Some(Self::Over(Over::Replaced)),
            Event::TemporaryBan(_) => Some(Self::Over(Over::Banned)),
            Event::ClientOutdated(_) => Some(Self::Over(Over::Outdated)),
            Event::ConnectFailure(failure) => Some(Self::Over(refused_as(failure.reason))),
            _ => None,
        }
    }
}

/// The engine calls several things a logout. Credentials are only given up for those that say the link itself is gone.
fn logged_out_as(event: &LoggedOut) -> Over {
    match (event.reason, &event.raw) {
        (ConnectFailureReason::AccountLocked, _) => Over::Banned,
        (ConnectFailureReason::LoggedOut, Some(stanza)) if is_definite(stanza) => Over::LoggedOut,
        _ => Over::Refused,
    }
}

/// `<failure reason="401">`, `<stream:error code="401|516">` or `<conflict type="device_removed">`.
fn is_definite(stanza: &Node) -> bool {
    if stanza.tag == "failure" {
        return true;
    }
    let code = stanza.attrs().optional_string("code").map(|code| code.into_owned());
    match stanza.get_optional_child("conflict") {
        Some(conflict) => conflict.attrs().optional_string("type").as_deref() == Some("device_removed"),
        None => matches!(code.as_deref(), Some("401" | "516")),
    }
}

fn refused_as(reason: ConnectFailureReason) -> Over {
    match reason {
        ConnectFailureReason::TempBanned => Over::Banned,
        reason if reason.should_reconnect() => Over::RefusedForNow,
        _ => Over::Refused,
    }
}

#[cfg(test)]
mod tests {
    use whatsapp_rust::NodeBuilder;
    use whatsapp_rust::types::events::ConnectFailure;

    use super::*;

    fn logged_out(reason: ConnectFailureReason, raw: Option<Node>) -> Over {
        logged_out_as(&LoggedOut::builder().on_connect(false).reason(reason).maybe_raw(raw).build())
    }

    fn conflict(kind: &str) -> Node {
        NodeBuilder::new("stream:error")
            .attr("code", "401")
            .children([NodeBuilder::new("conflict").attr("type", kind).build()])
            .build()
    }

    #[test]
    fn only_a_definite_logout_costs_the_credentials() {
        let code = |code: &str| NodeBuilder::new("stream:error").attr("code", code).build();
        let failure = NodeBuilder::new("failure").attr("reason", "401").build();
        for definite in [conflict("device_removed"), code("401"), code("516"), failure] {
            assert_eq!(logged_out(ConnectFailureReason::LoggedOut, Some(definite)), Over::LoggedOut);
        }
        for other in [Some(conflict("something_new")), Some(code("500")), None] {
            assert_eq!(logged_out(ConnectFailureReason::LoggedOut, other), Over::Refused);
        }
        assert_eq!(logged_out(ConnectFailureReason::AccountLocked, None), Over::Banned);
        assert_eq!(logged_out(ConnectFailureReason::UnknownLogout, None), Over::Refused);
    }

    #[test]
    fn a_storage_that_failed_is_tried_again_unless_the_outbox_is_broken() {
        assert_eq!(Over::StorageFailed.verdict(false), None);
        assert_eq!(Over::StorageFailed.verdict(true), Some(StateReason::StorageFailed));
        assert_eq!(Over::Lost.verdict(true), None);
    }

    #[test]
    fn a_server_in_trouble_is_asked_again() {
        let refused = |reason| {
            let event = Event::ConnectFailure(ConnectFailure::builder().reason(reason).build());
            match Signal::of(&event) {
                Some(Signal::Over(over)) => over,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(refused(ConnectFailureReason::ServiceUnavailable), Over::RefusedForNow);
        assert_eq!(refused(ConnectFailureReason::InternalServerError), Over::RefusedForNow);
        assert_eq!(refused(ConnectFailureReason::Generic), Over::Refused);
        assert_eq!(refused(ConnectFailureReason::TempBanned), Over::Banned);
    }
}
