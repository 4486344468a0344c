//! Messages to a group: taken from members that may write, handed to every device of every member.

use std::sync::Arc;

use whatsapp_rust::Jid;
use whatsapp_rust::wacore::messages::MessageUtils;
use whatsapp_rust::wacore_binary::node::Node;

use super::notify::audience;
use super::{FORBIDDEN, Group, Refusal};
use crate::account::Account;
use crate::fanout::Shared;
use crate::server::Server;
use crate::stanza::attr;

/// Takes a message from a companion. Says the hash of the devices that it should have been encrypted for, when the
/// sender thinks of others.
///
/// # Errors
/// 403 when the account is no member, or only admins may write.
pub(crate) fn route(
    server: &Server,
    group: &Group,
    account: &Arc<Account>,
    device: u16,
    node: &Node,
) -> Result<Option<String>, Refusal> {
    let members = group.accounts(server);
    if !group.may_write(account) {
        return Err(FORBIDDEN);
    }
    let audience = audience(&members);
    Shared { chat: &group.jid(), sender: account, device, node }.hand_out(server, &audience);
    Ok(attr(node, "phash").and_then(|known| phash(&audience).filter(|right| *right != known)))
}

/// The hash of all devices of a group, the sender's among them.
fn phash(audience: &[(Arc<Account>, u16)]) -> Option<String> {
    let devices: Vec<Jid> = audience.iter().map(|(account, device)| account.lid_jid(*device)).collect();
    MessageUtils::participant_list_hash(&devices).ok()
}
