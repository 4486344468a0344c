//! Workspaces.

use blazz_domain::{Timestamp, WorkspaceId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::row::rows;
use crate::schema::{event_counters, workspaces};
use crate::types::{Id, UtcTime};
use crate::{Conn, DatabaseError};

row! {
    /// A workspace.
    pub struct WorkspaceRow as KeptWorkspace in workspaces {
        /// Its id.
        id: WorkspaceId as Id,
        /// The operator's name for it.
        name: String as String,
        /// When it was created.
        created_at: Timestamp as UtcTime,
    }
}

/// Stores a new workspace.
///
/// # Errors
/// When the id is taken.
pub async fn insert(conn: &mut Conn, row: &WorkspaceRow) -> Result<(), DatabaseError> {
    let kept = KeptWorkspace::from(row);
    let counter = (event_counters::workspace_id.eq(kept.id), event_counters::sequence.eq(0_i64));
    conn.transaction(async |conn| {
        on!(conn, c => diesel::insert_into(workspaces::table).values(kept).execute(c).await)?;
        on!(conn, c => diesel::insert_into(event_counters::table).values(counter).execute(c).await)?;
        Ok(())
    })
    .await
}

/// One workspace.
///
/// # Errors
/// When the database is not there.
pub async fn find(conn: &mut Conn, id: WorkspaceId) -> Result<Option<WorkspaceRow>, DatabaseError> {
    let query = workspaces::table.find(Id(id.0));
    let kept: Option<KeptWorkspace> = on!(conn, c => query.first(c).await.optional())?;
    Ok(kept.map(WorkspaceRow::from))
}

/// Workspaces, newest first, those after `after`.
///
/// # Errors
/// When the database is not there.
pub async fn list(
    conn: &mut Conn,
    after: Option<WorkspaceId>,
    limit: u32,
) -> Result<Vec<WorkspaceRow>, DatabaseError> {
    let kept: Vec<KeptWorkspace> = on!(conn, c => {
        let query = workspaces::table.order(workspaces::id.desc()).limit(limit.into());
        let mut query = query.into_boxed();
        if let Some(after) = after {
            query = query.filter(workspaces::id.lt(Id(after.0)));
        }
        query.load(c).await
    })?;
    Ok(rows(kept))
}
