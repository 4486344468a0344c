//! Contacts: persons and groups, known by phone number, linked id or both.

use blazz_domain::{Contact, ContactId, ConversationId, Jid, PhoneNumber, Timestamp, WorkspaceId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::row::rows;
use crate::schema::{contacts, conversations};
use crate::types::{Id, UtcTime, Word};
use crate::{Conn, DatabaseError};

row! {
    /// A contact.
    pub struct ContactRow as KeptContact in contacts {
        /// Its id.
        id: ContactId as Id,
        /// The workspace that knows it.
        workspace_id: WorkspaceId as Id,
        /// The address by which it was first met.
        jid: Jid as Word<Jid>,
        /// Its phone number, where known.
        phone: Option<PhoneNumber> as Option<Word<PhoneNumber>>,
        /// Its linked id, where known.
        lid: Option<Jid> as Option<Word<Jid>>,
        /// The name it shows, where known.
        name: Option<String> as Option<String>,
        /// When it was first met.
        created_at: Timestamp as UtcTime,
    }
}

impl From<ContactRow> for Contact {
    fn from(row: ContactRow) -> Self {
        let jid = row.phone.as_ref().map_or(row.jid, Jid::phone);
        Self { id: row.id, jid, phone: row.phone, name: row.name }
    }
}

/// Somebody who was met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Met {
    /// Who they are.
    pub contact: ContactRow,
    /// Other contacts that the same person is known as.
    pub aliases: Vec<ContactId>,
}

/// What is known of somebody who is met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewContact {
    /// The address that the protocol used.
    pub jid: Jid,
    /// The phone number behind it, where known.
    pub phone: Option<PhoneNumber>,
    /// The linked id behind it, where known; the address itself, when it is one.
    pub lid: Option<Jid>,
    /// The name it shows, where known.
    pub name: Option<String>,
}

/// The contact with this address: found by phone number, linked id or address, created when new, and known from now on by all
/// that the address says. Concurrent callers get the same one.
///
/// Two contacts that turn out to be the same person (met by number and by linked id before anything joined the two) stay two;
/// the one with the number is given.
///
/// # Errors
/// When the database is not there.
pub async fn upsert_by_address(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    new: NewContact,
    now: Timestamp,
) -> Result<Met, DatabaseError> {
    let known = list_by_address(conn, workspace_id, &new).await?;
    if let Some(best) = best(&known, &new) {
        return met(conn, &known, best, &new).await;
    }
    let row = ContactRow {
        id: ContactId::new(),
        workspace_id,
        jid: new.jid.clone(),
        phone: new.phone.clone(),
        lid: new.lid.clone(),
        name: new.name.clone(),
        created_at: now,
    };
    let kept = KeptContact::from(&row);
    on!(conn, c => {
        diesel::insert_into(contacts::table).values(&kept).on_conflict_do_nothing().execute(c).await
    })?;
    // Ours, or that of somebody who was faster.
    let known = list_by_address(conn, workspace_id, &new).await?;
    let best = best(&known, &new).ok_or(DatabaseError::NotFound)?;
    met(conn, &known, best, &new).await
}

async fn met(
    conn: &mut Conn,
    known: &[ContactRow],
    best: &ContactRow,
    new: &NewContact,
) -> Result<Met, DatabaseError> {
    let aliases = known.iter().map(|other| other.id).filter(|id| *id != best.id).collect();
    Ok(Met { contact: learn(conn, best.clone(), new).await?, aliases })
}

/// Every contact that somebody with this address may be known as, the oldest first.
///
/// # Errors
/// When the database is not there.
pub async fn list_by_address(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    new: &NewContact,
) -> Result<Vec<ContactRow>, DatabaseError> {
    let mut jids: Vec<Word<Jid>> = new.lid.iter().cloned().map(Word).collect();
    jids.extend(new.phone.as_ref().map(|phone| Word(Jid::phone(phone))));
    jids.push(Word(new.jid.clone()));
    // One look-up each: SQLite would read all contacts of the workspace for one that says «or».
    let mut found: Vec<ContactRow> = rows(on!(conn, c => {
        let query = own(workspace_id).filter(contacts::jid.eq_any(&jids));
        query.load::<KeptContact>(c).await
    })?);
    if let Some(phone) = &new.phone {
        found.extend(rows(on!(conn, c => {
            let query = own(workspace_id).filter(contacts::phone.eq(Word(phone.clone())));
            query.load::<KeptContact>(c).await
        })?));
    }
    if let Some(lid) = &new.lid {
        found.extend(rows(on!(conn, c => {
            let query = own(workspace_id).filter(contacts::lid.eq(Word(lid.clone())));
            query.load::<KeptContact>(c).await
        })?));
    }
    found.sort_by_key(|row| row.id.0);
    found.dedup_by_key(|row| row.id);
    Ok(found)
}

#[diesel::dsl::auto_type(no_type_alias)]
fn own(workspace_id: WorkspaceId) -> _ {
    let workspace_id: Id = Id(workspace_id.0);
    contacts::table.filter(contacts::workspace_id.eq(workspace_id))
}

/// Of several that somebody may be known as, the one with the number.
fn best<'a>(known: &'a [ContactRow], new: &NewContact) -> Option<&'a ContactRow> {
    let by_phone = known.iter().find(|row| new.phone.is_some() && row.phone == new.phone);
    by_phone.or_else(|| known.first())
}

/// Adds what was not known; a new name replaces the old one.
async fn learn(conn: &mut Conn, known: ContactRow, new: &NewContact) -> Result<ContactRow, DatabaseError> {
    let phone = new.phone.clone().filter(|_| known.phone.is_none());
    let lid = new.lid.clone().filter(|_| known.lid.is_none());
    let name = new.name.clone().filter(|name| known.name.as_ref() != Some(name));
    if (&phone, &lid, &name) == (&None, &None, &None) {
        return Ok(known);
    }
    let learned = conn.transaction(async |conn| add(conn, &known, phone, lid, name).await).await;
    match learned {
        Ok(learned) => Ok(learned.unwrap_or(known)),
        // Another contact has this number or linked id already.
        Err(DatabaseError::UniqueViolation { .. }) => Ok(known),
        Err(error) => Err(error),
    }
}

/// Stores only what is new: what others have learned since `known` was read stays.
async fn add(
    conn: &mut Conn,
    known: &ContactRow,
    phone: Option<PhoneNumber>,
    lid: Option<Jid>,
    name: Option<String>,
) -> Result<Option<ContactRow>, DatabaseError> {
    #[derive(AsChangeset)]
    #[diesel(table_name = contacts)]
    struct Learned {
        phone: Option<Word<PhoneNumber>>,
        lid: Option<Word<Jid>>,
        name: Option<String>,
    }
    let learned = Learned { phone: phone.map(Word), lid: lid.map(Word), name };
    let kept: Option<KeptContact> = on!(conn, c => {
        let one = own(known.workspace_id).filter(contacts::id.eq(Id(known.id.0)));
        diesel::update(one).set(&learned).returning(contacts::all_columns).get_result(c).await.optional()
    })?;
    Ok(kept.map(ContactRow::from))
}

/// The contact of this id.
///
/// # Errors
/// When the database is not there.
pub async fn find(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    id: ContactId,
) -> Result<Option<ContactRow>, DatabaseError> {
    let kept: Option<KeptContact> = on!(conn, c => {
        own(workspace_id).filter(contacts::id.eq(Id::from(id))).first(c).await.optional()
    })?;
    Ok(kept.map(ContactRow::from))
}

/// The contact of a conversation.
///
/// # Errors
/// When the database is not there.
pub async fn address_of(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    conversation_id: ConversationId,
) -> Result<Option<ContactRow>, DatabaseError> {
    let kept: Option<KeptContact> = on!(conn, c => {
        let own = conversations::table.filter(conversations::workspace_id.eq(Id::from(workspace_id)));
        own.filter(conversations::id.eq(Id::from(conversation_id)))
            .inner_join(contacts::table)
            .select(contacts::all_columns)
            .first(c)
            .await
            .optional()
    })?;
    Ok(kept.map(ContactRow::from))
}
