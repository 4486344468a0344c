//! `w:profile:picture`: the account sets or removes its picture, and asks for anybody's.

use std::sync::Arc;

use whatsapp_rust::Server as JidServer;
use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::node::Node;

use super::{Answer, Request};
use crate::account::Account;
use crate::groups::Group;
use crate::profile::Picture;
use crate::stanza::{attr_or_empty, bytes, children, jid_attr};
use crate::{groups, privacy, profile};

pub(super) fn answer(request: &Request<'_>) -> Answer {
    let Some(target) = jid_attr(request.node, "target") else { return answer_for(request, request.account) };
    if target.server == JidServer::Group {
        return match request.server.groups.find(&target.user) {
            Some(group) => of_group(request, &group),
            None => Answer::Error(404, "item-not-found"),
        };
    }
    if !matches!(target.server, JidServer::Pn | JidServer::Lid) {
        return Answer::Unknown;
    }
    match request.server.accounts.by_jid(&target) {
        Some(account) => answer_for(request, &account),
        None => Answer::Error(404, "item-not-found"),
    }
}

fn answer_for(request: &Request<'_>, target: &Arc<Account>) -> Answer {
    match request.is_set {
        false => show(request, target),
        true if target.number == request.account.number => change(request),
        true => Answer::Error(403, "forbidden"),
    }
}

fn of_group(request: &Request<'_>, group: &Group) -> Answer {
    let Request { server, account, .. } = request;
    if !request.is_set {
        return match group.check_member(account) {
            Ok(_) => show_picture(request, group.state().picture.clone()),
            Err(refusal) => refusal.into(),
        };
    }
    let image = sent(request, "image").map(|image| (image, sent(request, "preview")));
    match groups::set_picture(server, group, account, image) {
        Ok(Some(id)) => Answer::Result(vec![NodeBuilder::new("picture").attr("id", id).build()]),
        Ok(None) => Answer::Result(Vec::new()),
        Err(refusal) => refusal.into(),
    }
}

/// The bytes of a picture in the request.
fn sent(request: &Request<'_>, kind: &str) -> Option<Vec<u8>> {
    let picture = children(request.node).iter().find(|child| {
        child.tag == "picture" && attr_or_empty(child, "type") == kind && child.content.is_some()
    });
    picture.map(bytes).filter(|bytes| !bytes.is_empty())
}

/// A picture is set by its bytes; a request without them removes it.
fn change(request: &Request<'_>) -> Answer {
    let Request { server, account, device, .. } = request;
    let Some(image) = sent(request, "image") else {
        profile::remove_picture(server, account, *device);
        return Answer::Result(Vec::new());
    };
    match profile::set_picture(server, account, *device, image, sent(request, "preview")) {
        Some(id) => Answer::Result(vec![NodeBuilder::new("picture").attr("id", id).build()]),
        None => Answer::Error(406, "not-acceptable"),
    }
}

fn show(request: &Request<'_>, target: &Arc<Account>) -> Answer {
    if !privacy::shows(target, privacy::PICTURE, request.account) {
        return Answer::Error(401, "not-authorized");
    }
    show_picture(request, target.state().picture.clone())
}

fn show_picture(request: &Request<'_>, picture: Option<Picture>) -> Answer {
    let Some(picture) = picture else { return Answer::Error(404, "item-not-found") };
    let asked = request.operation();
    let is_known = asked.is_some_and(|asked| attr_or_empty(asked, "id") == picture.id());
    let answer: Node = if is_known {
        // The asker has this picture already.
        NodeBuilder::new("picture").build()
    } else {
        let is_preview = asked.is_none_or(|asked| attr_or_empty(asked, "type") != "image");
        let (kind, path) = if is_preview { ("preview", &picture.preview) } else { ("image", &picture.image) };
        NodeBuilder::new("picture")
            .attr("id", picture.id())
            .attr("type", kind)
            .attr("url", format!("https://{}{path}", request.server.media_host))
            .attr("direct_path", path)
            .attr("hash", &picture.hash)
            .build()
    };
    Answer::Result(vec![answer])
}
