//! Status posts: what an account shows to its contacts for a day, as messages to `status@broadcast`.

use std::sync::Arc;

use whatsapp_rust::wacore_binary::node::Node;

use crate::account::Account;
use crate::blocking;
use crate::fanout::Shared;
use crate::groups;
use crate::server::Server;
use crate::stanza::{children, jid_attr};

/// The most accounts that one post may name.
const MOST_VIEWERS: usize = 10_000;

/// Who sees what the account's phone posts: its contacts, those that block it left out, and itself.
pub(crate) fn viewers(server: &Server, account: &Arc<Account>) -> Vec<Arc<Account>> {
    let contacts = account.state().contacts.clone();
    let mut viewers: Vec<Arc<Account>> =
        contacts.iter().filter_map(|number| server.accounts.by_number(number)).collect();
    viewers.retain(|viewer| !blocking::blocks(viewer, account));
    viewers.push(Arc::clone(account));
    viewers
}

/// Takes a post from a companion: it goes to the accounts that the companion names, and to its own.
pub(crate) fn route(server: &Server, account: &Arc<Account>, device: u16, node: &Node) {
    let named = node.get_optional_child("participants").into_iter().flat_map(children).take(MOST_VIEWERS);
    let named = named.filter_map(|to| jid_attr(to, "jid")).chain(jid_attr(node, "participant"));
    let mut viewers: Vec<Arc<Account>> = vec![Arc::clone(account)];
    for viewer in named.filter_map(|jid| server.accounts.by_jid(&jid)) {
        if viewers.iter().all(|known| known.number != viewer.number) && !blocking::blocks(&viewer, account) {
            viewers.push(viewer);
        }
    }
    let chat = whatsapp_rust::Jid::status_broadcast();
    Shared { chat: &chat, sender: account, device, node }.hand_out(server, &groups::audience(&viewers));
}
