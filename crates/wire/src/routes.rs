//! The routes of the hop, as far as the signature's rules depend on them. Both clients and both servers read them from here.

use blazz_domain::AccountId;

/// Below this path lie the routes of both internal APIs.
pub const PREFIX: &str = "/internal/v1";
/// How the API calls itself in `blazz-from` and `blazz-to`; a node uses its id.
pub const API_NAME: &str = "api";

pub(crate) const REGISTER: &str = "/internal/v1/register";
pub(crate) const HEARTBEAT: &str = "/internal/v1/heartbeat";
pub(crate) const EVENTS: &str = "/internal/v1/events";
pub(crate) const NODE: &str = "/internal/v1/node";
pub(crate) const SESSIONS: &str = "/internal/v1/sessions";

/// The path of one session's route; `action` is empty or starts with a slash.
pub(crate) fn session(account_id: AccountId, action: &str) -> String {
    format!("{SESSIONS}/{account_id}{action}")
}

/// Whether a route speaks of one session, and of which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject<'a> {
    /// No session: a lease is welcome, never demanded.
    Node,
    /// A session that only the lease names.
    Leased,
    /// A session that the path names too: this must be the lease's account.
    Account(&'a str),
}

/// What a path speaks of.
pub(crate) fn subject(path: &str) -> Subject<'_> {
    if path == EVENTS {
        return Subject::Leased;
    }
    match path.strip_prefix(SESSIONS).and_then(|rest| rest.strip_prefix('/')) {
        Some(rest) => Subject::Account(rest.split('/').next().unwrap_or_default()),
        None => Subject::Node,
    }
}

/// Whether a call carries a number of its own that makes doing it twice the same as doing it once, so that its nonce need not be
/// remembered.
pub(crate) fn is_idempotent(path: &str) -> bool {
    path == HEARTBEAT || path == EVENTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_routes_name_their_account() {
        let id = AccountId::new();
        for action in ["", "/stop", "/messages"] {
            assert_eq!(subject(&session(id, action)), Subject::Account(&id.to_string()));
        }
        assert_eq!(subject("/internal/v1/sessions/"), Subject::Account(""));
        assert_eq!(subject(EVENTS), Subject::Leased);
        for other in [NODE, SESSIONS, REGISTER, HEARTBEAT, "/internal/v1/sessionsx"] {
            assert_eq!(subject(other), Subject::Node, "{other}");
        }
    }

    #[test]
    fn only_numbered_calls_may_repeat() {
        assert!(is_idempotent(HEARTBEAT) && is_idempotent(EVENTS));
        for other in [REGISTER, SESSIONS, "/internal/v1/sessions/x", "/internal/v1/events/x"] {
            assert!(!is_idempotent(other), "{other}");
        }
    }
}
