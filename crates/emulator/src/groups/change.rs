//! Changes of a group: its subject, description, settings, admins, invite link and picture.

use std::sync::Arc;

use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::node::Node;

use super::directory::fresh_code;
use super::state::{GroupText, Subject};
use super::{
    CONFLICT, FORBIDDEN, Group, LONGEST_DESCRIPTION, LONGEST_SUBJECT, NOT_ACCEPTABLE, NOT_FOUND, Refusal,
    Role, node, notify,
};
use crate::account::Account;
use crate::profile;
use crate::server::Server;

/// The longest value of a setting, in bytes.
const LONGEST_MODE: usize = 64;

/// A new description, or none.
pub(crate) struct Description {
    pub(crate) id: String,
    /// The id of the description that it takes the place of, when the client says so.
    pub(crate) previous: Option<String>,
    /// `None` deletes it.
    pub(crate) text: Option<String>,
}

/// Settings that are on or off: the tag that turns one on, which also shows it, and the tag that turns it off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Toggle {
    pub(crate) on: &'static str,
    pub(crate) off: &'static str,
}

const TOGGLES: [Toggle; 5] = [
    Toggle { on: "announcement", off: "not_announcement" },
    Toggle { on: "locked", off: "unlocked" },
    Toggle { on: "no_frequently_forwarded", off: "frequently_forwarded_ok" },
    Toggle { on: "allow_admin_reports", off: "not_allow_admin_reports" },
    Toggle { on: "group_history", off: "no_group_history" },
];
/// Settings with a value.
const MODES: [&str; 3] = ["member_add_mode", "member_link_mode", "member_share_group_history_mode"];

impl Toggle {
    /// The setting that a tag is about, and whether it turns it on.
    pub(crate) fn of(tag: &str) -> Option<(Self, bool)> {
        let toggle = TOGGLES.into_iter().find(|toggle| tag == toggle.on || tag == toggle.off)?;
        Some((toggle, tag == toggle.on))
    }

    /// Turns it on or off.
    ///
    /// # Errors
    /// 403 when `by` is no admin.
    pub(crate) fn set(self, server: &Server, group: &Group, by: &Account, on: bool) -> Result<(), Refusal> {
        group.check_admin(by)?;
        if on {
            group.state().toggles.insert(self.on);
        } else {
            group.state().toggles.remove(self.on);
        }
        let change = NodeBuilder::new(if on { self.on } else { self.off }).build();
        notify::changed(server, group, by, change);
        Ok(())
    }
}

/// May the account change what is shown of the group? When it is locked, only admins may.
fn check_editor(group: &Group, by: &Account) -> Result<(), Refusal> {
    let is_locked = group.state().toggles.contains("locked");
    if is_locked { group.check_admin(by) } else { group.check_member(by).map(|_| ()) }
}

/// # Errors
/// 403 when `by` may not, 406 when the subject does not fit.
pub(crate) fn set_subject(server: &Server, group: &Group, by: &Account, text: &str) -> Result<(), Refusal> {
    check_editor(group, by)?;
    if text.is_empty() || text.chars().count() > LONGEST_SUBJECT {
        return Err(NOT_ACCEPTABLE);
    }
    let at = server.seconds();
    group.state().subject = Subject { text: text.to_owned(), by: by.number.clone(), at };
    let change = NodeBuilder::new("subject")
        .attr("subject", text)
        .attr("s_o", by.lid_jid(0))
        .attr("s_o_pn", by.number_jid(0))
        .attr("s_t", at);
    notify::changed(server, group, by, change.build());
    Ok(())
}

/// # Errors
/// 403 when `by` may not, 406 when the text does not fit, 409 when it replaces another than the present one.
pub(crate) fn set_description(
    server: &Server,
    group: &Group,
    by: &Account,
    description: Description,
) -> Result<(), Refusal> {
    check_editor(group, by)?;
    let Description { id, previous, text } = description;
    if text.as_ref().is_some_and(|text| text.chars().count() > LONGEST_DESCRIPTION) || id.len() > 128 {
        return Err(NOT_ACCEPTABLE);
    }
    let present = group.state().description.as_ref().map(|present| present.id.clone());
    if present != previous {
        return Err(CONFLICT);
    }
    let at = server.seconds();
    let change = match &text {
        Some(text) => NodeBuilder::new("body").bytes(text.clone().into_bytes()),
        None => NodeBuilder::new("delete"),
    };
    let change = NodeBuilder::new("description").attr("id", &id).children([change.build()]).build();
    group.state().description = text.map(|text| GroupText { id, text, by: by.number.clone(), at });
    notify::changed(server, group, by, change);
    Ok(())
}

/// A setting with a value: who may add members, disappearing messages, or whether admins admit those who join.
/// `None` when the tag names none.
///
/// # Errors
/// 403 when `by` is no admin, 406 when the value does not fit.
pub(crate) fn set_mode(
    server: &Server,
    group: &Group,
    by: &Account,
    tag: &str,
    setting: &Node,
) -> Option<Result<(), Refusal>> {
    let known = MODES.into_iter().find(|known| *known == tag);
    let is_other = matches!(tag, "ephemeral" | "not_ephemeral" | "membership_approval_mode");
    (known.is_some() || is_other).then(|| {
        group.check_admin(by)?;
        match known {
            Some(known) => {
                let value = String::from_utf8(crate::stanza::bytes(setting)).map_err(|_| NOT_ACCEPTABLE)?;
                if value.is_empty() || value.len() > LONGEST_MODE {
                    return Err(NOT_ACCEPTABLE);
                }
                group.state().modes.insert(known, value);
            }
            None if tag == "membership_approval_mode" => {
                let join = setting.get_optional_child("group_join");
                let state = join.and_then(|join| crate::stanza::attr(join, "state"));
                if state.as_deref() == Some("on") {
                    group.state().toggles.insert("membership_approval_mode");
                } else {
                    group.state().toggles.remove("membership_approval_mode");
                }
            }
            None => {
                let seconds = crate::stanza::attr(setting, "expiration").unwrap_or_else(|| "0".to_owned());
                group.state().ephemeral_seconds = seconds.parse().map_err(|_| NOT_ACCEPTABLE)?;
            }
        }
        notify::changed(server, group, by, setting.clone());
        Ok(())
    })
}

/// Makes members admins, or plain members again; says of each whether that could be.
///
/// # Errors
/// 403 when `by` is no admin.
pub(crate) fn set_role(
    server: &Server,
    group: &Group,
    by: &Account,
    accounts: &[Arc<Account>],
    role: Role,
) -> Result<Vec<Option<Refusal>>, Refusal> {
    group.check_admin(by)?;
    let mut changed = Vec::new();
    let outcomes = accounts
        .iter()
        .map(|account| {
            let mut state = group.state();
            match state.members.get_mut(&account.number) {
                None => Some(NOT_FOUND),
                Some(member) if member.role == Role::SuperAdmin => Some(FORBIDDEN),
                Some(member) => {
                    member.role = role;
                    changed.push(node::participant(account, Some(*member)));
                    None
                }
            }
        })
        .collect();
    if !changed.is_empty() {
        let tag = if role.is_admin() { "promote" } else { "demote" };
        notify::changed(server, group, by, NodeBuilder::new(tag).children(changed).build());
    }
    Ok(outcomes)
}

/// The invite code; a fresh one when `renew`, which ends the old one.
///
/// # Errors
/// 403 when `by` is no admin.
pub(crate) fn invite_code(
    server: &Server,
    group: &Group,
    by: &Account,
    renew: bool,
) -> Result<String, Refusal> {
    group.check_admin(by)?;
    if !renew {
        return Ok(group.state().invite_code.clone());
    }
    let code = fresh_code();
    group.state().invite_code.clone_from(&code);
    notify::changed(server, group, by, NodeBuilder::new("invite").attr("code", &code).build());
    Ok(code)
}

/// Sets the picture, or removes it. Says the new one's id.
///
/// # Errors
/// 403 when `by` may not, 406 when it is no JPEG of a fitting size.
pub(crate) fn set_picture(
    server: &Server,
    group: &Group,
    by: &Account,
    image: Option<(Vec<u8>, Option<Vec<u8>>)>,
) -> Result<Option<String>, Refusal> {
    check_editor(group, by)?;
    let Some((image, preview)) = image else {
        let before = group.state().picture.take();
        profile::forget_picture(server, before);
        notify::picture_changed(server, group, by, None);
        return Ok(None);
    };
    let last = group.state().last_picture;
    let picture = profile::new_picture(server, last, image, preview).ok_or(NOT_ACCEPTABLE)?;
    let id = picture.id();
    let before = {
        let mut state = group.state();
        state.last_picture = picture.id;
        state.picture.replace(picture)
    };
    profile::forget_picture(server, before);
    notify::picture_changed(server, group, by, Some(&id));
    Ok(Some(id))
}
