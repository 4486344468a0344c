//! Counters of the whole installation.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::schema::counters;
use crate::{Conn, DatabaseError};

/// The counter that numbers the starts of nodes.
pub const INCARNATION: &str = "incarnation";

/// The next number. Inside a transaction the counter stays locked until its end, so numbers are committed in order.
///
/// # Errors
/// `NotFound` when there is no counter of this name.
pub async fn next(conn: &mut Conn, name: &str) -> Result<i64, DatabaseError> {
    let counter = diesel::update(counters::table.find(name)).set(counters::value.eq(counters::value + 1));
    Ok(on!(conn, c => counter.returning(counters::value).get_result(c).await)?)
}
