//! Every group, by id and by invite code; and how one comes into being.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use blazz_domain::random;

use super::state::{Community, GroupText, Subject};
use super::{
    Group, GroupState, LONGEST_DESCRIPTION, LONGEST_SUBJECT, MOST_GROUPS, MOST_MEMBERS, Member,
    NOT_ACCEPTABLE, NOT_FOUND, Refusal, Role, community, notify,
};
use crate::account::Account;
use crate::entropy;
use crate::server::Server;

/// Every group.
#[derive(Default)]
pub(crate) struct Groups {
    by_id: RwLock<BTreeMap<String, Arc<Group>>>,
}

/// What a group begins as.
#[derive(Default)]
pub(crate) struct Creation {
    pub(crate) subject: String,
    pub(crate) description: Option<(String, String)>,
    /// The members beside the creator, by number.
    pub(crate) members: BTreeSet<String>,
    pub(crate) toggles: BTreeSet<&'static str>,
    pub(crate) modes: BTreeMap<&'static str, String>,
    pub(crate) ephemeral_seconds: u32,
    pub(crate) community: Community,
}

impl Groups {
    pub(crate) fn find(&self, id: &str) -> Option<Arc<Group>> {
        self.by_id.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    pub(crate) fn by_code(&self, code: &str) -> Option<Arc<Group>> {
        self.all().into_iter().find(|group| group.state().invite_code == code)
    }

    pub(crate) fn all(&self) -> Vec<Arc<Group>> {
        self.by_id.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// The groups of an account.
    pub(crate) fn of(&self, account: &Account) -> Vec<Arc<Group>> {
        self.all().into_iter().filter(|group| group.role(account).is_some()).collect()
    }

    /// The groups of a community, by the community's id.
    pub(crate) fn below(&self, parent: &str) -> Vec<Arc<Group>> {
        let is_below = |group: &Arc<Group>| group.state().community.parent.as_deref() == Some(parent);
        self.all().into_iter().filter(is_below).collect()
    }

    pub(crate) fn remove(&self, id: &str) {
        self.by_id.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    fn insert(&self, id: String, group: &Arc<Group>) -> Result<(), Refusal> {
        let mut groups = self.by_id.write().unwrap_or_else(PoisonError::into_inner);
        if groups.len() >= MOST_GROUPS {
            return Err(NOT_ACCEPTABLE);
        }
        groups.insert(id, Arc::clone(group));
        Ok(())
    }
}

/// What an invite link ends in.
pub(super) fn fresh_code() -> String {
    entropy::hexadecimal::<11>()
}

/// Creates a group; its members are told. Accounts that do not exist are left out.
///
/// # Errors
/// 406 when the subject, the description or the number of members does not fit, or there are too many groups.
pub(crate) fn create(
    server: &Arc<Server>,
    creator: &Arc<Account>,
    creation: Creation,
) -> Result<Arc<Group>, Refusal> {
    let Creation { subject, description, members, toggles, modes, ephemeral_seconds, community } = creation;
    let too_long = |text: &str, limit: usize| text.chars().count() > limit;
    if subject.is_empty()
        || too_long(&subject, LONGEST_SUBJECT)
        || description.as_ref().is_some_and(|(_, text)| too_long(text, LONGEST_DESCRIPTION))
        || members.len() >= MOST_MEMBERS
    {
        return Err(NOT_ACCEPTABLE);
    }
    if let Some(parent) = &community.parent {
        check_may_add(&*server.groups.find(parent).ok_or(NOT_FOUND)?, creator)?;
    }
    let now = server.seconds();
    let by = creator.number.clone();
    let mut everybody: BTreeMap<String, Member> = members
        .into_iter()
        .filter(|number| server.accounts.by_number(number).is_some())
        .map(|number| (number, Member { role: Role::Member, since: now }))
        .collect();
    everybody.insert(by.clone(), Member { role: Role::SuperAdmin, since: now });
    let id = format!("1203{:014}", u64::from_be_bytes(random::bytes()) % 100_000_000_000_000);
    let group = Arc::new(Group::new(
        id.clone(),
        &creator.number,
        now,
        GroupState {
            subject: Subject { text: subject, by: by.clone(), at: now },
            description: description.map(|(id, text)| GroupText { id, text, by, at: now }),
            members: everybody,
            toggles,
            modes,
            ephemeral_seconds,
            invite_code: fresh_code(),
            community,
            ..GroupState::default()
        },
    ));
    server.groups.insert(id, &group)?;
    notify::created(server, &group, creator);
    for account in group.accounts(server) {
        community::follow(server, &group, &account);
    }
    Ok(group)
}

/// May the account create a group below a community?
fn check_may_add(parent: &Group, account: &Account) -> Result<(), Refusal> {
    let (is_parent, all_may) = {
        let state = parent.state();
        (state.community.is_parent, state.toggles.contains("allow_non_admin_sub_group_creation"))
    };
    match (is_parent, all_may) {
        (false, _) => Err(NOT_ACCEPTABLE),
        (true, true) => parent.check_member(account).map(|_| ()),
        (true, false) => parent.check_admin(account),
    }
}
