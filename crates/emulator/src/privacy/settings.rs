//! The settings: a value for each category, and for `contact_blacklist` the contacts that are left out.

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use sha2::{Digest as _, Sha256};
use whatsapp_rust::wacore::iq::privacy::{PrivacyCategory, PrivacyValue};
use whatsapp_rust::wacore_binary::builder::NodeBuilder;

use crate::account::Account;
use crate::delivery;
use crate::notifications::notification;
use crate::server::Server;

/// Contacts that one category leaves out, at most.
const MOST_EXCLUDED: usize = 10_000;

/// Why a setting was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// No such category, no such value in it, or too many contacts.
    NotAcceptable,
    /// The list changed since the asker saw it.
    Conflict,
}

/// One change of a category.
#[derive(Default)]
pub(crate) struct Change {
    pub(crate) category: String,
    pub(crate) value: String,
    /// The hash of the list that the asker knows.
    pub(crate) known_hash: Option<String>,
    /// Numbers to leave out, or with `false` to leave out no longer.
    pub(crate) users: Vec<(String, bool)>,
}

/// Changes a setting and tells the account's other companions; device `by` did it (0 is the phone).
pub(crate) fn change(
    server: &Server,
    account: &Arc<Account>,
    by: u16,
    change: &Change,
) -> Result<(), Refused> {
    let category = PrivacyCategory::from(change.category.as_str());
    let is_known = account.state().privacy.contains_key(&change.category);
    if !is_known || !category.is_valid_value(&PrivacyValue::from(change.value.as_str())) {
        return Err(Refused::NotAcceptable);
    }
    {
        let mut state = account.state();
        let mut list = state.excluded.get(&change.category).cloned().unwrap_or_default();
        let is_stale =
            change.known_hash.as_ref().is_some_and(|known| !list.is_empty() && *known != hash(&list));
        if is_stale {
            return Err(Refused::Conflict);
        }
        for (number, is_added) in &change.users {
            if *is_added {
                list.insert(number.clone())
            } else {
                list.remove(number)
            };
        }
        if list.len() > MOST_EXCLUDED {
            return Err(Refused::NotAcceptable);
        }
        state.excluded.insert(change.category.clone(), list);
        state.privacy.insert(change.category.clone(), change.value.clone());
    }
    tell(server, account, by, change);
    Ok(())
}

/// The hash of the contacts that a category leaves out; `None` when it leaves out none.
pub(crate) fn excluded_hash(account: &Account, category: &str) -> Option<String> {
    account.state().excluded.get(category).filter(|list| !list.is_empty()).map(hash)
}

fn hash(list: &BTreeSet<String>) -> String {
    let joined: Vec<&str> = list.iter().map(String::as_str).collect();
    BASE64_STANDARD.encode(Sha256::digest(joined.join(",")))
}

fn tell(server: &Server, account: &Arc<Account>, by: u16, change: &Change) {
    let category = NodeBuilder::new("category").attr("name", &change.category).attr("value", &change.value);
    let stanza = notification(server, "account_sync")
        .attr("from", account.number_jid(0))
        .children([NodeBuilder::new("privacy").children([category.build()]).build()])
        .build();
    delivery::deliver_to_own(account, by, &stanza);
}
