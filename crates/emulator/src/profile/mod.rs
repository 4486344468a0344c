//! What others see of an account: its name, its about text and its picture, and who is told when they change.

mod notify;
mod picture;
mod script;

use std::sync::Arc;

use crate::account::Account;
use crate::server::Server;

pub(crate) use picture::{
    LARGEST, Picture, forget as forget_picture, keep_as as new_picture, remove as remove_picture,
    set as set_picture,
};
pub use script::PhoneChange;
pub(crate) use script::{change, picture as picture_of, put_picture, take_picture_away};

/// The longest about text, in characters.
pub(crate) const LONGEST_ABOUT: usize = 139;
/// The longest name, in characters.
pub(crate) const LONGEST_NAME: usize = 100;

/// Changes the about text; device `by` did it (0 is the phone). What is too long is cut, as WhatsApp does.
pub(crate) fn set_about(server: &Server, account: &Arc<Account>, by: u16, about: &str) {
    let about: String = about.chars().take(LONGEST_ABOUT).collect();
    {
        let mut state = account.state();
        state.about.clone_from(&about);
        state.about_at = server.seconds();
    }
    notify::about_changed(server, account, by, &about);
}

/// Changes the name that others see. They learn it with the next message: nobody is told but the account itself.
pub(crate) fn set_name(account: &Account, name: &str) {
    account.state().name = name.chars().take(LONGEST_NAME).collect();
}
