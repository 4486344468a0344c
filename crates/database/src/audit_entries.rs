//! The audit log: who did what. Rows are added and, when they are old, deleted; none is ever changed.

use blazz_domain::{Actor, ApiKeyId, AuditEntryId, Timestamp, WorkspaceId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::conn::Link;
use crate::row::rows;
use crate::schema::audit_entries;
use crate::types::{Id, UtcTime, Word};
use crate::{Conn, DatabaseError};

row! {
    /// One call that changed something, or was not let.
    pub struct AuditEntryRow as KeptAuditEntry in audit_entries {
        /// Its id.
        id: AuditEntryId as Id,
        /// When it was answered.
        occurred_at: Timestamp as UtcTime,
        /// The workspace that it is about, or whose key it was.
        workspace_id: Option<WorkspaceId> as Option<Id>,
        /// Who called.
        actor: Actor as Word<Actor>,
        /// With which key of a workspace.
        key_id: Option<ApiKeyId> as Option<Id>,
        /// The key's name at that time.
        key_name: Option<String> as Option<String>,
        /// The address that the call came from.
        address: Option<String> as Option<String>,
        /// The request's id, as the logs know it.
        request_id: String as String,
        /// The operation's id in the OpenAPI document.
        action: String as String,
        /// What kind of thing it was about.
        object_type: Option<String> as Option<String>,
        /// Which one.
        object_id: Option<String> as Option<String>,
        /// The answer's HTTP status; none when the caller was gone before there was one.
        status: Option<u16> as Option<i16>,
        /// The answer's error code.
        code: Option<String> as Option<String>,
        /// How many calls it stands for.
        calls: u32 as i32,
    }
}

/// Which entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only those of this operation.
    pub action: Option<String>,
    /// Only those about this object.
    pub object_id: Option<String>,
    /// Only those with this key.
    pub key_id: Option<ApiKeyId>,
    /// Only those from this moment on.
    pub since: Option<Timestamp>,
    /// Only those before this moment.
    pub until: Option<Timestamp>,
}

/// Adds entries, all or none.
///
/// # Errors
/// When the database is not there.
pub async fn insert(conn: &mut Conn, new: &[AuditEntryRow]) -> Result<(), DatabaseError> {
    let kept: Vec<_> = new.iter().map(KeptAuditEntry::from).collect();
    conn.transaction(async |conn| {
        match &mut conn.link {
            Link::Postgres(c) => {
                diesel::insert_into(audit_entries::table).values(kept).execute(&mut **c).await?;
            }
            // Diesel inserts many rows into SQLite one by one, on synchronous connections only.
            Link::Sqlite(c) => {
                for row in kept {
                    diesel::insert_into(audit_entries::table).values(row).execute(&mut c.conn).await?;
                }
            }
        }
        Ok(())
    })
    .await
}

/// The entries that `$filter` lets pass, newest first, those after the place `(occurred_at, id)`.
macro_rules! page {
    ($conn:expr, $query:expr, $filter:expr, $after:expr, $limit:expr) => {
        on!($conn, c => {
            let mut query = $query;
            if let Some(action) = &$filter.action {
                query = query.filter(audit_entries::action.eq(action));
            }
            if let Some(object_id) = &$filter.object_id {
                query = query.filter(audit_entries::object_id.eq(object_id));
            }
            if let Some(key_id) = $filter.key_id {
                query = query.filter(audit_entries::key_id.eq(Id(key_id.0)));
            }
            if let Some(since) = $filter.since {
                query = query.filter(audit_entries::occurred_at.ge(UtcTime(since)));
            }
            if let Some(until) = $filter.until {
                query = query.filter(audit_entries::occurred_at.lt(UtcTime(until)));
            }
            if let Some((at, id)) = $after {
                let at = UtcTime(at);
                let same = audit_entries::occurred_at.eq(at).and(audit_entries::id.lt(Id(id.0)));
                // The first condition says nothing new; it lets the index find the place.
                query = query
                    .filter(audit_entries::occurred_at.le(at))
                    .filter(audit_entries::occurred_at.lt(at).or(same));
            }
            let query = query.order((audit_entries::occurred_at.desc(), audit_entries::id.desc()));
            query.limit($limit.into()).load(c).await
        })
    };
}

/// A workspace's entries, newest first, those after the place `(occurred_at, id)`.
///
/// # Errors
/// When the database is not there.
pub async fn list(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    filter: &AuditFilter,
    after: Option<(Timestamp, AuditEntryId)>,
    limit: u32,
) -> Result<Vec<AuditEntryRow>, DatabaseError> {
    let own = Id(workspace_id.0);
    let kept: Vec<KeptAuditEntry> = page!(
        conn,
        audit_entries::table.filter(audit_entries::workspace_id.eq(own)).into_boxed(),
        filter,
        after,
        limit
    )?;
    Ok(rows(kept))
}

/// As [`list`], those of every workspace and of none. For operators.
///
/// # Errors
/// When the database is not there.
pub async fn list_all(
    conn: &mut Conn,
    filter: &AuditFilter,
    after: Option<(Timestamp, AuditEntryId)>,
    limit: u32,
) -> Result<Vec<AuditEntryRow>, DatabaseError> {
    let kept: Vec<KeptAuditEntry> = page!(conn, audit_entries::table.into_boxed(), filter, after, limit)?;
    Ok(rows(kept))
}

/// Deletes up to `limit` of those that are older than `before`; how many it were.
///
/// # Errors
/// When the database is not there.
pub async fn delete_before(conn: &mut Conn, before: Timestamp, limit: u32) -> Result<u32, DatabaseError> {
    conn.in_turn(async |conn| {
        let deleted: usize = on!(conn, c => {
            let old = audit_entries::table.filter(audit_entries::occurred_at.lt(UtcTime(before)));
            let oldest = old.order(audit_entries::occurred_at).limit(limit.into());
            let ids: Vec<Id> = oldest.select(audit_entries::id).load(c).await?;
            diesel::delete(audit_entries::table.filter(audit_entries::id.eq_any(&ids))).execute(c).await
        })?;
        Ok(u32::try_from(deleted).unwrap_or(u32::MAX))
    })
    .await
}

#[cfg(test)]
mod tests {
    use blazz_domain::{Clock as _, SystemClock};

    use super::*;
    use crate::{Pool, admin};

    async fn refuses_changes(url: &str) {
        let pool = Pool::open(url, 1).await.unwrap();
        pool.migrate().await.unwrap();
        let mut conn = pool.get().await.unwrap();
        let row = AuditEntryRow {
            id: AuditEntryId::new(),
            occurred_at: SystemClock.now(),
            workspace_id: None,
            actor: Actor::Unknown,
            key_id: None,
            key_name: None,
            address: None,
            request_id: "r".to_owned(),
            action: "sendMessage".to_owned(),
            object_type: None,
            object_id: None,
            status: Some(401),
            code: None,
            calls: 1,
        };
        insert(&mut conn, std::slice::from_ref(&row)).await.unwrap();
        let change = "UPDATE audit_entries SET action = 'nothing'";
        let refused = on!(conn, c => diesel::sql_query(change).execute(c).await).unwrap_err();
        assert!(refused.to_string().contains("never changed"), "{refused}");
        assert_eq!(list_all(&mut conn, &AuditFilter::default(), None, 10).await.unwrap(), [row]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn no_statement_changes_an_entry() {
        let directory = tempfile::tempdir().unwrap();
        refuses_changes(&format!("sqlite:{}", directory.path().join("a.db").display())).await;
        let server = std::env::var("BLAZZ_TEST_POSTGRES_URL").expect("run the tests with scripts/test");
        let (server, name) =
            (format!("{server}/postgres"), format!("test_{}", uuid::Uuid::now_v7().simple()));
        admin::create(&server, &name).await.unwrap();
        refuses_changes(&format!("{}/{name}", server.trim_end_matches("/postgres"))).await;
        admin::drop(&server, &name).await.unwrap();
    }
}
