//! What is true of this installation as a whole.

use blazz_domain::{Clock as _, SystemClock};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::schema::installation;
use crate::types::{Id, UtcTime};
use crate::{Conn, DatabaseError};

/// The name of this event log. A database that was restored from a copy gets a new one, so that old cursors are noticed.
///
/// # Errors
/// When the database is not there or was never migrated.
pub async fn log_id(conn: &mut Conn) -> Result<Uuid, DatabaseError> {
    let query = installation::table.select(installation::log_id);
    let Id(id) = on!(conn, c => query.first(c).await)?;
    Ok(id)
}

/// Names the log, once.
pub(crate) async fn ensure(conn: &mut Conn) -> Result<(), DatabaseError> {
    let values = (
        installation::id.eq(1_i16),
        installation::log_id.eq(Id(Uuid::now_v7())),
        installation::created_at.eq(UtcTime(SystemClock.now())),
    );
    on!(conn, c => diesel::insert_into(installation::table).values(values).on_conflict_do_nothing().execute(c).await)?;
    Ok(())
}
