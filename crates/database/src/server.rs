//! What the database's server says of itself.

use blazz_domain::Timestamp;
use diesel::QueryableByName;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Text};
use diesel_async::RunQueryDsl;

use crate::conn::Link;
use crate::{DatabaseError, Pool};

/// What the database's server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Which database, and in which version.
    pub version: String,
    /// The time by its clock; SQLite has none of its own.
    pub now: Option<Timestamp>,
}

#[derive(QueryableByName)]
struct Said {
    #[diesel(sql_type = Text)]
    version: String,
    #[diesel(sql_type = BigInt)]
    micros: i64,
}

impl Pool {
    /// Asks the server what it is.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn server(&self) -> Result<Server, DatabaseError> {
        let mut conn = self.get().await?;
        let (name, query) = match &conn.link {
            Link::Postgres(_) => (
                "PostgreSQL",
                "SELECT current_setting('server_version') AS version, \
                 (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS micros",
            ),
            Link::Sqlite(_) => ("SQLite", "SELECT sqlite_version() AS version, 0 AS micros"),
        };
        let said: Said = on!(conn, c => sql_query(query).get_result(c).await)?;
        let now = Timestamp::from_unix_micros(said.micros).filter(|_| said.micros != 0);
        Ok(Server { version: format!("{name} {}", said.version), now })
    }
}
