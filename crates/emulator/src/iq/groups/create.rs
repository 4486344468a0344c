//! `<create>`: a group, or a community.

use std::collections::{BTreeMap, BTreeSet};

use whatsapp_rust::wacore_binary::node::Node;

use super::super::{Answer, Request};
use super::Outcome;
use crate::groups::{self, Creation, MOST_MEMBERS, NOT_ACCEPTABLE, community};
use crate::stanza::{attr, attr_or_empty, child_bytes, children, jid_attr};

pub(super) fn create(request: &Request<'_>, operation: &Node) -> Outcome {
    let Request { server, account, .. } = request;
    let mut creation = Creation { subject: attr_or_empty(operation, "subject"), ..Creation::default() };
    let mut with_general_chat = false;
    for child in children(operation).iter().take(MOST_MEMBERS + 20) {
        match &*child.tag {
            "participant" => creation.members.extend(member(request, child)),
            "description" => {
                let text = String::from_utf8(child_bytes(child, "body")).map_err(|_| NOT_ACCEPTABLE)?;
                creation.description =
                    Some((attr_or_empty(child, "id"), text)).filter(|(_, text)| !text.is_empty());
            }
            "ephemeral" => {
                let seconds = attr_or_empty(child, "expiration").parse();
                creation.ephemeral_seconds = seconds.map_err(|_| NOT_ACCEPTABLE)?;
            }
            "membership_approval_mode" => {
                let join = child.get_optional_child("group_join");
                if join.and_then(|join| attr(join, "state")).as_deref() == Some("on") {
                    creation.toggles.insert("membership_approval_mode");
                }
            }
            "parent" => {
                creation.community.is_parent = true;
                if attr(child, "default_membership_approval_mode").as_deref() == Some("request_required") {
                    creation.toggles.insert("membership_approval_mode");
                }
            }
            "linked_parent" => {
                creation.community.parent = jid_attr(child, "jid").map(|jid| jid.user.to_string())
            }
            "allow_non_admin_sub_group_creation" => {
                creation.toggles.insert("allow_non_admin_sub_group_creation");
            }
            "create_general_chat" => with_general_chat = true,
            "member_add_mode" => set_mode(&mut creation.modes, "member_add_mode", child)?,
            "member_link_mode" => set_mode(&mut creation.modes, "member_link_mode", child)?,
            _ => return Ok(Answer::Unknown),
        }
    }
    creation.members = std::mem::take(&mut creation.members)
        .into_iter()
        .filter(|number| *number != account.number)
        .collect::<BTreeSet<String>>();
    let group = if creation.community.is_parent {
        community::create(server, account, creation, with_general_chat)?
    } else {
        groups::create(server, account, creation)?
    };
    Ok(Answer::Result(vec![groups::describe(server, &group)]))
}

fn member(request: &Request<'_>, participant: &Node) -> Option<String> {
    let account = request.server.accounts.by_jid(&jid_attr(participant, "jid")?)?;
    Some(account.number.clone())
}

fn set_mode(
    modes: &mut BTreeMap<&'static str, String>,
    tag: &'static str,
    child: &Node,
) -> Result<(), groups::Refusal> {
    let value = String::from_utf8(crate::stanza::bytes(child)).map_err(|_| NOT_ACCEPTABLE)?;
    modes.insert(tag, value.chars().take(64).collect());
    Ok(())
}
