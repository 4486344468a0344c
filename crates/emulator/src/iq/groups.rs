//! `w:g2`: groups and communities.

mod create;
mod participants;

use std::sync::Arc;

use whatsapp_rust::Jid;
use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::node::Node;

use super::{Answer, Request};
use crate::groups::{self, CONFLICT, Description, Group, NOT_FOUND, Refusal, Toggle, community};
use crate::stanza::{attr, attr_or_empty, bytes, child_bytes, children, jid_attr};

/// Groups that one request may ask about.
const MOST_ASKED: usize = 10_000;

impl From<Refusal> for Answer {
    fn from(Refusal(code, text): Refusal) -> Self {
        Self::Error(code, text)
    }
}

type Outcome = Result<Answer, Refusal>;

pub(super) fn answer(request: &Request<'_>) -> Answer {
    let Some(operation) = request.operation() else { return Answer::Unknown };
    let to = jid_attr(request.node, "to").filter(|jid| !jid.user.is_empty());
    let outcome = match to {
        None => of_all(request, operation),
        Some(jid) => match request.server.groups.find(&jid.user) {
            Some(group) if request.is_set => change(request, &group, operation),
            Some(group) => show(request, &group, operation),
            None => Err(NOT_FOUND),
        },
    };
    outcome.unwrap_or_else(Answer::from)
}

/// What is asked of the server of groups, and not of one group.
fn of_all(request: &Request<'_>, operation: &Node) -> Outcome {
    let Request { server, account, .. } = request;
    match (request.is_set, &*operation.tag) {
        (true, "create") => create::create(request, operation),
        (true, "leave") => {
            for left in children(operation) {
                let id = jid_attr(left, "id")
                    .map_or_else(|| attr_or_empty(left, "id"), |jid| jid.user.to_string());
                groups::leave(server, &*server.groups.find(&id).ok_or(NOT_FOUND)?, account)?;
            }
            Ok(Answer::Result(vec![operation.clone()]))
        }
        (true, "invite") => {
            let group = server.groups.by_code(&attr_or_empty(operation, "code")).ok_or(NOT_FOUND)?;
            let joined = groups::join_by_code(server, &group, account)?;
            let tag = match joined {
                true if group.state().community.is_parent => "community",
                true => "group",
                false => "membership_approval_request",
            };
            Ok(Answer::Result(vec![NodeBuilder::new(tag).attr("jid", group.jid()).build()]))
        }
        (false, "invite") => {
            let group = server.groups.by_code(&attr_or_empty(operation, "code")).ok_or(NOT_FOUND)?;
            Ok(Answer::Result(vec![groups::describe(server, &group)]))
        }
        (false, "participating") => {
            let all = server.groups.of(account).into_iter().map(|group| groups::describe(server, &group));
            Ok(Answer::Result(vec![NodeBuilder::new("groups").children(all.collect::<Vec<_>>()).build()]))
        }
        (false, "query") => Ok(Answer::Result(vec![batch(request, operation)])),
        (false, "pictures") => Ok(Answer::Result(vec![pictures(request, operation)])),
        _ => Ok(Answer::Unknown),
    }
}

fn batch(request: &Request<'_>, operation: &Node) -> Node {
    let asked = children(operation).iter().take(MOST_ASKED).filter_map(|asked| jid_attr(asked, "jid"));
    let found = asked.map(|jid| {
        let error = |code: u16| NodeBuilder::new("group").attr("id", &jid).attr("error", code).build();
        match request.server.groups.find(&jid.user) {
            None => error(404),
            Some(group) if group.role(request.account).is_none() => error(403),
            Some(group) => groups::describe(request.server, &group),
        }
    });
    NodeBuilder::new("groups").children(found.collect::<Vec<_>>()).build()
}

fn pictures(request: &Request<'_>, operation: &Node) -> Node {
    let shown = children(operation).iter().take(MOST_ASKED).filter_map(|asked| {
        let group = request.server.groups.find(&jid_attr(asked, "jid")?.user)?;
        group.check_member(request.account).ok()?;
        let picture = group.state().picture.clone()?;
        let path = if attr_or_empty(asked, "type") == "image" { &picture.image } else { &picture.preview };
        let node = NodeBuilder::new("picture")
            .attr("jid", group.jid())
            .attr("id", picture.id())
            .attr("direct_path", path)
            .attr("url", request.server.media_url(path));
        Some(node.build())
    });
    NodeBuilder::new("pictures").children(shown.collect::<Vec<_>>()).build()
}

/// What a member asks of its group.
fn show(request: &Request<'_>, group: &Arc<Group>, operation: &Node) -> Outcome {
    let Request { server, account, .. } = request;
    group.check_member(account)?;
    Ok(Answer::Result(match &*operation.tag {
        "query" => vec![groups::describe(server, group)],
        "invite" => {
            let code = groups::invite_code(server, group, account, false)?;
            vec![NodeBuilder::new("invite").attr("code", code).build()]
        }
        "membership_approval_requests" => {
            group.check_admin(account)?;
            let requests = group.state().requests.clone();
            let asked = requests.iter().filter_map(|(number, at)| {
                let account = server.accounts.by_number(number)?;
                let node = NodeBuilder::new("membership_approval_request")
                    .attr("jid", account.lid_jid(0))
                    .attr("phone_number", account.number_jid(0))
                    .attr("request_method", "invite_link")
                    .attr("request_time", *at);
                Some(node.build())
            });
            vec![NodeBuilder::new("membership_approval_requests").children(asked.collect::<Vec<_>>()).build()]
        }
        "query_linked" => {
            let linked = linked(request, group, operation)?;
            let inside = groups::describe(server, &linked);
            vec![NodeBuilder::new("linked_group").children([inside]).build()]
        }
        "sub_groups" => {
            let below = server.groups.below(&group.id).into_iter().map(|group| community::brief(&group));
            vec![NodeBuilder::new("sub_groups").children(below.collect::<Vec<_>>()).build()]
        }
        "linked_groups_participants" => {
            let everybody = community::everybody(server, group);
            vec![NodeBuilder::new("linked_groups_participants").children(everybody).build()]
        }
        _ => return Ok(Answer::Unknown),
    }))
}

/// The group below a community that a request names.
fn linked(request: &Request<'_>, parent: &Group, operation: &Node) -> Result<Arc<Group>, Refusal> {
    let jid: Jid = jid_attr(operation, "jid").ok_or(NOT_FOUND)?;
    let group = request.server.groups.find(&jid.user).ok_or(NOT_FOUND)?;
    let is_below = group.state().community.parent.as_deref() == Some(parent.id.as_str());
    if is_below { Ok(group) } else { Err(NOT_FOUND) }
}

/// What changes a group.
fn change(request: &Request<'_>, group: &Arc<Group>, operation: &Node) -> Outcome {
    let Request { server, account, .. } = request;
    let tag = &*operation.tag;
    if let Some((toggle, on)) = Toggle::of(tag) {
        return toggle.set(server, group, account, on).map(|()| Answer::Result(Vec::new()));
    }
    if let Some(done) = groups::set_mode(server, group, account, tag, operation) {
        return done.map(|()| Answer::Result(Vec::new()));
    }
    match tag {
        "subject" => {
            let subject = String::from_utf8(bytes(operation)).map_err(|_| groups::NOT_ACCEPTABLE)?;
            groups::set_subject(server, group, account, &subject)?;
            Ok(Answer::Result(Vec::new()))
        }
        "description" => describe(request, group, operation),
        "invite" => {
            let code = groups::invite_code(server, group, account, true)?;
            Ok(Answer::Result(vec![NodeBuilder::new("invite").attr("code", code).build()]))
        }
        "accept" => {
            groups::accept_request(server, group, account, &attr_or_empty(operation, "code"))?;
            Ok(Answer::Result(vec![NodeBuilder::new("group").attr("jid", group.jid()).build()]))
        }
        "add"
        | "remove"
        | "promote"
        | "demote"
        | "membership_requests_action"
        | "cancel_membership_requests"
        | "revoke" => participants::change(request, group, operation),
        "links" => link(request, group, operation),
        "unlink" => unlink(request, group, operation),
        "delete_parent" => {
            community::end(server, group, account)?;
            Ok(Answer::Result(Vec::new()))
        }
        "join_linked_group" => {
            let linked = linked(request, group, operation)?;
            match community::join(server, group, &linked, account) {
                Ok(()) | Err(CONFLICT) => {}
                Err(refusal) => return Err(refusal),
            }
            let inside = groups::describe(server, &linked);
            Ok(Answer::Result(vec![NodeBuilder::new("linked_group").children([inside]).build()]))
        }
        // The client saw a notification of it.
        "ack" => Ok(Answer::Result(Vec::new())),
        _ => Ok(Answer::Unknown),
    }
}

fn describe(request: &Request<'_>, group: &Group, operation: &Node) -> Outcome {
    let is_deleted = attr(operation, "delete").as_deref() == Some("true");
    let text = String::from_utf8(child_bytes(operation, "body")).map_err(|_| groups::NOT_ACCEPTABLE)?;
    let description = Description {
        id: attr_or_empty(operation, "id"),
        previous: attr(operation, "prev").filter(|previous| !previous.is_empty()),
        text: (!is_deleted).then_some(text),
    };
    groups::set_description(request.server, group, request.account, description)?;
    Ok(Answer::Result(Vec::new()))
}

fn link(request: &Request<'_>, parent: &Group, operation: &Node) -> Outcome {
    let wanted = operation.get_optional_child("link").into_iter().flat_map(children);
    let linked =
        outcomes(request, wanted, |group| community::link(request.server, parent, request.account, group));
    let link = NodeBuilder::new("link").attr("link_type", "sub_group").children(linked).build();
    Ok(Answer::Result(vec![NodeBuilder::new("links").children([link]).build()]))
}

fn unlink(request: &Request<'_>, parent: &Group, operation: &Node) -> Outcome {
    let unlinked = outcomes(request, children(operation).iter(), |group| {
        community::unlink(request.server, parent, request.account, group)
    });
    let unlink = NodeBuilder::new("unlink").attr("unlink_type", "sub_group").children(unlinked);
    Ok(Answer::Result(vec![unlink.build()]))
}

fn outcomes<'a>(
    request: &Request<'_>,
    wanted: impl Iterator<Item = &'a Node>,
    act: impl Fn(&Group) -> Result<(), Refusal>,
) -> Vec<Node> {
    let outcomes = wanted.take(MOST_ASKED).filter_map(|wanted| jid_attr(wanted, "jid")).map(|jid| {
        let found = request.server.groups.find(&jid.user).ok_or(NOT_FOUND);
        let node = NodeBuilder::new("group").attr("jid", &jid);
        match found.and_then(|group| act(&group)) {
            Ok(()) => node.build(),
            Err(Refusal(code, _)) => node.attr("error", code).build(),
        }
    });
    outcomes.collect()
}
