//! Cursors of pages: opaque to callers, and each list takes only its own.

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use blazz_domain::{ConversationId, ErrorCode, Timestamp, page};
use uuid::Uuid;

use crate::error::ServiceError;

/// No cursor of ours is longer.
const MAX_CURSOR_BYTES: usize = 200;

/// Which part of a list is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageQuery {
    /// The `next` of the page before; `None` starts at the beginning.
    pub after: Option<String>,
    /// How many rows; [`page::DEFAULT_LIMIT`] when `None`, at most [`page::MAX_LIMIT`].
    pub limit: Option<u32>,
}

impl PageQuery {
    pub(crate) fn limit(&self) -> Result<u32, ServiceError> {
        limit(self.limit)
    }

    /// The id after which a list that is ordered by id goes on.
    pub(crate) fn after_id<T: From<IdCursor>>(&self) -> Result<Option<T>, ServiceError> {
        let parse = |text: &str| Ok(T::from(IdCursor(text.parse().map_err(|_| ())?)));
        self.after.as_deref().map(|cursor| decode("id", cursor, parse)).transpose()
    }

    /// The place after which a list that is ordered by time goes on.
    pub(crate) fn after_time(&self) -> Result<Option<TimeCursor>, ServiceError> {
        self.after.as_deref().map(|cursor| decode("time", cursor, |text| text.parse())).transpose()
    }

    pub(crate) fn after_recent(&self) -> Result<Option<RecentCursor>, ServiceError> {
        self.after.as_deref().map(|cursor| decode("recent", cursor, |text| text.parse())).transpose()
    }
}

/// A limit within bounds.
pub(crate) fn limit(asked: Option<u32>) -> Result<u32, ServiceError> {
    match asked.unwrap_or(page::DEFAULT_LIMIT) {
        limit @ 1..=page::MAX_LIMIT => Ok(limit),
        _ => Err(ServiceError::refused(
            ErrorCode::InvalidRequest,
            format!("limit must be between 1 and {}", page::MAX_LIMIT),
        )),
    }
}

/// Turns the rows fetched, one more than `limit` where there are more, into a page.
pub(crate) fn page_of<R, T>(
    mut rows: Vec<R>,
    limit: u32,
    cursor: impl Fn(&R) -> String,
    view: impl FnMut(R) -> T,
) -> page::Page<T> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(cursor);
    page::Page { data: rows.into_iter().map(view).collect(), next }
}

/// A place in a list ordered by id.
pub(crate) struct IdCursor(Uuid);

macro_rules! id_cursors {
    ($($id:ident),*) => {$(
        impl From<IdCursor> for blazz_domain::$id {
            fn from(cursor: IdCursor) -> Self {
                Self(cursor.0)
            }
        }
    )*};
}
id_cursors!(WorkspaceId, ApiKeyId, AccountId, MessageId);

/// The cursor of the row with this id.
pub(crate) fn id_cursor(id: Uuid) -> String {
    encode("id", &id.to_string())
}

/// A place in a list ordered by time, the latest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimeCursor {
    pub(crate) at: Timestamp,
    pub(crate) id: Uuid,
}

impl TimeCursor {
    pub(crate) fn encode(self) -> String {
        encode("time", &format!("{}/{}", self.at.unix_micros(), self.id))
    }
}

impl FromStr for TimeCursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (at, id) = text.split_once('/').ok_or(())?;
        let at = Timestamp::from_unix_micros(at.parse().map_err(|_| ())?).ok_or(())?;
        Ok(Self { at, id: id.parse().map_err(|_| ())? })
    }
}

/// A place in a list ordered by activity, the latest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecentCursor {
    pub(crate) active_at: Timestamp,
    pub(crate) id: ConversationId,
}

impl RecentCursor {
    pub(crate) fn encode(self) -> String {
        encode("recent", &format!("{}/{}", self.active_at.unix_micros(), self.id))
    }
}

impl FromStr for RecentCursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (at, id) = text.split_once('/').ok_or(())?;
        let active_at = Timestamp::from_unix_micros(at.parse().map_err(|_| ())?).ok_or(())?;
        Ok(Self { active_at, id: id.parse().map_err(|_| ())? })
    }
}

/// A place in a workspace's event log: which log, and the last event seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EventCursor {
    pub(crate) log_id: Uuid,
    pub(crate) sequence: i64,
}

impl EventCursor {
    pub(crate) fn encode(self) -> String {
        encode("event", &format!("{}:{}", self.log_id, self.sequence))
    }

    pub(crate) fn decode(cursor: &str) -> Result<Self, ServiceError> {
        decode("event", cursor, |text| text.parse())
    }
}

impl FromStr for EventCursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (log_id, sequence) = text.split_once(':').ok_or(())?;
        let sequence = sequence.parse().ok().filter(|n| *n >= 0).ok_or(())?;
        Ok(Self { log_id: log_id.parse().map_err(|_| ())?, sequence })
    }
}

fn encode(kind: &str, place: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{kind}|{place}"))
}

fn decode<T>(kind: &str, cursor: &str, parse: impl FnOnce(&str) -> Result<T, ()>) -> Result<T, ServiceError> {
    let place = || {
        let bytes = URL_SAFE_NO_PAD.decode(Some(cursor).filter(|c| c.len() <= MAX_CURSOR_BYTES)?).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let (found, place) = text.split_once('|')?;
        (found == kind).then(|| parse(place).ok()).flatten()
    };
    place().ok_or_else(|| {
        ServiceError::refused(ErrorCode::InvalidCursor, "`after` must be the `next` of an earlier page")
    })
}

#[cfg(test)]
mod tests {
    use blazz_domain::{Clock as _, MessageId, SystemClock};
    use proptest::prelude::*;

    use super::*;

    fn query(after: String) -> PageQuery {
        PageQuery { after: Some(after), limit: None }
    }

    #[test]
    fn cursors_survive_their_text_and_fit_only_their_own_list() {
        let id = MessageId::new();
        assert_eq!(query(id_cursor(id.0)).after_id::<MessageId>().unwrap(), Some(id));
        let recent = RecentCursor { active_at: SystemClock.now(), id: ConversationId::new() };
        assert_eq!(query(recent.encode()).after_recent().unwrap(), Some(recent));
        assert!(query(recent.encode()).after_id::<MessageId>().is_err());
        let time = TimeCursor { at: SystemClock.now(), id: id.0 };
        assert_eq!(query(time.encode()).after_time().unwrap(), Some(time));
        assert!(query(time.encode()).after_recent().is_err());
        let forged = encode("recent", &format!("{}/{}", i64::MAX, id.0));
        assert_eq!(query(forged).after_recent().unwrap_err().code(), ErrorCode::InvalidCursor);
        let event = EventCursor { log_id: Uuid::now_v7(), sequence: 7 };
        assert_eq!(EventCursor::decode(&event.encode()).unwrap(), event);
        assert!(EventCursor::decode(&id_cursor(id.0)).is_err());
    }

    #[test]
    fn limits_have_bounds() {
        assert_eq!(limit(None).unwrap(), page::DEFAULT_LIMIT);
        assert_eq!(limit(Some(page::MAX_LIMIT)).unwrap(), page::MAX_LIMIT);
        for bad in [0, page::MAX_LIMIT + 1] {
            assert_eq!(limit(Some(bad)).unwrap_err().code(), ErrorCode::InvalidRequest);
        }
    }

    #[test]
    fn a_page_knows_whether_another_follows() {
        let page = page_of(vec![1, 2, 3], 2, ToString::to_string, |n| n * 10);
        assert_eq!((page.data, page.next.as_deref()), (vec![10, 20], Some("2")));
        assert_eq!(page_of(vec![1, 2], 2, ToString::to_string, |n| n).next, None);
    }

    proptest! {
        #[test]
        fn no_text_makes_decoding_panic(text in "\\PC{0,80}") {
            let _ = EventCursor::decode(&text);
            let _ = query(text.clone()).after_recent();
            let _ = query(URL_SAFE_NO_PAD.encode(format!("event|{text}"))).after_id::<MessageId>();
        }
    }
}
