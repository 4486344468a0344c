//! The routes of the hop, as far as the signature's rules depend on them. Both clients and both servers read them from here.

use blazz_domain::{AccountId, MediaId};

/// Below this path lie the routes of both internal APIs.
pub const PREFIX: &str = "/internal/v1";
/// How the API calls itself in `blazz-from` and `blazz-to`; a node uses its id.
pub const API_NAME: &str = "api";

pub(crate) const REGISTER: &str = "/internal/v1/register";
pub(crate) const HEARTBEAT: &str = "/internal/v1/heartbeat";
pub(crate) const EVENTS: &str = "/internal/v1/events";
pub(crate) const NODE: &str = "/internal/v1/node";
pub(crate) const MEDIA: &str = "/internal/v1/media";
pub(crate) const SESSIONS: &str = "/internal/v1/sessions";

/// The path of one session's route; `action` is empty or starts with a slash.
pub(crate) fn session(account_id: AccountId, action: &str) -> String {
    format!("{SESSIONS}/{account_id}{action}")
}

/// The path of one file.
pub(crate) fn media(id: MediaId) -> String {
    format!("{MEDIA}/{id}")
}

/// Whether the body of a request of this method and path is a file, which is checked while it is read and never lies in memory whole.
pub(crate) fn is_file(method: &str, path: &str) -> bool {
    method == "PUT" && is_below_media(path)
}

fn is_below_media(path: &str) -> bool {
    path.strip_prefix(MEDIA).is_some_and(|rest| rest.starts_with('/'))
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
    if path == EVENTS || path == MEDIA || is_below_media(path) {
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
        for leased in [EVENTS, MEDIA, &media(MediaId::new())] {
            assert_eq!(subject(leased), Subject::Leased, "{leased}");
        }
        for other in [NODE, SESSIONS, REGISTER, HEARTBEAT, "/internal/v1/sessionsx", "/internal/v1/mediax"] {
            assert_eq!(subject(other), Subject::Node, "{other}");
        }
    }

    #[test]
    fn a_file_is_what_is_put_below_media() {
        assert!(is_file("PUT", &media(MediaId::new())));
        for (method, path) in [
            ("PUT", MEDIA),
            ("POST", "/internal/v1/media/x"),
            ("PUT", EVENTS),
            ("PUT", "/internal/v1/mediax"),
        ] {
            assert!(!is_file(method, path), "{method} {path}");
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
