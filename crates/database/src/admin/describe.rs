//! The tables as the database itself sees them, in the same words for both.

use std::collections::BTreeSet;

use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;

use crate::conn::Link;
use crate::{DatabaseError, Pool};

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

const POSTGRES: &str = r"
SELECT 'column ' || table_name || '.' || column_name || CASE is_nullable WHEN 'NO' THEN ' not null' ELSE '' END AS line
  FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '\_\_%'
UNION ALL
SELECT CASE WHEN i.indisunique THEN 'unique ' ELSE 'index ' END || t.relname || ' (' || (
         SELECT string_agg(a.attname, ', ' ORDER BY k.place) FROM unnest(i.indkey) WITH ORDINALITY AS k (number, place)
           JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number) || ')'
  FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
 WHERE n.nspname = 'public' AND t.relname NOT LIKE '\_\_%'
UNION ALL
SELECT 'foreign key ' || t.relname || '.' || a.attname || ' -> ' || f.relname || CASE c.confdeltype WHEN 'c' THEN ' cascade' ELSE '' END
  FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_class f ON f.oid = c.confrelid
  JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
 WHERE c.contype = 'f'";

const SQLITE: &str = r#"
WITH tables AS (SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~' AND name NOT LIKE '~_~_%' ESCAPE '~')
SELECT 'column ' || t.name || '.' || c.name || CASE WHEN c."notnull" THEN ' not null' ELSE '' END AS line
  FROM tables t JOIN pragma_table_info(t.name) c
UNION ALL
SELECT CASE WHEN i."unique" THEN 'unique ' ELSE 'index ' END || t.name || ' (' || (
         SELECT group_concat(name, ', ') FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno)) || ')'
  FROM tables t JOIN pragma_index_list(t.name) i
UNION ALL
SELECT 'unique ' || t.name || ' (' || (
         SELECT group_concat(name, ', ') FROM (SELECT name FROM pragma_table_info(t.name) WHERE pk > 0 ORDER BY pk)) || ')'
  FROM tables t
UNION ALL
SELECT 'foreign key ' || t.name || '.' || f."from" || ' -> ' || f."table" || CASE f.on_delete WHEN 'CASCADE' THEN ' cascade' ELSE '' END
  FROM tables t JOIN pragma_foreign_key_list(t.name) f"#;

/// Every column with its nullability, every index, every foreign key.
///
/// # Errors
/// When the database is not there.
pub async fn describe(pool: &Pool) -> Result<BTreeSet<String>, DatabaseError> {
    let mut conn = pool.get().await?;
    let lines: Vec<Line> = match &mut conn.link {
        Link::Postgres(c) => diesel::sql_query(POSTGRES).load(&mut **c).await?,
        Link::Sqlite(c) => diesel::sql_query(SQLITE).load(&mut c.conn).await?,
    };
    Ok(lines.into_iter().map(|line| line.line).collect())
}
