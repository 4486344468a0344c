//! Communities: a parent group without messages of its own, the groups below it, and the one for announcements,
//! of which everybody in the community is a member.

use std::collections::BTreeSet;
use std::sync::Arc;

use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::node::Node;

use super::state::Community;
use super::{Creation, FORBIDDEN, Group, NOT_ACCEPTABLE, NOT_FOUND, Refusal, admit, directory, node, notify};
use crate::account::Account;
use crate::server::Server;

/// Groups of one community: WhatsApp's own limit.
const MOST_GROUPS: usize = 100;

/// Creates a community with its announcements, and with a chat for all when `with_general_chat`.
///
/// # Errors
/// As a group's creation.
pub(crate) fn create(
    server: &Arc<Server>,
    creator: &Arc<Account>,
    creation: Creation,
    with_general_chat: bool,
) -> Result<Arc<Group>, Refusal> {
    let subject = creation.subject.clone();
    let parent = directory::create(server, creator, creation)?;
    let below = |subject: String, is_announcements: bool| Creation {
        subject,
        toggles: if is_announcements { BTreeSet::from(["announcement"]) } else { BTreeSet::new() },
        community: Community {
            parent: Some(parent.id.clone()),
            is_announcements,
            is_general: !is_announcements,
            ..Community::default()
        },
        ..Creation::default()
    };
    directory::create(server, creator, below(subject, true))?;
    if with_general_chat {
        directory::create(server, creator, below("General".to_owned(), false))?;
    }
    Ok(parent)
}

/// Puts a group below a community; its members become members of the community.
///
/// # Errors
/// 403 when `by` is not an admin of both, 406 when the group has a place already or there are too many.
pub(crate) fn link(server: &Server, parent: &Group, by: &Arc<Account>, group: &Group) -> Result<(), Refusal> {
    parent.check_admin(by)?;
    group.check_admin(by)?;
    let has_place = {
        let community = &group.state().community;
        community.is_parent || community.parent.is_some()
    };
    if !parent.state().community.is_parent
        || has_place
        || server.groups.below(&parent.id).len() >= MOST_GROUPS
    {
        return Err(NOT_ACCEPTABLE);
    }
    group.state().community.parent = Some(parent.id.clone());
    for account in group.accounts(server) {
        follow(server, group, &account);
    }
    let change = NodeBuilder::new("link").attr("link_type", "sub_group").children([brief(group)]).build();
    notify::changed(server, parent, by, change);
    let change = NodeBuilder::new("link").attr("link_type", "parent_group").children([brief(parent)]).build();
    notify::changed(server, group, by, change);
    Ok(())
}

/// Takes a group out of a community.
///
/// # Errors
/// 403 when `by` is no admin of the community, 404 when the group is not below it, 406 for its announcements.
pub(crate) fn unlink(server: &Server, parent: &Group, by: &Account, group: &Group) -> Result<(), Refusal> {
    parent.check_admin(by)?;
    {
        let mut state = group.state();
        if state.community.parent.as_deref() != Some(parent.id.as_str()) {
            return Err(NOT_FOUND);
        }
        if state.community.is_announcements {
            return Err(NOT_ACCEPTABLE);
        }
        state.community = Community::default();
    }
    for (told, other, kind) in [(parent, group, "sub_group"), (group, parent, "parent_group")] {
        let change = NodeBuilder::new("unlink")
            .attr("unlink_type", kind)
            .attr("unlink_reason", "unlink_group")
            .children([brief(other)]);
        notify::changed(server, told, by, change.build());
    }
    Ok(())
}

/// Ends a community; the groups below it go on by themselves, but not its announcements.
///
/// # Errors
/// 403 when `by` is no admin of it, 406 when it is no community.
pub(crate) fn end(server: &Server, parent: &Group, by: &Account) -> Result<(), Refusal> {
    parent.check_admin(by)?;
    if !parent.state().community.is_parent {
        return Err(NOT_ACCEPTABLE);
    }
    for group in server.groups.below(&parent.id) {
        let is_announcements = group.state().community.is_announcements;
        if is_announcements {
            gone(server, &group, by);
        } else {
            unlink(server, parent, by, &group)?;
        }
    }
    gone(server, parent, by);
    Ok(())
}

fn gone(server: &Server, group: &Group, by: &Account) {
    notify::changed(server, group, by, NodeBuilder::new("delete").build());
    server.groups.remove(&group.id);
}

/// A member of a community joins one of its groups.
///
/// # Errors
/// 403 when it is no member of the community, 404 when the group is not below it, and as joining by a link.
pub(crate) fn join(
    server: &Server,
    parent: &Group,
    group: &Group,
    account: &Arc<Account>,
) -> Result<(), Refusal> {
    parent.check_member(account).map_err(|_| FORBIDDEN)?;
    if group.state().community.parent.as_deref() != Some(parent.id.as_str()) {
        return Err(NOT_FOUND);
    }
    admit::join_by_request(server, group, account)
}

/// Whoever is a member of a group below a community is one of the community and of its announcements.
pub(super) fn follow(server: &Server, group: &Group, account: &Arc<Account>) {
    let (parent, is_parent) = {
        let community = &group.state().community;
        (community.parent.clone(), community.is_parent)
    };
    let id = if is_parent { Some(group.id.clone()) } else { parent };
    let Some(parent) = id.and_then(|id| server.groups.find(&id)) else { return };
    let announcements =
        server.groups.below(&parent.id).into_iter().filter(|group| group.state().community.is_announcements);
    for place in std::iter::once(Arc::clone(&parent)).chain(announcements) {
        if place.role(account).is_none() && admit::admit(server, &place, account).is_ok() {
            notify::joined(server, &place, account, std::slice::from_ref(account), Some("linked_group_join"));
        }
    }
}

/// Whoever leaves a community leaves its announcements, and with `all` every group below it.
pub(crate) fn unfollow(server: &Server, parent: &Group, by: &Account, accounts: &[Arc<Account>], all: bool) {
    for group in server.groups.below(&parent.id) {
        if all || group.state().community.is_announcements {
            let members: Vec<Arc<Account>> =
                accounts.iter().filter(|account| group.role(account).is_some()).cloned().collect();
            admit::part(server, &group, by, &members);
        }
    }
}

/// The members of all groups below a community, each once.
pub(crate) fn everybody(server: &Server, parent: &Group) -> Vec<Node> {
    let mut seen = BTreeSet::new();
    let mut nodes = Vec::new();
    for group in server.groups.below(&parent.id) {
        for account in group.accounts(server) {
            if seen.insert(account.number.clone()) {
                nodes.push(node::participant(&account, None));
            }
        }
    }
    nodes
}

/// `<group>` with what the outside of a community shows of one below it.
pub(crate) fn brief(group: &Group) -> Node {
    let state = group.state();
    let mut node = NodeBuilder::new("group")
        .attr("id", &group.id)
        .attr("jid", group.jid())
        .attr("subject", &state.subject.text)
        .attr("s_t", state.subject.at)
        .attr("creation", group.created)
        .attr("size", state.members.len());
    if state.community.is_announcements {
        node = node.children([NodeBuilder::new("default_sub_group").build()]);
    }
    node.build()
}
