//! `privacy`: settings, and the trusted-contact tokens that an account issues.

use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::node::Node;

use super::{Answer, Request};
use crate::stanza::{attr_or_empty, children, jid_attr};
use crate::{delivery, entropy};

/// The longest name or value of a setting.
const LONGEST: usize = 40;

pub(super) fn answer(request: &Request<'_>) -> Answer {
    match (request.is_set, request.operation_tag(), request.operation()) {
        (false, "privacy", _) => settings(request),
        (true, "privacy", Some(change)) => {
            for category in children(change).iter().filter(|child| child.tag == "category") {
                let (name, value) = (attr_or_empty(category, "name"), attr_or_empty(category, "value"));
                let mut state = request.account.state();
                if value.len() > LONGEST || !state.privacy.contains_key(&name) {
                    return Answer::Error(406, "not-acceptable");
                }
                state.privacy.insert(name, value);
            }
            settings(request)
        }
        (true, "tokens", Some(tokens)) => issue(request, tokens),
        _ => Answer::Unknown,
    }
}

fn settings(request: &Request<'_>) -> Answer {
    let state = request.account.state();
    let categories = state
        .privacy
        .iter()
        .map(|(name, value)| NodeBuilder::new("category").attr("name", name).attr("value", value).build());
    Answer::Result(vec![NodeBuilder::new("privacy").children(categories.collect::<Vec<_>>()).build()])
}

/// The account trusts a contact: the contact's devices get a token that they may show when they write.
fn issue(request: &Request<'_>, tokens: &Node) -> Answer {
    for token in children(tokens).iter().filter(|child| child.tag == "token") {
        let Some(contact) = jid_attr(token, "jid").and_then(|jid| request.server.accounts.by_jid(&jid))
        else {
            continue;
        };
        let issued = NodeBuilder::new("token")
            .attr("type", "trusted_contact")
            .attr("t", attr_or_empty(token, "t"))
            .bytes(blazz_domain::random::bytes::<16>().to_vec())
            .build();
        let notification = NodeBuilder::new("notification")
            .attr("from", request.account.number_jid(0))
            .attr("sender_lid", request.account.lid_jid(0))
            .attr("id", entropy::hexadecimal::<6>())
            .attr("type", "privacy_token")
            .attr("t", request.server.seconds())
            .children([NodeBuilder::new("tokens").children([issued]).build()])
            .build();
        let companions: Vec<u16> = contact.state().linked().map(|(number, _)| number).collect();
        for device in companions {
            delivery::deliver(&contact, device, notification.clone());
        }
    }
    Answer::Result(Vec::new())
}
