//! Whom an account blocks: their messages and typing end at the server, and they see nothing of the account.

use std::collections::BTreeMap;
use std::sync::Arc;

use whatsapp_rust::Jid;
use whatsapp_rust::wacore_binary::builder::NodeBuilder;

use crate::account::Account;
use crate::delivery;
use crate::notifications::notification;
use crate::server::Server;

/// Entries that one account may have.
const LONGEST: usize = 10_000;

/// Is `other` in a list of blocked addresses?
pub(crate) fn is_in(blocked: &BTreeMap<String, i64>, other: &Account) -> bool {
    !blocked.is_empty() && blocked.contains_key(&other.lid_jid(0).to_string())
}

/// Does `owner` block `other`?
pub(crate) fn blocks(owner: &Account, other: &Account) -> bool {
    owner.number != other.number && is_in(&owner.state().blocked, other)
}

/// Blocks or unblocks an address; device `by` did it (0 is the phone). `false` when the list is full.
pub(crate) fn change(server: &Server, account: &Arc<Account>, by: u16, jid: &Jid, block: bool) -> bool {
    // By LID, as the list is kept; an address that nobody has stays what it is.
    let jid = server.accounts.by_jid(jid).map_or_else(|| jid.to_non_ad(), |blocked| blocked.lid_jid(0));
    {
        let mut state = account.state();
        if !block {
            state.blocked.remove(&jid.to_string());
        } else if state.blocked.len() < LONGEST {
            state.blocked.insert(jid.to_string(), server.seconds());
        } else {
            return false;
        }
    }
    let action = if block { "block" } else { "unblock" };
    let item = NodeBuilder::new("item").attr("jid", &jid).attr("action", action).build();
    let stanza = notification(server, "account_sync")
        .attr("from", account.number_jid(0))
        .children([NodeBuilder::new("blocklist").attr("action", "modify").children([item]).build()])
        .build();
    delivery::deliver_to_own(account, by, &stanza);
    true
}
