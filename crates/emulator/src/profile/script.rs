//! What a script can change of a phone's profile, over the admin API and as methods of [`Emulator`].

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use serde::Deserialize;

use super::{LARGEST, LONGEST_ABOUT, LONGEST_NAME, notify};
use crate::account::Account;
use crate::emulator::Emulator;
use crate::error::EmulatorError;
use crate::script::{self, PhoneInfo, find};
use crate::server::Server;

/// What `PATCH /phones/{phone}` changes; what is left out stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PhoneChange {
    /// Does the phone send delivery receipts by itself?
    pub confirms_delivery: Option<bool>,
    /// The name that others see, at most 100 characters.
    pub name: Option<String>,
    /// The about text, at most 139 characters.
    pub about: Option<String>,
}

/// Changes a phone: all of it or, when something does not fit, nothing.
pub(crate) fn change(server: &Server, phone: &str, change: PhoneChange) -> Result<PhoneInfo, EmulatorError> {
    let account = find(server, phone)?;
    if change.name.as_ref().is_some_and(|name| name.is_empty() || name.chars().count() > LONGEST_NAME) {
        return Err(EmulatorError::BadRequest(format!("a name has 1 to {LONGEST_NAME} characters")));
    }
    if change.about.as_ref().is_some_and(|about| about.chars().count() > LONGEST_ABOUT) {
        return Err(EmulatorError::BadRequest(format!(
            "an about text has at most {LONGEST_ABOUT} characters"
        )));
    }
    if let Some(on) = change.confirms_delivery {
        account.phone.confirms_delivery.store(on, Ordering::Relaxed);
    }
    if let Some(name) = change.name {
        super::set_name(&account, &name);
        notify::name_changed(server, &account, &name);
    }
    if let Some(about) = change.about {
        super::set_about(server, &account, 0, &about);
    }
    Ok(script::info(&account))
}

/// The phone takes a picture; returns its id.
pub(crate) fn put_picture(server: &Server, phone: &str, jpeg: Vec<u8>) -> Result<String, EmulatorError> {
    let account = find(server, phone)?;
    super::set_picture(server, &account, 0, jpeg, None)
        .ok_or_else(|| EmulatorError::BadRequest(format!("a picture is a JPEG of at most {LARGEST} bytes")))
}

/// The phone removes its picture.
pub(crate) fn take_picture_away(server: &Server, phone: &str) -> Result<(), EmulatorError> {
    let account: Arc<Account> = find(server, phone)?;
    if super::remove_picture(server, &account, 0) { Ok(()) } else { Err(EmulatorError::NoPicture) }
}

/// The phone's picture.
pub(crate) fn picture(server: &Server, phone: &str) -> Result<Bytes, EmulatorError> {
    let account = find(server, phone)?;
    let picture = account.state().picture.clone().ok_or(EmulatorError::NoPicture)?;
    server.media.get(&picture.image).ok_or(EmulatorError::NoPicture)
}

impl Emulator {
    /// Changes a phone's name, about text or receipts; what is `None` stays.
    ///
    /// # Errors
    /// [`EmulatorError::UnknownPhone`] and [`EmulatorError::BadRequest`].
    pub async fn change_phone(&self, phone: &str, change: PhoneChange) -> Result<PhoneInfo, EmulatorError> {
        self::change(&self.server, phone, change)
    }

    /// The phone takes a picture (a JPEG); returns its id.
    ///
    /// # Errors
    /// [`EmulatorError::UnknownPhone`] and [`EmulatorError::BadRequest`].
    pub async fn set_picture(&self, phone: &str, jpeg: Vec<u8>) -> Result<String, EmulatorError> {
        put_picture(&self.server, phone, jpeg)
    }

    /// The phone removes its picture.
    ///
    /// # Errors
    /// [`EmulatorError::UnknownPhone`] and [`EmulatorError::NoPicture`].
    pub async fn remove_picture(&self, phone: &str) -> Result<(), EmulatorError> {
        take_picture_away(&self.server, phone)
    }
}
