//! What others see of an account: its name, its about text, its picture.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The most characters of the name: what WhatsApp's own apps take.
pub const MAX_PROFILE_NAME_CHARS: usize = 25;
/// The most characters of the about text: what WhatsApp's own apps take.
pub const MAX_ABOUT_CHARS: usize = 139;
/// The most bytes of a picture. WhatsApp's own apps send squares of 640 pixels, which are far smaller.
pub const MAX_PICTURE_BYTES: usize = 350 << 10;
/// What every JPEG begins with.
pub const JPEG_START: [u8; 3] = [0xff, 0xd8, 0xff];

/// An account's profile.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Profile {
    /// The name that others see beside the number; absent while the session does not know it.
    #[schema(examples("Acme Sales"))]
    pub name: Option<String>,
    /// The about text; absent when there is none.
    #[schema(examples("Mon–Fri, 9 to 5"))]
    pub about: Option<String>,
}

/// What to change of a profile; what is `None` stays.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileChange {
    /// The name that others see beside the number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The about text; an empty one takes it away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
}

impl std::fmt::Debug for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Profile")
    }
}

impl std::fmt::Debug for ProfileChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ProfileChange")
    }
}
