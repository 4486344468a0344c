//! Column types that mean the same on PostgreSQL and SQLite, and how the words of the domain are kept in them.

use std::fmt;
use std::io::Write as _;

use blazz_domain::{
    AccountId, AccountState, Actor, ApiKeyId, AuditEntryId, ContactId, ConversationId, Desired, Direction,
    Epoch, EventId, Incarnation, Jid, JobId, MediaId, MessageId, MessageStatus, NodeId, OutboxId,
    PhoneNumber, Provider, ProviderMessageId, Proxy, RejectedEventId, StateNumber, StateReason, Timestamp,
    WorkspaceId,
};
use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{Jsonb, Text, Timestamptz, Uuid as PgUuid};
use diesel::sqlite::{Sqlite, SqliteValue};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

pub(crate) mod sql {
    //! The SQL types themselves.

    use diesel::query_builder::QueryId;
    use diesel::sql_types::{SqlOrd, SqlType};

    /// `uuid` on PostgreSQL, hyphenated lower-case text on SQLite; both sort alike.
    #[derive(Debug, Clone, Copy, Default, SqlType, QueryId)]
    #[diesel(postgres_type(oid = 2950, array_oid = 2951))]
    #[diesel(sqlite_type(name = "Text"))]
    pub struct Id;

    /// `timestamptz` on PostgreSQL, RFC 3339 UTC text of fixed width on SQLite; both sort alike.
    #[derive(Debug, Clone, Copy, Default, SqlType, QueryId)]
    #[diesel(postgres_type(oid = 1184, array_oid = 1185))]
    #[diesel(sqlite_type(name = "Text"))]
    pub struct UtcTime;

    /// `jsonb` on PostgreSQL, JSON text on SQLite.
    #[derive(Debug, Clone, Copy, Default, SqlType, QueryId)]
    #[diesel(postgres_type(oid = 3802, array_oid = 3807))]
    #[diesel(sqlite_type(name = "Text"))]
    pub struct Document;

    impl SqlOrd for Id {}
    impl SqlOrd for UtcTime {}
}

/// An id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, AsExpression, FromSqlRow)]
#[diesel(sql_type = sql::Id)]
pub(crate) struct Id(pub(crate) Uuid);

impl ToSql<sql::Id, Pg> for Id {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<PgUuid, Pg>::to_sql(&self.0, out)
    }
}

impl FromSql<sql::Id, Pg> for Id {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        FromSql::<PgUuid, Pg>::from_sql(value).map(Self)
    }
}

impl ToSql<sql::Id, Sqlite> for Id {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.hyphenated().to_string());
        Ok(IsNull::No)
    }
}

impl FromSql<sql::Id, Sqlite> for Id {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        Ok(Self(<String as FromSql<Text, Sqlite>>::from_sql(value)?.parse()?))
    }
}

/// A moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = sql::UtcTime)]
pub(crate) struct UtcTime(pub(crate) Timestamp);

impl ToSql<sql::UtcTime, Pg> for UtcTime {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<Timestamptz, Pg>::to_sql(&self.0.as_datetime(), &mut out.reborrow())
    }
}

impl FromSql<sql::UtcTime, Pg> for UtcTime {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        FromSql::<Timestamptz, Pg>::from_sql(value).map(|at| Self(Timestamp::new(at)))
    }
}

impl ToSql<sql::UtcTime, Sqlite> for UtcTime {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.to_string());
        Ok(IsNull::No)
    }
}

impl FromSql<sql::UtcTime, Sqlite> for UtcTime {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        Ok(Self(<String as FromSql<Text, Sqlite>>::from_sql(value)?.parse()?))
    }
}

/// A value kept as a JSON document.
#[derive(Debug, Clone, PartialEq, AsExpression, FromSqlRow)]
#[diesel(sql_type = sql::Document)]
pub(crate) struct Json<T: fmt::Debug>(pub(crate) T);

impl<T: Serialize + fmt::Debug> ToSql<sql::Document, Pg> for Json<T> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        // The one version of jsonb's binary form.
        out.write_all(&[1])?;
        serde_json::to_writer(out, &self.0)?;
        Ok(IsNull::No)
    }
}

impl<T: DeserializeOwned + fmt::Debug> FromSql<sql::Document, Pg> for Json<T> {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let value: serde_json::Value = FromSql::<Jsonb, Pg>::from_sql(value)?;
        Ok(Self(serde_json::from_value(value)?))
    }
}

impl<T: Serialize + fmt::Debug> ToSql<sql::Document, Sqlite> for Json<T> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(serde_json::to_string(&self.0)?);
        Ok(IsNull::No)
    }
}

impl<T: DeserializeOwned + fmt::Debug> FromSql<sql::Document, Sqlite> for Json<T> {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        Ok(Self(serde_json::from_str(&<String as FromSql<Text, Sqlite>>::from_sql(value)?)?))
    }
}

/// A word of the domain, kept as its text.
#[derive(Debug, Clone, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Text)]
pub(crate) struct Word<T: fmt::Debug>(pub(crate) T);

/// What has a text that gives it back.
pub(crate) trait Spelled: Sized + fmt::Debug {
    fn spell(&self) -> &str;
    fn read(text: String) -> Option<Self>;
}

macro_rules! spelled {
    ($($word:ty),* $(,)?) => {$(
        impl Spelled for $word {
            fn spell(&self) -> &str {
                self.as_str()
            }

            fn read(text: String) -> Option<Self> {
                text.parse().ok()
            }
        }
    )*};
}
spelled!(Actor, AccountState, StateReason, Provider, Desired, Direction, MessageStatus, Jid, NodeId);

impl Spelled for PhoneNumber {
    fn spell(&self) -> &str {
        self.as_str()
    }

    fn read(text: String) -> Option<Self> {
        Self::from_e164(&text).ok()
    }
}

impl Spelled for ProviderMessageId {
    fn spell(&self) -> &str {
        &self.0
    }

    fn read(text: String) -> Option<Self> {
        Some(Self(text))
    }
}

impl Spelled for Proxy {
    fn spell(&self) -> &str {
        self.secret_text()
    }

    fn read(text: String) -> Option<Self> {
        text.parse().ok()
    }
}

impl<T: Spelled, DB: Backend> ToSql<Text, DB> for Word<T>
where
    str: ToSql<Text, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.0.spell().to_sql(out)
    }
}

impl<T: Spelled, DB: Backend> FromSql<Text, DB> for Word<T>
where
    String: FromSql<Text, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        // The text itself may be a phone number: it stays out of the error.
        T::read(String::from_sql(value)?).map(Self).ok_or_else(|| "a column holds an unknown word".into())
    }
}

/// How a type is kept in a column of type `C`.
pub(crate) trait Kept<C>: Sized {
    fn keep(&self) -> C;
    fn restore(kept: C) -> Self;
}

impl<T: Kept<C>, C> Kept<Option<C>> for Option<T> {
    fn keep(&self) -> Option<C> {
        self.as_ref().map(T::keep)
    }

    fn restore(kept: Option<C>) -> Self {
        kept.map(T::restore)
    }
}

impl<T: Spelled + Clone> Kept<Word<T>> for T {
    fn keep(&self) -> Word<T> {
        Word(self.clone())
    }

    fn restore(kept: Word<T>) -> Self {
        kept.0
    }
}

impl<T: fmt::Debug + Clone> Kept<Json<T>> for T {
    fn keep(&self) -> Json<T> {
        Json(self.clone())
    }

    fn restore(kept: Json<T>) -> Self {
        kept.0
    }
}

impl Kept<UtcTime> for Timestamp {
    fn keep(&self) -> UtcTime {
        UtcTime(*self)
    }

    fn restore(kept: UtcTime) -> Self {
        kept.0
    }
}

impl Kept<Id> for Uuid {
    fn keep(&self) -> Id {
        Id(*self)
    }

    fn restore(kept: Id) -> Self {
        kept.0
    }
}

macro_rules! wrapped {
    ($column:ident($inner:path): $($name:ident),* $(,)?) => {$(
        impl Kept<$column> for $name {
            fn keep(&self) -> $column {
                $inner(self.0)
            }

            fn restore(kept: $column) -> Self {
                Self(kept.0)
            }
        }
    )*};
}
wrapped!(
    Id(Id): WorkspaceId, AccountId, ContactId, ConversationId, MessageId, EventId, ApiKeyId, JobId, OutboxId,
    RejectedEventId, MediaId, AuditEntryId,
);

macro_rules! counted {
    ($($name:ident),*) => {$(
        impl Kept<i64> for $name {
            fn keep(&self) -> i64 {
                self.0
            }

            fn restore(kept: i64) -> Self {
                Self(kept)
            }
        }
    )*};
}
counted!(Epoch, Incarnation, StateNumber);

macro_rules! plain {
    ($($name:ty),*) => {$(
        impl Kept<$name> for $name {
            fn keep(&self) -> $name {
                self.clone()
            }

            fn restore(kept: $name) -> Self {
                kept
            }
        }
    )*};
}
plain!(String, bool, i16, i32, i64);

// Sizes and counts: the databases have no unsigned integers. What does not fit is beyond any real size.
macro_rules! unsigned {
    ($($name:ty => $column:ty),*) => {$(
        impl Kept<$column> for $name {
            fn keep(&self) -> $column {
                <$column>::try_from(*self).unwrap_or(<$column>::MAX)
            }

            fn restore(kept: $column) -> Self {
                Self::try_from(kept).unwrap_or(0)
            }
        }
    )*};
}
unsigned!(u16 => i16, u32 => i32, u64 => i64);

macro_rules! converted {
    ($($name:ident),*) => {$(
        impl From<$name> for Id {
            fn from(id: $name) -> Self {
                Self(id.0)
            }
        }

        impl From<Id> for $name {
            fn from(id: Id) -> Self {
                Self(id.0)
            }
        }
    )*};
}
converted!(
    WorkspaceId,
    AccountId,
    ContactId,
    ConversationId,
    MessageId,
    EventId,
    ApiKeyId,
    JobId,
    OutboxId,
    RejectedEventId,
    MediaId,
    AuditEntryId
);

/// As the database keeps it; what does not fit is beyond any real size.
pub(crate) fn int(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// As the database keeps it; what does not fit is beyond any real size.
pub(crate) fn long(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// As the domain says it; the database holds no negative ones.
pub(crate) fn ulong(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
