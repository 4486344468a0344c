//! One group: what the server knows of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use whatsapp_rust::Jid;

use super::{FORBIDDEN, Refusal};
use crate::account::Account;
use crate::profile::Picture;
use crate::server::Server;

/// A group. Its id is the user part of its address.
pub(crate) struct Group {
    pub(crate) id: String,
    /// When it was created, in seconds since 1970.
    pub(crate) created: i64,
    /// Who created it, by number.
    pub(crate) creator: String,
    state: Mutex<GroupState>,
}

/// The mutable part of a group. The lock is held for map operations only.
#[derive(Default)]
pub(crate) struct GroupState {
    pub(crate) subject: Subject,
    pub(crate) description: Option<GroupText>,
    pub(crate) members: BTreeMap<String, Member>,
    /// Settings that are on or off, by the tag that shows them: `announcement`, `locked`, ….
    pub(crate) toggles: BTreeSet<&'static str>,
    /// Settings with a value, by tag: `member_add_mode`, `member_link_mode`, ….
    pub(crate) modes: BTreeMap<&'static str, String>,
    /// Seconds after which messages disappear; 0 is never.
    pub(crate) ephemeral_seconds: u32,
    pub(crate) picture: Option<Picture>,
    pub(crate) last_picture: u64,
    /// What its invite link ends in.
    pub(crate) invite_code: String,
    /// Who asked to be admitted, by number, and when.
    pub(crate) requests: BTreeMap<String, i64>,
    /// Codes by which a single account may join that nobody could add: number → code and expiry.
    pub(crate) personal_invites: BTreeMap<String, (String, i64)>,
    pub(crate) community: Community,
}

/// The name of a group, and who set it when.
#[derive(Default, Clone)]
pub(crate) struct Subject {
    pub(crate) text: String,
    pub(crate) by: String,
    pub(crate) at: i64,
}

/// The description of a group.
#[derive(Clone)]
pub(crate) struct GroupText {
    pub(crate) id: String,
    pub(crate) text: String,
    pub(crate) by: String,
    pub(crate) at: i64,
}

/// A group's place in a community.
#[derive(Default, Clone)]
pub(crate) struct Community {
    /// Is it the community itself?
    pub(crate) is_parent: bool,
    /// The community that it belongs to, by id.
    pub(crate) parent: Option<String>,
    /// Is it the group for announcements, of which all of the community are members?
    pub(crate) is_announcements: bool,
    /// Is it the chat that all of the community may write to?
    pub(crate) is_general: bool,
}

/// A member of a group.
#[derive(Clone, Copy)]
pub(crate) struct Member {
    pub(crate) role: Role,
    /// When it joined, in seconds since 1970.
    pub(crate) since: i64,
}

/// What a member may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Writes, unless only admins may.
    Member,
    /// Changes the group too.
    Admin,
    /// Created the group; nobody can take this from them.
    SuperAdmin,
}

impl Role {
    /// The `type` of a participant on the wire; a plain member has none.
    pub(crate) fn wire(self) -> Option<&'static str> {
        match self {
            Self::Member => None,
            Self::Admin => Some("admin"),
            Self::SuperAdmin => Some("superadmin"),
        }
    }

    pub(crate) fn is_admin(self) -> bool {
        self >= Self::Admin
    }
}

impl Group {
    pub(crate) fn new(id: String, creator: &str, created: i64, state: GroupState) -> Self {
        Self { id, created, creator: creator.to_owned(), state: Mutex::new(state) }
    }

    pub(crate) fn jid(&self) -> Jid {
        Jid::group(self.id.as_str())
    }

    /// The mutable part.
    pub(crate) fn state(&self) -> MutexGuard<'_, GroupState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The role of an account; `None` when it is no member.
    pub(crate) fn role(&self, account: &Account) -> Option<Role> {
        self.state().members.get(&account.number).map(|member| member.role)
    }

    /// # Errors
    /// 403 when the account is no member.
    pub(crate) fn check_member(&self, account: &Account) -> Result<Role, Refusal> {
        self.role(account).ok_or(FORBIDDEN)
    }

    /// # Errors
    /// 403 when the account is no admin.
    pub(crate) fn check_admin(&self, account: &Account) -> Result<(), Refusal> {
        match self.role(account) {
            Some(role) if role.is_admin() => Ok(()),
            _ => Err(FORBIDDEN),
        }
    }

    /// May the account write to it? When only admins may, the others may not.
    pub(crate) fn may_write(&self, account: &Account) -> bool {
        let only_admins = self.state().toggles.contains("announcement");
        self.role(account).is_some_and(|role| role.is_admin() || !only_admins)
    }

    /// The accounts of its members.
    pub(crate) fn accounts(&self, server: &Server) -> Vec<Arc<Account>> {
        let numbers: Vec<String> = self.state().members.keys().cloned().collect();
        numbers.iter().filter_map(|number| server.accounts.by_number(number)).collect()
    }
}
