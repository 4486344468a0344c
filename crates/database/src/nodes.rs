//! Session nodes: their current start, its vitals, and whether they are heard of.

use blazz_domain::{Incarnation, NodeId, Timestamp};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::row::rows;
use crate::schema::nodes;
use crate::types::{Id, UtcTime, Word, int, long};
use crate::{Conn, DatabaseError, counters};

row! {
    /// A node.
    pub struct NodeRow as KeptNode in nodes {
        /// Its name.
        id: NodeId as Word<NodeId>,
        /// Where the API reaches it.
        url: String as String,
        /// Its session root.
        root_id: Uuid as Id,
        /// How many sessions it may hold.
        capacity: u32 as i32,
        /// The version of its binary.
        version: String as String,
        /// Whether it is the sandbox build.
        sandbox: bool as bool,
        /// The number of its current start.
        incarnation: Incarnation as i64,
        /// The last heartbeat of that start.
        heartbeat_number: i64 as i64,
        /// How many sessions it ran then.
        sessions: u32 as i32,
        /// The memory it used then, in bytes.
        memory_bytes: u64 as i64,
        /// When its current start registered.
        registered_at: Timestamp as UtcTime,
        /// When it was last heard of.
        heartbeat_at: Timestamp as UtcTime,
        /// Until when it counts as heard of.
        expires_at: Timestamp as UtcTime,
        /// Whether it was noticed that this moment has passed.
        lost: bool as bool,
    }
}

/// A start of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRegistration {
    /// The node's name.
    pub id: NodeId,
    /// Where the API reaches it.
    pub url: String,
    /// Its session root.
    pub root_id: Uuid,
    /// How many sessions it may hold.
    pub capacity: u32,
    /// The version of its binary.
    pub version: String,
    /// Whether it is the sandbox build.
    pub sandbox: bool,
    /// Now.
    pub registered_at: Timestamp,
    /// Until when it counts as heard of.
    pub expires_at: Timestamp,
}

/// What a heartbeat says of the node itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vitals {
    /// The heartbeat's number.
    pub number: i64,
    /// How many sessions it runs.
    pub sessions: u32,
    /// The memory it uses, in bytes.
    pub memory_bytes: u64,
    /// Now.
    pub now: Timestamp,
    /// Until when it counts as heard of.
    pub expires_at: Timestamp,
}

/// What became of a heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeartbeatOutcome {
    /// It counts.
    Applied {
        /// Whether the node had counted as lost until now.
        was_lost: bool,
    },
    /// A later one of the same start came before it.
    Outdated,
    /// A later start of the node has registered.
    Superseded,
    /// No such start of such a node has registered.
    Unknown,
}

/// Registers a start of a node, under a number higher than any before.
///
/// # Errors
/// When the database is not there.
pub async fn upsert_registration(conn: &mut Conn, new: NewRegistration) -> Result<NodeRow, DatabaseError> {
    conn.transaction(async |conn| {
        // The counter's lock makes registrations follow each other.
        let incarnation = Incarnation(counters::next(conn, counters::INCARNATION).await?);
        let row = NodeRow {
            id: new.id,
            url: new.url,
            root_id: new.root_id,
            capacity: new.capacity,
            version: new.version,
            sandbox: new.sandbox,
            incarnation,
            heartbeat_number: 0,
            sessions: 0,
            memory_bytes: 0,
            registered_at: new.registered_at,
            heartbeat_at: new.registered_at,
            expires_at: new.expires_at,
            lost: false,
        };
        let kept = KeptNode::from(&row);
        on!(conn, c => diesel::insert_into(nodes::table)
            .values(&kept)
            .on_conflict(nodes::id)
            .do_update()
            .set(&kept)
            .execute(c)
            .await)?;
        Ok(row)
    })
    .await
}

/// One node.
///
/// # Errors
/// When the database is not there.
pub async fn find(conn: &mut Conn, id: &NodeId) -> Result<Option<NodeRow>, DatabaseError> {
    let query = nodes::table.find(id.as_str());
    let kept: Option<KeptNode> = on!(conn, c => query.first(c).await.optional())?;
    Ok(kept.map(NodeRow::from))
}

/// One node, locked until the transaction ends.
///
/// # Errors
/// When the database is not there.
pub async fn lock(conn: &mut Conn, id: &NodeId) -> Result<Option<NodeRow>, DatabaseError> {
    let query = nodes::table.find(id.as_str());
    let kept: Option<KeptNode> = locked!(conn, query, c, q => q.first(c).await.optional())?;
    Ok(kept.map(NodeRow::from))
}

/// Every node, by name.
///
/// # Errors
/// When the database is not there.
pub async fn list(conn: &mut Conn) -> Result<Vec<NodeRow>, DatabaseError> {
    let query = nodes::table.order(nodes::id);
    let kept: Vec<KeptNode> = on!(conn, c => query.load(c).await)?;
    Ok(rows(kept))
}

/// The nodes that are heard of, by name.
///
/// # Errors
/// When the database is not there.
pub async fn list_ready(conn: &mut Conn, now: Timestamp) -> Result<Vec<NodeRow>, DatabaseError> {
    let ready = nodes::table.filter(nodes::lost.eq(false)).filter(nodes::expires_at.gt(UtcTime(now)));
    let query = ready.order(nodes::id);
    let kept: Vec<KeptNode> = on!(conn, c => query.load(c).await)?;
    Ok(rows(kept))
}

/// Takes in a heartbeat of the start `incarnation` of a node.
///
/// # Errors
/// When the database is not there.
pub async fn heartbeat(
    conn: &mut Conn,
    id: &NodeId,
    incarnation: Incarnation,
    vitals: Vitals,
) -> Result<HeartbeatOutcome, DatabaseError> {
    conn.transaction(async |conn| {
        let Some(node) = lock(conn, id).await? else { return Ok(HeartbeatOutcome::Unknown) };
        if node.incarnation != incarnation {
            let later = node.incarnation > incarnation;
            return Ok(if later { HeartbeatOutcome::Superseded } else { HeartbeatOutcome::Unknown });
        }
        if node.heartbeat_number >= vitals.number {
            return Ok(HeartbeatOutcome::Outdated);
        }
        let values = (
            nodes::heartbeat_number.eq(vitals.number),
            nodes::sessions.eq(int(vitals.sessions)),
            nodes::memory_bytes.eq(long(vitals.memory_bytes)),
            nodes::heartbeat_at.eq(UtcTime(vitals.now)),
            nodes::expires_at.eq(UtcTime(vitals.expires_at)),
            nodes::lost.eq(false),
        );
        on!(conn, c => diesel::update(nodes::table.find(id.as_str())).set(values).execute(c).await)?;
        Ok(HeartbeatOutcome::Applied { was_lost: node.lost })
    })
    .await
}

/// Marks the nodes whose time has run out, and names those that were not marked before.
///
/// # Errors
/// When the database is not there.
pub async fn mark_lost(conn: &mut Conn, now: Timestamp) -> Result<Vec<NodeId>, DatabaseError> {
    let expired = nodes::table.filter(nodes::lost.eq(false)).filter(nodes::expires_at.le(UtcTime(now)));
    let mark = diesel::update(expired).set(nodes::lost.eq(true)).returning(nodes::id);
    conn.in_turn(async |conn| {
        let ids: Vec<Word<NodeId>> = on!(conn, c => mark.get_results(c).await)?;
        Ok(ids.into_iter().map(|Word(id)| id).collect())
    })
    .await
}
