//! `blocklist`: whom the account blocks.

use whatsapp_rust::wacore_binary::builder::NodeBuilder;

use super::{Answer, Request};
use crate::stanza::{attr_or_empty, jid_attr};

/// Entries that one account may have.
const LONGEST: usize = 10_000;

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
    let jid = jid.to_non_ad().to_string();
    {
        let mut state = request.account.state();
        match attr_or_empty(item, "action").as_str() {
            "block" if state.blocked.len() < LONGEST => {
                state.blocked.insert(jid, request.server.seconds());
            }
            "unblock" => {
                state.blocked.remove(&jid);
            }
            _ => return Answer::Error(406, "not-acceptable"),
        }
    }
    list(request)
}
