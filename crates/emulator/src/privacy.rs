//! Who may see what of an account.

use crate::account::Account;

/// The category of the about text.
pub(crate) const ABOUT: &str = "status";
/// The category of the profile picture.
pub(crate) const PICTURE: &str = "profile";

/// May `asker` see what `category` covers of `owner`? An account's contacts are those it wrote to.
pub(crate) fn shows(owner: &Account, category: &str, asker: &Account) -> bool {
    if owner.number == asker.number {
        return true;
    }
    let state = owner.state();
    let is_contact = || state.contacts.contains(&asker.number);
    match state.privacy.get(category).map(String::as_str) {
        Some("none") => false,
        Some("contacts" | "contact_blacklist") => is_contact(),
        _ => true,
    }
}
