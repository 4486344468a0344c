//! Who is told that an account's profile changed: its own other companions, and those who may see what changed.

use std::sync::Arc;

use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::node::Node;

use crate::account::Account;
use crate::notifications::{audience, notification};
use crate::server::Server;
use crate::{delivery, privacy};

/// `<notification type="status"><set>…</set></notification>`.
pub(super) fn about_changed(server: &Server, account: &Arc<Account>, by: u16, about: &str) {
    let set = NodeBuilder::new("set").bytes(about.as_bytes().to_vec()).build();
    let stanza = notification(server, "status")
        .attr("from", account.number_jid(0))
        .attr("notify", account.state().name.clone())
        .children([set])
        .build();
    tell(account, by, privacy::ABOUT, &stanza);
}

/// `<notification type="picture">` with the id of the new picture, or with `<delete/>`.
pub(super) fn picture_changed(server: &Server, account: &Arc<Account>, by: u16, id: Option<&str>) {
    let jid = account.number_jid(0);
    let change = match id {
        Some(id) => NodeBuilder::new("set").attr("jid", &jid).attr("id", id).attr("author", &jid),
        None => NodeBuilder::new("delete").attr("jid", &jid).attr("author", &jid),
    };
    let stanza = notification(server, "picture").attr("from", &jid).children([change.build()]).build();
    tell(account, by, privacy::PICTURE, &stanza);
}

/// The phone took another name: the account's companions learn it from `account_sync`.
pub(super) fn name_changed(server: &Server, account: &Arc<Account>, name: &str) {
    let stanza = notification(server, "account_sync")
        .attr("from", account.number_jid(0))
        .attr("pushname", name)
        .build();
    let companions: Vec<u16> = account.state().linked().map(|(number, _)| number).collect();
    for device in companions {
        delivery::deliver(account, device, stanza.clone());
    }
}

fn tell(account: &Arc<Account>, by: u16, category: &str, stanza: &Node) {
    for (peer, device) in audience(account, by) {
        if privacy::shows(account, category, &peer) {
            delivery::deliver(&peer, device, stanza.clone());
        }
    }
}
