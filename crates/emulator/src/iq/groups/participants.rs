//! Members added and removed, admins made and unmade, requests decided.

use std::sync::Arc;

use whatsapp_rust::Jid;
use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::node::Node;

use super::super::{Answer, Request};
use super::Outcome;
use crate::account::Account;
use crate::groups::{self, Added, Group, MOST_MEMBERS, NOT_ACCEPTABLE, NOT_FOUND, Refusal, Role};
use crate::stanza::{attr, children, jid_attr};

/// A participant of a request: its address as the client wrote it, and its account.
type Named = (Jid, Option<Arc<Account>>);

pub(super) fn change(request: &Request<'_>, group: &Group, operation: &Node) -> Outcome {
    let Request { server, account, .. } = request;
    let action = operation.tag.to_string();
    if action == "membership_requests_action" {
        return decide(request, group, operation);
    }
    let named = named(request, operation);
    let known: Vec<Arc<Account>> = named.iter().filter_map(|(_, account)| account.clone()).collect();
    let outcomes = match action.as_str() {
        "add" => {
            let added = groups::add(server, group, account, &known)?;
            let nodes = answer(&named, added.into_iter().map(added_node));
            return Ok(Answer::Result(vec![NodeBuilder::new("add").children(nodes).build()]));
        }
        "remove" => {
            let with_linked = attr(operation, "linked_groups").as_deref() == Some("true");
            groups::remove(server, group, account, &known, with_linked)?
        }
        "promote" => groups::set_role(server, group, account, &known, Role::Admin)?,
        "demote" => groups::set_role(server, group, account, &known, Role::Member)?,
        "cancel_membership_requests" => known
            .iter()
            .map(|asked| match asked.number == account.number {
                true => groups::cancel_requests(server, group, asked).err(),
                false => Some(groups::FORBIDDEN),
            })
            .collect(),
        _ => {
            // `revoke`: an invitation of a single account holds no longer.
            group.check_admin(account)?;
            let gone = |asked: &Arc<Account>| group.state().personal_invites.remove(&asked.number);
            known.iter().map(|asked| gone(asked).is_none().then_some(NOT_FOUND)).collect()
        }
    };
    let nodes = answer(&named, outcomes.into_iter().map(refusal_node));
    Ok(Answer::Result(vec![NodeBuilder::new_dynamic(action).children(nodes).build()]))
}

fn decide(request: &Request<'_>, group: &Group, operation: &Node) -> Outcome {
    let inner = children(operation).first().ok_or(NOT_ACCEPTABLE)?;
    let admits = match &*inner.tag {
        "approve" => true,
        "reject" => false,
        _ => return Ok(Answer::Unknown),
    };
    let named = named(request, inner);
    let known: Vec<Arc<Account>> = named.iter().filter_map(|(_, account)| account.clone()).collect();
    let outcomes = groups::decide(request.server, group, request.account, &known, admits)?;
    let nodes = answer(&named, outcomes.into_iter().map(refusal_node));
    let inner = NodeBuilder::new_dynamic(inner.tag.to_string()).children(nodes).build();
    Ok(Answer::Result(vec![NodeBuilder::new("membership_requests_action").children([inner]).build()]))
}

fn named(request: &Request<'_>, operation: &Node) -> Vec<Named> {
    let jids = children(operation).iter().filter_map(|child| jid_attr(child, "jid")).take(MOST_MEMBERS);
    jids.map(|jid| (jid.clone(), request.server.accounts.by_jid(&jid))).collect()
}

/// What a participant's element says beside its address.
type Note = Box<dyn Fn(NodeBuilder) -> NodeBuilder>;

fn refusal_node(refusal: Option<Refusal>) -> Note {
    Box::new(move |node| match refusal {
        Some(Refusal(code, _)) => node.attr("error", code),
        None => node,
    })
}

fn added_node(added: Added) -> Note {
    match added {
        Added::Yes => refusal_node(None),
        Added::No(refusal) => refusal_node(Some(refusal)),
        Added::Invite(code, until) => Box::new(move |node| {
            let request =
                NodeBuilder::new("add_request").attr("code", &code).attr("expiration", until).build();
            node.attr("error", 403).children([request])
        }),
    }
}

/// One element for each that the client named; those without an account are not on WhatsApp.
fn answer(named: &[Named], mut notes: impl Iterator<Item = Note>) -> Vec<Node> {
    let elements = named.iter().map(|(jid, account)| {
        let node = NodeBuilder::new("participant").attr("jid", jid);
        let Some(account) = account else { return node.attr("error", 404).build() };
        let node = node.attr("phone_number", account.number_jid(0));
        match notes.next() {
            Some(note) => note(node).build(),
            None => node.build(),
        }
    });
    elements.collect()
}
