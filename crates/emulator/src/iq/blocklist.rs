//! `blocklist`: whom the account blocks.

use whatsapp_rust::wacore_binary::builder::NodeBuilder;

use super::{Answer, Request};
use crate::blocking;
use crate::stanza::{attr_or_empty, jid_attr};

pub(super) fn answer(request: &Request<'_>) -> Answer {
    if request.is_set { change(request) } else { list(request) }
}

fn list(request: &Request<'_>) -> Answer {
    let state = request.account.state();
    let items = state
        .blocked
        .iter()
        .map(|(jid, since)| NodeBuilder::new("item").attr("jid", jid).attr("t", *since).build());
    Answer::Result(vec![NodeBuilder::new("list").children(items.collect::<Vec<_>>()).build()])
}

fn change(request: &Request<'_>) -> Answer {
    let Some(item) = request.operation().filter(|child| child.tag == "item") else { return Answer::Unknown };
    let Some(jid) = jid_attr(item, "jid") else { return Answer::Error(400, "bad-request") };
    let block = match attr_or_empty(item, "action").as_str() {
        "block" => true,
        "unblock" => false,
        _ => return Answer::Error(406, "not-acceptable"),
    };
    if !blocking::change(request.server, request.account, request.device, &jid, block) {
        return Answer::Error(406, "not-acceptable");
    }
    list(request)
}
