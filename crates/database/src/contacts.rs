//! Contacts: persons and groups, known by phone number, linked id or both.

use blazz_domain::{Contact, ContactId, ConversationId, Jid, PhoneNumber, Timestamp, WorkspaceId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::schema::{contacts::dsl, conversations};
use crate::types::{Id, UtcTime, Word};
use crate::{Conn, DatabaseError};

/// A contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactRow {
    /// Its id.
    pub id: ContactId,
    /// The workspace that knows it.
    pub workspace_id: WorkspaceId,
    /// The address by which it was first met.
    pub jid: Jid,
    /// Its phone number, where known.
    pub phone: Option<PhoneNumber>,
    /// Its linked id, where known.
    pub lid: Option<Jid>,
    /// The name it shows, where known.
    pub name: Option<String>,
    /// When it was first met.
    pub created_at: Timestamp,
}

impl From<ContactRow> for Contact {
    fn from(row: ContactRow) -> Self {
        let jid = row.phone.as_ref().map_or(row.jid, Jid::phone);
        Self { id: row.id, jid, phone: row.phone, name: row.name }
    }
}

/// What is known of somebody who is met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewContact {
    /// The address the protocol used.
    pub jid: Jid,
    /// The phone number behind it, where known.
    pub phone: Option<PhoneNumber>,
    /// The linked id behind it, where known.
    pub lid: Option<Jid>,
    /// The name it shows, where known.
    pub name: Option<String>,
}

pub(crate) type Raw =
    (Id, Id, Word<Jid>, Option<Word<PhoneNumber>>, Option<Word<Jid>>, Option<String>, UtcTime);

pub(crate) fn row((id, workspace_id, jid, phone, lid, name, created_at): Raw) -> ContactRow {
    ContactRow {
        id: id.into(),
        workspace_id: workspace_id.into(),
        jid: jid.0,
        phone: phone.map(|phone| phone.0),
        lid: lid.map(|lid| lid.0),
        name,
        created_at: created_at.0,
    }
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
    mut new: NewContact,
    now: Timestamp,
) -> Result<ContactRow, DatabaseError> {
    if new.lid.is_none() && new.jid.server() == "lid" {
        new.lid = Some(new.jid.clone());
    }
    if let Some(found) = find_by_address(conn, workspace_id, &new).await? {
        return learn(conn, found, &new).await;
    }
    let values = (
        dsl::id.eq(Id::from(ContactId::new())),
        dsl::workspace_id.eq(Id::from(workspace_id)),
        dsl::jid.eq(Word(new.jid.clone())),
        dsl::phone.eq(new.phone.clone().map(Word)),
        dsl::lid.eq(new.lid.clone().map(Word)),
        dsl::name.eq(new.name.clone()),
        dsl::created_at.eq(UtcTime(now)),
    );
    on!(conn, c => diesel::insert_into(dsl::contacts).values(values).on_conflict_do_nothing().execute(c).await)?;
    // Ours, or that of somebody who was faster.
    let found = find_by_address(conn, workspace_id, &new).await?.ok_or(DatabaseError::NotFound)?;
    learn(conn, found, &new).await
}

async fn find_by_address(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    new: &NewContact,
) -> Result<Option<ContactRow>, DatabaseError> {
    let phones: Vec<Word<PhoneNumber>> = new.phone.iter().cloned().map(Word).collect();
    let lids: Vec<Word<Jid>> = new.lid.iter().cloned().map(Word).collect();
    let mut jids = lids.clone();
    jids.extend(new.phone.as_ref().map(|phone| Word(Jid::phone(phone))));
    jids.push(Word(new.jid.clone()));
    let raws: Vec<Raw> = on!(conn, c => {
        let same = dsl::jid.eq_any(&jids).or(dsl::phone.eq_any(&phones)).or(dsl::lid.eq_any(&lids));
        dsl::contacts.filter(dsl::workspace_id.eq(Id::from(workspace_id))).filter(same).order(dsl::id).load(c).await
    })?;
    let rows: Vec<ContactRow> = raws.into_iter().map(row).collect();
    let by_phone = rows.iter().find(|row| new.phone.is_some() && row.phone == new.phone).cloned();
    Ok(by_phone.or_else(|| rows.into_iter().next()))
}

/// Adds what was not known; a new name replaces the old one.
async fn learn(conn: &mut Conn, known: ContactRow, new: &NewContact) -> Result<ContactRow, DatabaseError> {
    let phone = known.phone.clone().or_else(|| new.phone.clone());
    let lid = known.lid.clone().or_else(|| new.lid.clone());
    let name = new.name.clone().or_else(|| known.name.clone());
    let learned = ContactRow { phone, lid, name, ..known.clone() };
    if learned == known {
        return Ok(known);
    }
    let stored = conn.transaction(async |conn| save(conn, &learned).await).await;
    match stored {
        Ok(()) => Ok(learned),
        // Another contact has this number or linked id already.
        Err(DatabaseError::UniqueViolation { .. }) => Ok(known),
        Err(error) => Err(error),
    }
}

async fn save(conn: &mut Conn, contact: &ContactRow) -> Result<(), DatabaseError> {
    let change = (
        dsl::phone.eq(contact.phone.clone().map(Word)),
        dsl::lid.eq(contact.lid.clone().map(Word)),
        dsl::name.eq(contact.name.clone()),
    );
    on!(conn, c => {
        let own = dsl::contacts.filter(dsl::workspace_id.eq(Id::from(contact.workspace_id)));
        diesel::update(own.filter(dsl::id.eq(Id::from(contact.id)))).set(change).execute(c).await
    })?;
    Ok(())
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
    let raw: Option<Raw> = on!(conn, c => {
        let own = conversations::table.filter(conversations::workspace_id.eq(Id::from(workspace_id)));
        own.filter(conversations::id.eq(Id::from(conversation_id)))
            .inner_join(dsl::contacts)
            .select(dsl::contacts::all_columns())
            .first(c)
            .await
            .optional()
    })?;
    Ok(raw.map(row))
}
