//! `w:mex`: see `newsletters`.

use serde_json::Value;
use whatsapp_rust::wacore_binary::builder::NodeBuilder;

use super::{Answer, Request};
use crate::newsletters;
use crate::stanza::{attr_or_empty, bytes};

pub(super) fn answer(request: &Request<'_>) -> Answer {
    let Some(query) = request.operation().filter(|child| child.tag == "query") else {
        return Answer::Unknown;
    };
    let Ok(asked) = serde_json::from_slice::<Value>(&bytes(query)) else {
        return Answer::Error(400, "bad-request");
    };
    let id = attr_or_empty(query, "query_id");
    let variables = newsletters::at(&asked, "/variables");
    match newsletters::answer_query(request.server, request.account, &id, variables) {
        Some(answer) => {
            let result = NodeBuilder::new("result").bytes(answer.to_string().into_bytes()).build();
            Answer::Result(vec![result])
        }
        None => Answer::Unknown,
    }
}
