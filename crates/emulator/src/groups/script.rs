//! What a script does with groups, over the admin API and as methods of [`Emulator`].

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use whatsapp_rust::Jid;

use super::{
    Creation, Description, Group, Refusal, Role, Toggle, add, create, leave, remove, set_description,
    set_role, set_subject,
};
use crate::account::Account;
use crate::emulator::Emulator;
use crate::error::EmulatorError;
use crate::script::number;
use crate::server::Server;
use crate::{entropy, script};

/// A group that a phone shall create.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewGroup {
    /// The phone that creates it.
    pub by: String,
    /// Its subject, 1 to 100 characters.
    pub subject: String,
    /// The other members' numbers.
    #[serde(default)]
    pub members: Vec<String>,
}

/// A group, as the admin API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupInfo {
    /// Its address, `…@g.us`.
    pub id: String,
    /// Its subject.
    pub subject: String,
    /// Its description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// May only admins write?
    pub announce: bool,
    /// May only admins change subject, description and picture?
    pub locked: bool,
    /// What its invite link ends in.
    pub invite_code: String,
    /// The id of its picture, when it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    /// The community that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Its members, by number.
    pub members: Vec<GroupMember>,
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupMember {
    /// The number, digits only.
    pub phone: String,
    /// What it may do.
    pub role: Role,
}

/// What a phone changes of a group; what is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GroupChange {
    /// The phone that does it.
    pub by: String,
    /// The subject, 1 to 100 characters.
    pub subject: Option<String>,
    /// The description, at most 2048 characters; an empty one deletes it.
    pub description: Option<String>,
    /// Only admins write.
    pub announce: Option<bool>,
    /// Only admins change what is shown of it.
    pub locked: Option<bool>,
}

/// What a phone does with members of a group.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupAction {
    /// The phone that does it.
    pub by: String,
    /// `add`, `remove`, `promote` or `demote`.
    pub action: String,
    /// Whom, by number; none when the phone itself leaves (`remove`).
    #[serde(default)]
    pub members: Vec<String>,
}

impl From<Refusal> for EmulatorError {
    fn from(Refusal(code, text): Refusal) -> Self {
        Self::Refused(format!("{code} {text}"))
    }
}

/// Finds a group by its address or its id.
pub(crate) fn find(server: &Server, group: &str) -> Result<Arc<Group>, EmulatorError> {
    let id = group.split('@').next().unwrap_or_default();
    server.groups.find(id).ok_or(EmulatorError::UnknownGroup)
}

pub(crate) fn info(group: &Group) -> GroupInfo {
    let state = group.state();
    let members =
        state.members.iter().map(|(phone, member)| GroupMember { phone: phone.clone(), role: member.role });
    GroupInfo {
        id: group.jid().to_string(),
        subject: state.subject.text.clone(),
        description: state.description.as_ref().map(|description| description.text.clone()),
        announce: state.toggles.contains("announcement"),
        locked: state.toggles.contains("locked"),
        invite_code: state.invite_code.clone(),
        picture: state.picture.as_ref().map(crate::profile::Picture::id),
        parent: state.community.parent.as_ref().map(|parent| Jid::group(parent.as_str()).to_string()),
        members: members.collect(),
    }
}

pub(crate) fn list(server: &Server) -> Vec<GroupInfo> {
    server.groups.all().iter().map(|group| info(group)).collect()
}

fn accounts(server: &Server, members: &[String]) -> Result<Vec<Arc<Account>>, EmulatorError> {
    let found = members
        .iter()
        .map(|member| server.accounts.by_number(&number(member)?).ok_or(EmulatorError::UnknownRecipient));
    found.collect()
}

/// A phone creates a group.
pub(crate) fn create_by_phone(server: &Arc<Server>, new: NewGroup) -> Result<GroupInfo, EmulatorError> {
    let creator = script::find(server, &new.by)?;
    let members = accounts(server, &new.members)?;
    let members = members.iter().map(|account| account.number.clone());
    let creation = Creation {
        subject: new.subject,
        members: members.filter(|number| *number != creator.number).collect(),
        ..Creation::default()
    };
    Ok(info(&*create(server, &creator, creation)?))
}

/// A phone changes a group.
pub(crate) fn change(server: &Server, group: &str, change: GroupChange) -> Result<GroupInfo, EmulatorError> {
    let group = find(server, group)?;
    let by = script::find(server, &change.by)?;
    if let Some(subject) = change.subject {
        set_subject(server, &group, &by, &subject)?;
    }
    if let Some(text) = change.description {
        let description = Description {
            id: entropy::hexadecimal::<8>(),
            previous: group.state().description.as_ref().map(|present| present.id.clone()),
            text: Some(text).filter(|text| !text.is_empty()),
        };
        set_description(server, &group, &by, description)?;
    }
    for (tag, value) in [("announcement", change.announce), ("locked", change.locked)] {
        if let (Some(on), Some((toggle, _))) = (value, Toggle::of(tag)) {
            toggle.set(server, &group, &by, on)?;
        }
    }
    Ok(info(&group))
}

/// A phone adds or removes members, makes them admins or no longer, or leaves.
pub(crate) fn act(server: &Server, group: &str, action: GroupAction) -> Result<GroupInfo, EmulatorError> {
    let group = find(server, group)?;
    let by = script::find(server, &action.by)?;
    let members = accounts(server, &action.members)?;
    let refused = match action.action.as_str() {
        "add" => {
            for added in add(server, &group, &by, &members)? {
                match added {
                    super::Added::Yes => {}
                    super::Added::Invite(..) => return Err(super::FORBIDDEN.into()),
                    super::Added::No(refusal) => return Err(refusal.into()),
                }
            }
            Vec::new()
        }
        "remove" if members.is_empty() => {
            leave(server, &group, &by)?;
            Vec::new()
        }
        "remove" => remove(server, &group, &by, &members, false)?,
        "promote" => set_role(server, &group, &by, &members, Role::Admin)?,
        "demote" => set_role(server, &group, &by, &members, Role::Member)?,
        other => return Err(EmulatorError::BadRequest(format!("no such action: {other}"))),
    };
    match refused.into_iter().flatten().next() {
        Some(refusal) => Err(refusal.into()),
        None => Ok(info(&group)),
    }
}

/// A phone follows an invite link.
pub(crate) fn join(server: &Server, phone: &str, code: &str) -> Result<GroupInfo, EmulatorError> {
    let account = script::find(server, phone)?;
    let group = server.groups.by_code(code).ok_or(EmulatorError::UnknownGroup)?;
    super::join_by_code(server, &group, &account)?;
    Ok(info(&group))
}

impl Emulator {
    /// A phone creates a group; its members are told.
    ///
    /// # Errors
    /// [`EmulatorError::UnknownPhone`], [`EmulatorError::UnknownRecipient`] and [`EmulatorError::Refused`].
    pub async fn create_group(
        &self,
        by: &str,
        subject: &str,
        members: &[&str],
    ) -> Result<GroupInfo, EmulatorError> {
        let members = members.iter().map(|member| (*member).to_owned()).collect();
        create_by_phone(&self.server, NewGroup { by: by.to_owned(), subject: subject.to_owned(), members })
    }

    /// Every group.
    pub async fn groups(&self) -> Vec<GroupInfo> {
        list(&self.server)
    }

    /// One group.
    ///
    /// # Errors
    /// [`EmulatorError::UnknownGroup`].
    pub async fn group(&self, group: &str) -> Result<GroupInfo, EmulatorError> {
        find(&self.server, group).map(|group| info(&group))
    }

    /// A phone changes a group.
    ///
    /// # Errors
    /// [`EmulatorError::UnknownGroup`], [`EmulatorError::UnknownPhone`] and [`EmulatorError::Refused`].
    pub async fn change_group(&self, group: &str, change: GroupChange) -> Result<GroupInfo, EmulatorError> {
        self::change(&self.server, group, change)
    }

    /// A phone adds or removes members, makes them admins or no longer, or leaves.
    ///
    /// # Errors
    /// As [`Emulator::change_group`], [`EmulatorError::UnknownRecipient`] and [`EmulatorError::BadRequest`].
    pub async fn act_on_members(&self, group: &str, action: GroupAction) -> Result<GroupInfo, EmulatorError> {
        act(&self.server, group, action)
    }

    /// A phone follows an invite link.
    ///
    /// # Errors
    /// As [`Emulator::change_group`].
    pub async fn join_group(&self, phone: &str, code: &str) -> Result<GroupInfo, EmulatorError> {
        join(&self.server, phone, code)
    }
}
