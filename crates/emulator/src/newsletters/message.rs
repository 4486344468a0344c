//! Messages of channels: taken from the owner, numbered, handed to every companion of every reader.

use std::collections::BTreeMap;
use std::sync::Arc;

use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::node::Node;

use super::{MOST_MESSAGES, Newsletter, Post};
use crate::account::Account;
use crate::server::Server;
use crate::stanza::{attr, attr_or_empty, bytes};
use crate::{delivery, groups};

/// Messages in one answer.
const PAGE: usize = 100;
/// The longest message, in bytes.
const LONGEST: usize = 256 * 1024;
/// `edit` of a message that takes another's place, and of one that takes it away.
const EDIT: &str = "3";
const REVOKE: &str = "8";

/// Takes a message of a companion: a new one, a change of one, or a reaction. Says the server's number of it.
///
/// # Errors
/// The code that the sender sees: 403 when it may not write, 404 when there is no such message, 406 when it does not fit.
pub(crate) fn route(
    server: &Server,
    newsletter: &Newsletter,
    account: &Arc<Account>,
    device: u16,
    node: &Node,
) -> Result<u64, u16> {
    if attr_or_empty(node, "type") == "reaction" {
        return react(newsletter, account, node);
    }
    if newsletter.state().owner != account.number {
        return Err(403);
    }
    let plaintext = node.get_optional_child("plaintext").ok_or(406_u16)?;
    let id = attr_or_empty(node, "id");
    if bytes(plaintext).len() > LONGEST || id.is_empty() || id.len() > 128 {
        return Err(406);
    }
    let edit = attr(node, "edit");
    let post = match edit.as_deref() {
        Some(EDIT | REVOKE) => change(newsletter, &id, plaintext, edit.as_deref() == Some(REVOKE))?,
        _ => keep(server, newsletter, &id, attr_or_empty(node, "type"), plaintext),
    };
    for (reader, number) in groups::companions(&newsletter.readers(server)) {
        if reader.number == account.number && number == device {
            continue;
        }
        let mut message = show(&post).attr("from", newsletter.jid());
        if let Some(edit) = &edit {
            message = message.attr("edit", edit);
        }
        delivery::deliver(&reader, number, message.children([post.plaintext.clone()]).build());
    }
    Ok(post.number)
}

fn keep(server: &Server, newsletter: &Newsletter, id: &str, kind: String, plaintext: &Node) -> Post {
    let mut state = newsletter.state();
    let post = Post {
        number: state.next_number,
        id: id.to_owned(),
        kind: if kind.is_empty() { "text".to_owned() } else { kind },
        at: server.seconds(),
        plaintext: plaintext.clone(),
        reactions: BTreeMap::new(),
    };
    state.next_number = state.next_number.saturating_add(1);
    if state.posts.len() >= MOST_MESSAGES {
        state.posts.pop_front();
    }
    state.posts.push_back(post.clone());
    post
}

fn change(newsletter: &Newsletter, id: &str, plaintext: &Node, revoke: bool) -> Result<Post, u16> {
    let mut state = newsletter.state();
    let place = state.posts.iter().position(|post| post.id == id).ok_or(404_u16)?;
    let post = state.posts.get_mut(place).ok_or(404_u16)?;
    post.plaintext = plaintext.clone();
    let changed = post.clone();
    if revoke {
        state.posts.remove(place);
    }
    Ok(changed)
}

fn react(newsletter: &Newsletter, account: &Account, node: &Node) -> Result<u64, u16> {
    let number: u64 = attr_or_empty(node, "server_id").parse().map_err(|_| 406_u16)?;
    let code = node.get_optional_child("reaction").and_then(|reaction| attr(reaction, "code"));
    let code = code.filter(|code| !code.is_empty() && code.len() <= 64);
    let mut state = newsletter.state();
    let post = state.posts.iter_mut().find(|post| post.number == number).ok_or(404_u16)?;
    match code {
        Some(code) => post.reactions.insert(account.number.clone(), code),
        None => post.reactions.remove(&account.number),
    };
    Ok(number)
}

/// `<message>` of a channel, still without its content and its channel.
fn show(post: &Post) -> NodeBuilder {
    NodeBuilder::new("message")
        .attr("id", &post.id)
        .attr("server_id", post.number)
        .attr("type", &post.kind)
        .attr("t", post.at)
}

/// The newest messages, or those before or after a number, oldest first.
pub(crate) fn messages(newsletter: &Newsletter, asked: &Node) -> Vec<Node> {
    let number = |key: &str| attr(asked, key).and_then(|value| value.parse::<u64>().ok());
    let count = attr(asked, "count").and_then(|count| count.parse().ok()).unwrap_or(PAGE).min(PAGE);
    let state = newsletter.state();
    let is_asked = |post: &&Post| {
        number("before").is_none_or(|before| post.number < before)
            && number("after").is_none_or(|after| post.number > after)
    };
    let found: Vec<&Post> = state.posts.iter().filter(is_asked).collect();
    found.iter().skip(found.len().saturating_sub(count)).map(|post| with_reactions(post)).collect()
}

fn with_reactions(post: &Post) -> Node {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for code in post.reactions.values() {
        *counts.entry(code).or_default() += 1;
    }
    let reactions = counts
        .into_iter()
        .map(|(code, count)| NodeBuilder::new("reaction").attr("code", code).attr("count", count).build());
    let reactions = NodeBuilder::new("reactions").children(reactions.collect::<Vec<_>>()).build();
    show(post).children([post.plaintext.clone(), reactions]).build()
}
