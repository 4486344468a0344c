//! Who may see what of an account, and who may write to it.

mod settings;
mod tokens;

use crate::account::Account;
use crate::blocking;

pub(crate) use settings::{Change, Refused, change, excluded_hash};
pub(crate) use tokens::{Tokens, issue, trusts};

/// The category of the about text.
pub(crate) const ABOUT: &str = "status";
/// The category of the profile picture.
pub(crate) const PICTURE: &str = "profile";
/// The category of the time when the account was online last.
pub(crate) const LAST_SEEN: &str = "last";
/// The category of being added to groups.
pub(crate) const GROUP_ADD: &str = "groupadd";
/// The category of being online.
const ONLINE: &str = "online";

/// May `asker` see what `category` covers of `owner`? An account's contacts are those it wrote to.
pub(crate) fn shows(owner: &Account, category: &str, asker: &Account) -> bool {
    if owner.number == asker.number {
        return true;
    }
    let state = owner.state();
    if blocking::is_in(&state.blocked, asker) {
        return false;
    }
    let is_contact = || state.contacts.contains(&asker.number);
    let is_excluded = || state.excluded.get(category).is_some_and(|list| list.contains(&asker.number));
    match state.privacy.get(category).map(String::as_str) {
        Some("none") => false,
        Some("contacts") => is_contact(),
        Some("contact_blacklist") => is_contact() && !is_excluded(),
        _ => true,
    }
}

/// May `asker` see whether `owner` is online? The setting may follow the one of the last time seen.
pub(crate) fn shows_online(owner: &Account, asker: &Account) -> bool {
    let follows = owner.state().privacy.get(ONLINE).is_some_and(|value| value == "match_last_seen");
    shows(owner, if follows { LAST_SEEN } else { ONLINE }, asker)
}
