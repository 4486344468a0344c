//! `usync`: who is on WhatsApp, with which devices, LID, about text and picture.

use std::sync::Arc;

use anyhow::Result;
use whatsapp_rust::Jid;
use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::node::Node;

use crate::account::Account;
use crate::privacy;
use crate::server::Server;
use crate::stanza::{attr_or_empty, bytes, children, jid_attr};

/// Answers `<usync>`.
pub(crate) fn answer(server: &Server, asker: &Account, request: &Node) -> Result<Node> {
    let protocols: Vec<&str> =
        request.get_optional_child("query").into_iter().flat_map(children).map(|child| &*child.tag).collect();
    let mut users = Vec::new();
    for user in request.get_optional_child("list").into_iter().flat_map(children) {
        let Some(jid) = address(user) else { continue };
        let account = server.accounts.by_jid(&jid);
        let mut answers = Vec::new();
        for protocol in &protocols {
            match is_known(protocol) {
                true => answers.extend(answer_protocol(server, asker, protocol, &jid, account.as_ref())?),
                false => server.stats.unanswered(&format!("usync {protocol}")),
            }
        }
        users.push(NodeBuilder::new("user").attr("jid", jid).children(answers).build());
    }
    let result = protocols.iter().map(|protocol| NodeBuilder::new_dynamic((*protocol).to_owned()).build());
    Ok(NodeBuilder::new("usync")
        .attr("sid", attr_or_empty(request, "sid"))
        .attr("mode", attr_or_empty(request, "mode"))
        .attr("context", attr_or_empty(request, "context"))
        .attr("index", "0")
        .attr("last", "true")
        .children([
            NodeBuilder::new("result").children(result.collect::<Vec<_>>()).build(),
            NodeBuilder::new("list").children(users).build(),
        ])
        .build())
}

/// By address, or by the number in `<contact>`.
fn address(user: &Node) -> Option<Jid> {
    if let Some(jid) = jid_attr(user, "jid") {
        return Some(jid.to_non_ad());
    }
    let number = bytes(user.get_optional_child("contact")?);
    let number: String =
        String::from_utf8_lossy(&number).chars().filter(char::is_ascii_digit).take(15).collect();
    (!number.is_empty()).then(|| Jid::pn(number.as_str()))
}

fn is_known(protocol: &str) -> bool {
    matches!(
        protocol,
        "contact"
            | "lid"
            | "status"
            | "business"
            | "picture"
            | "devices"
            | "disappearing_mode"
            | "text_status"
            | "username"
    )
}

fn answer_protocol(
    server: &Server,
    asker: &Account,
    protocol: &str,
    jid: &Jid,
    account: Option<&Arc<Account>>,
) -> Result<Option<Node>> {
    let Some(account) = account else {
        // Nobody there: `contact` says so, the other protocols have nothing to say.
        let out = NodeBuilder::new("contact").attr("type", "out").bytes(contact(jid));
        return Ok((protocol == "contact").then(|| out.build()));
    };
    Ok(Some(match protocol {
        "contact" => NodeBuilder::new("contact").attr("type", "in").bytes(contact(jid)).build(),
        "lid" => NodeBuilder::new("lid").attr("val", Jid::lid(account.lid.as_str())).build(),
        "status" => {
            if !privacy::shows(account, privacy::ABOUT, asker) {
                return Ok(Some(hidden("status")));
            }
            let state = account.state();
            NodeBuilder::new("status")
                .attr("t", state.about_at)
                .bytes(state.about.clone().into_bytes())
                .build()
        }
        "picture" => {
            if !privacy::shows(account, privacy::PICTURE, asker) {
                return Ok(Some(hidden("picture")));
            }
            let picture = account.state().picture.clone();
            return Ok(picture.map(|picture| NodeBuilder::new("picture").attr("id", picture.id()).build()));
        }
        "disappearing_mode" => {
            let duration = account.state().disappearing_seconds;
            NodeBuilder::new("disappearing_mode")
                .attr("duration", duration)
                .attr("t", server.seconds())
                .build()
        }
        "devices" => devices(server, account)?,
        // No business profile, text status or username: the real server leaves these out.
        _ => return Ok(None),
    }))
}

/// What the account's privacy keeps from the asker.
fn hidden(protocol: &'static str) -> Node {
    let error = NodeBuilder::new("error").attr("code", 401).attr("text", "not-authorized").build();
    NodeBuilder::new(protocol).children([error]).build()
}

fn contact(jid: &Jid) -> Vec<u8> {
    format!("+{}", jid.user).into_bytes()
}

/// The devices, with the phone's signature over the valid key indexes.
fn devices(server: &Server, account: &Arc<Account>) -> Result<Node> {
    let linked: Vec<(u16, u32)> =
        account.state().linked().map(|(number, companion)| (number, companion.key_index)).collect();
    let mut list = vec![NodeBuilder::new("device").attr("id", "0").build()];
    for (number, key_index) in &linked {
        list.push(NodeBuilder::new("device").attr("id", *number).attr("key-index", *key_index).build());
    }
    let mut children = vec![NodeBuilder::new("device-list").children(list).build()];
    if !linked.is_empty() {
        let valid: Vec<u32> = linked.iter().map(|(_, key_index)| *key_index).collect();
        let now = server.seconds();
        let signed = account.phone.keys.key_index_list(&valid, now)?;
        children.push(NodeBuilder::new("key-index-list").attr("ts", now).bytes(signed).build());
    }
    Ok(NodeBuilder::new("devices").children(children).build())
}
