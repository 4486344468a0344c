//! Creating and dropping whole PostgreSQL databases, and looking at tables. For tests.

mod describe;

use diesel_async::{AsyncConnection as _, SimpleAsyncConnection as _};

use crate::DatabaseError;
use crate::conn::PgConn;

pub use describe::describe;

/// Creates an empty database on the server at `url`.
///
/// # Errors
/// When the server is not there or has one of this name.
pub async fn create(url: &str, name: &str) -> Result<(), DatabaseError> {
    execute(url, &format!("CREATE DATABASE {}", quoted(name)?)).await
}

/// Drops a database and ends the connections to it.
///
/// # Errors
/// When the server is not there.
pub async fn drop(url: &str, name: &str) -> Result<(), DatabaseError> {
    execute(url, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(name)?)).await
}

async fn execute(url: &str, statement: &str) -> Result<(), DatabaseError> {
    let mut conn = PgConn::establish(url).await.map_err(DatabaseError::unavailable)?;
    Ok(conn.batch_execute(statement).await?)
}

fn quoted(name: &str) -> Result<String, DatabaseError> {
    let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if plain {
        Ok(format!("\"{name}\""))
    } else {
        Err(DatabaseError::Other("not a database name".to_owned()))
    }
}
