//! `privacy`: settings, and the trusted-contact tokens that an account issues.

use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::node::Node;

use super::{Answer, Request};
use crate::privacy::{self, Change, Refused};
use crate::stanza::{attr, attr_or_empty, children, jid_attr};

pub(super) fn answer(request: &Request<'_>) -> Answer {
    match (request.is_set, request.operation_tag(), request.operation()) {
        (false, "privacy", Some(asked)) if !children(asked).is_empty() => excluded(request, asked),
        (false, "privacy", _) => settings(request),
        (true, "privacy", Some(asked)) => {
            for category in children(asked).iter().filter(|child| child.tag == "category") {
                let change = change(request, category);
                match privacy::change(request.server, request.account, request.device, &change) {
                    Ok(()) => {}
                    Err(Refused::NotAcceptable) => return Answer::Error(406, "not-acceptable"),
                    Err(Refused::Conflict) => return Answer::Error(409, "conflict"),
                }
            }
            settings(request)
        }
        (true, "tokens", Some(tokens)) => issue(request, tokens),
        _ => Answer::Unknown,
    }
}

fn change(request: &Request<'_>, category: &Node) -> Change {
    let users = children(category).iter().filter(|child| child.tag == "user").filter_map(|user| {
        let account = jid_attr(user, "jid").and_then(|jid| request.server.accounts.by_jid(&jid))?;
        Some((account.number.clone(), attr_or_empty(user, "action") != "remove"))
    });
    Change {
        category: attr_or_empty(category, "name"),
        value: attr_or_empty(category, "value"),
        known_hash: attr(category, "dhash"),
        users: users.collect(),
    }
}

fn settings(request: &Request<'_>) -> Answer {
    let values = request.account.state().privacy.clone();
    let categories = values.iter().map(|(name, value)| {
        let category = NodeBuilder::new("category").attr("name", name).attr("value", value);
        match privacy::excluded_hash(request.account, name) {
            Some(hash) => category.attr("dhash", hash).build(),
            None => category.build(),
        }
    });
    Answer::Result(vec![NodeBuilder::new("privacy").children(categories.collect::<Vec<_>>()).build()])
}

/// `<privacy><list name="…" value="contact_blacklist"/></privacy>`: whom a category leaves out.
fn excluded(request: &Request<'_>, asked: &Node) -> Answer {
    let mut lists = Vec::new();
    for list in children(asked).iter().filter(|child| child.tag == "list") {
        let name = attr_or_empty(list, "name");
        let numbers = request.account.state().excluded.get(&name).cloned().unwrap_or_default();
        let users =
            numbers.iter().filter_map(|number| request.server.accounts.by_number(number)).map(|user| {
                NodeBuilder::new("user")
                    .attr("jid", user.lid_jid(0))
                    .attr("pn_jid", user.number_jid(0))
                    .build()
            });
        let users: Vec<Node> = users.collect();
        let mut answer =
            NodeBuilder::new("list").attr("name", &name).attr("value", attr_or_empty(list, "value"));
        if let Some(hash) = privacy::excluded_hash(request.account, &name) {
            answer = answer.attr("dhash", hash);
        }
        lists.push(answer.children(users).build());
    }
    Answer::Result(vec![NodeBuilder::new("privacy").children(lists).build()])
}

/// The account trusts contacts: their devices get a token that they may show when they write.
fn issue(request: &Request<'_>, tokens: &Node) -> Answer {
    for token in children(tokens).iter().filter(|child| child.tag == "token") {
        let contact = jid_attr(token, "jid").and_then(|jid| request.server.accounts.by_jid(&jid));
        let now = request.server.seconds();
        let at = attr_or_empty(token, "t").parse().unwrap_or(now).min(now);
        if let Some(contact) = contact {
            privacy::issue(request.server, request.account, &contact, at);
        }
    }
    Answer::Result(Vec::new())
}
