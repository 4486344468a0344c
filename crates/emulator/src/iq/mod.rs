//! Requests: one file per namespace. What is not here is counted as unanswered and gets an error.

mod app_state;
mod blocklist;
mod disappearing_mode;
mod encrypt;
mod groups;
mod md;
mod media;
mod mex;
mod newsletter;
mod passive;
mod picture;
mod privacy;
mod props;
mod status;
mod usync;

use std::sync::Arc;

use anyhow::Result;
use whatsapp_rust::wacore_binary::node::Node;

use crate::account::Account;
use crate::connection::Link;
use crate::link_code;
use crate::server::Server;
use crate::stanza::{self, attr, attr_or_empty, children};

/// The request is understood but this server has no such feature.
const NOT_IMPLEMENTED: u16 = 501;

/// A request of a device that is logged in.
struct Request<'a> {
    server: &'a Arc<Server>,
    link: &'a Arc<Link>,
    account: &'a Arc<Account>,
    device: u16,
    node: &'a Node,
    is_set: bool,
}

/// What to answer.
enum Answer {
    /// `<iq type="result">` with these children.
    Result(Vec<Node>),
    /// `<iq type="error">`.
    Error(u16, &'static str),
    /// Nobody here knows the answer.
    Unknown,
}

impl Request<'_> {
    /// The first child, which names the operation.
    fn operation(&self) -> Option<&Node> {
        children(self.node).first()
    }

    fn operation_tag(&self) -> &str {
        self.operation().map_or("", |child| &child.tag)
    }
}

/// Answers an `<iq>`.
pub(crate) async fn answer(server: &Arc<Server>, link: &Arc<Link>, node: &Node) -> Result<()> {
    let kind = attr_or_empty(node, "type");
    if kind == "result" {
        return md::take_result(server, link, node);
    }
    if kind == "error" {
        return Ok(());
    }
    let id = attr_or_empty(node, "id");
    let Some((account, device)) = link.device() else {
        if let (Some(_), Some(linking)) =
            (link.registration(), node.get_optional_child(link_code::REGISTRATION))
        {
            link_code::answer(server, link, &id, linking);
            return Ok(());
        }
        link.send(stanza::error(&id, 401, "not-authorized"));
        return Ok(());
    };
    let request = Request { server, link, account, device, node, is_set: kind == "set" };
    match dispatch(&request).await? {
        Answer::Result(children) => link.send(stanza::result(&id, children)),
        Answer::Error(code, text) => link.send(stanza::error(&id, code, text)),
        Answer::Unknown => {
            server.stats.unanswered(&describe(&request, &kind));
            link.send(stanza::error(&id, NOT_IMPLEMENTED, "feature-not-implemented"))
        }
    };
    after(&request).await
}

fn describe(request: &Request<'_>, kind: &str) -> String {
    let name = format!("iq {kind} {} <{}>", attr_or_empty(request.node, "xmlns"), request.operation_tag());
    match request.operation().and_then(|operation| attr(operation, "query_id")) {
        Some(query) => format!("{name} {query}"),
        None => name,
    }
}

async fn dispatch(request: &Request<'_>) -> Result<Answer> {
    Ok(match attr_or_empty(request.node, "xmlns").as_str() {
        // A ping's whole answer is that there is one.
        "w:p" | "urn:xmpp:ping" => Answer::Result(Vec::new()),
        "passive" => passive::answer(request),
        "encrypt" => encrypt::answer(request),
        "usync" => usync::answer(request)?,
        "w:sync:app:state" => app_state::answer(request),
        "abt" => props::answer(request),
        "blocklist" => blocklist::answer(request),
        "privacy" => privacy::answer(request),
        "disappearing_mode" => disappearing_mode::answer(request),
        "w:g2" => groups::answer(request),
        "w:m" => media::answer(request),
        "w:mex" => mex::answer(request),
        "newsletter" => newsletter::answer(request),
        "w:profile:picture" => picture::answer(request),
        "status" => status::answer(request),
        "md" => md::answer(request),
        // The bits were never set here: nothing is left to clear.
        "urn:xmpp:whatsapp:dirty" if request.operation_tag() == "clean" => Answer::Result(Vec::new()),
        _ => Answer::Unknown,
    })
}

/// What follows an answer and must come behind it on the wire.
async fn after(request: &Request<'_>) -> Result<()> {
    match (attr_or_empty(request.node, "xmlns").as_str(), request.operation_tag()) {
        ("passive", "active") => passive::after_active(request),
        ("encrypt", _) if request.is_set => encrypt::after_upload(request).await?,
        ("md", "remove-companion-device") => md::after_removal(request),
        _ => {}
    }
    Ok(())
}
