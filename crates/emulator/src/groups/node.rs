//! A group as stanzas show it.

use whatsapp_rust::Jid;
use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::node::Node;

use super::{Group, GroupState, Member};
use crate::account::Account;
use crate::server::Server;

/// `<group>`: everything that a member may know of it.
pub(crate) fn describe(server: &Server, group: &Group) -> Node {
    let state = group.state();
    let mut node = NodeBuilder::new("group")
        .attr("id", &group.id)
        .attr("jid", group.jid())
        .attr("subject", &state.subject.text)
        .attr("s_t", state.subject.at)
        .attr("creation", group.created)
        .attr("addressing_mode", "lid")
        .attr("size", state.members.len());
    for (who, by_lid, by_number) in
        [(&group.creator, "creator", "creator_pn"), (&state.subject.by, "s_o", "s_o_pn")]
    {
        if let Some(account) = server.accounts.by_number(who) {
            node = node.attr(by_lid, account.lid_jid(0)).attr(by_number, account.number_jid(0));
        }
    }
    let mut children = settings(&state);
    children.extend(description(server, &state));
    children.extend(state.members.iter().filter_map(|(number, member)| {
        server.accounts.by_number(number).map(|account| participant(&account, Some(*member)))
    }));
    node.children(children).build()
}

fn settings(state: &GroupState) -> Vec<Node> {
    let mut children: Vec<Node> = state.toggles.iter().map(|tag| toggle(tag)).collect();
    for (tag, value) in &state.modes {
        children.push(NodeBuilder::new(tag).bytes(value.clone().into_bytes()).build());
    }
    if state.ephemeral_seconds > 0 {
        children.push(NodeBuilder::new("ephemeral").attr("expiration", state.ephemeral_seconds).build());
    }
    let community = &state.community;
    if community.is_parent {
        children.push(NodeBuilder::new("parent").build());
    }
    if let Some(parent) = &community.parent {
        children.push(NodeBuilder::new("linked_parent").attr("jid", Jid::group(parent.as_str())).build());
    }
    if community.is_announcements {
        children.push(NodeBuilder::new("default_sub_group").build());
    }
    if community.is_general {
        children.push(NodeBuilder::new("general_chat").build());
    }
    children
}

/// A setting that is on.
fn toggle(tag: &'static str) -> Node {
    let node = NodeBuilder::new(tag);
    if tag == "membership_approval_mode" {
        return node.children([NodeBuilder::new("group_join").attr("state", "on").build()]).build();
    }
    node.build()
}

fn description(server: &Server, state: &GroupState) -> Option<Node> {
    let text = state.description.as_ref()?;
    let mut node = NodeBuilder::new("description").attr("id", &text.id).attr("t", text.at);
    if let Some(account) = server.accounts.by_number(&text.by) {
        node = node.attr("participant", account.lid_jid(0)).attr("participant_pn", account.number_jid(0));
    }
    Some(node.children([NodeBuilder::new("body").bytes(text.text.clone().into_bytes()).build()]).build())
}

/// `<participant>`: a member, or somebody who was or becomes one.
pub(crate) fn participant(account: &Account, member: Option<Member>) -> Node {
    let mut node = NodeBuilder::new("participant")
        .attr("jid", account.lid_jid(0))
        .attr("phone_number", account.number_jid(0));
    if let Some(kind) = member.and_then(|member| member.role.wire()) {
        node = node.attr("type", kind);
    }
    if let Some(member) = member {
        node = node.attr("join_time", member.since);
    }
    node.build()
}
