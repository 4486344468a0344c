//! What a caller can have done wrong, with the stable code and the status of the admin API.

/// An error of the admin API and of the methods that mirror it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EmulatorError {
    /// Not a phone number.
    #[error("a phone is 7 to 15 digits with an optional leading +")]
    BadPhone,
    /// No phone with that number.
    #[error("no such phone; add it with POST /phones")]
    UnknownPhone,
    /// The recipient has no account.
    #[error("the recipient is not on the emulated WhatsApp; add it with POST /phones")]
    UnknownRecipient,
    /// No group with that address.
    #[error("no such group")]
    UnknownGroup,
    /// The server or the group refuses what the phone wants.
    #[error("{0}")]
    Refused(String),
    /// No message with that id in the chat.
    #[error("the phone has no such message in that chat")]
    UnknownMessage,
    /// The message has no media.
    #[error("the message has no media")]
    NoMedia,
    /// The media of a message is missing or not what the message says.
    #[error("{0}")]
    BadMedia(String),
    /// No companion with that number.
    #[error("the phone has no such device")]
    UnknownDevice,
    /// The phone has no profile picture.
    #[error("the phone has no profile picture")]
    NoPicture,
    /// Not the text of a WhatsApp QR code, or one that does not belong to the companion that showed its ref.
    #[error("not a WhatsApp QR code of a companion that is connected")]
    BadQr,
    /// The ref is unknown, spent, or its companion is gone.
    #[error("the QR code expired: its companion is gone or was scanned already")]
    ExpiredQr,
    /// The companion has to show a passkey first.
    #[error("the companion has to show a passkey first")]
    PasskeyWanted,
    /// Not a pairing code.
    #[error("a pairing code is 8 letters and digits")]
    BadCode,
    /// No companion waits for this phone's code, or it is gone.
    #[error("no companion waits for a code of this phone")]
    ExpiredCode,
    /// The companion showed another code.
    #[error("the companion showed another code")]
    WrongCode,
    /// A fault that does not exist or lacks a value.
    #[error("{0}")]
    BadFault(String),
    /// A body or a field that does not fit.
    #[error("{0}")]
    BadRequest(String),
    /// The emulator failed.
    #[error("{0}")]
    Internal(String),
}

impl EmulatorError {
    /// The stable code of the JSON answer.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::BadPhone => "bad_phone",
            Self::UnknownPhone => "unknown_phone",
            Self::UnknownRecipient => "unknown_recipient",
            Self::UnknownGroup => "unknown_group",
            Self::Refused(_) => "refused",
            Self::UnknownMessage => "unknown_message",
            Self::NoMedia => "no_media",
            Self::BadMedia(_) => "bad_media",
            Self::UnknownDevice => "unknown_device",
            Self::NoPicture => "no_picture",
            Self::BadQr => "bad_qr",
            Self::ExpiredQr => "expired_qr",
            Self::PasskeyWanted => "passkey_wanted",
            Self::BadCode => "bad_code",
            Self::ExpiredCode => "expired_code",
            Self::WrongCode => "wrong_code",
            Self::BadFault(_) => "bad_fault",
            Self::BadRequest(_) => "bad_request",
            Self::Internal(_) => "internal",
        }
    }

    /// The HTTP status of the answer.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::BadPhone
            | Self::BadQr
            | Self::BadCode
            | Self::WrongCode
            | Self::BadFault(_)
            | Self::BadRequest(_) => 400,
            Self::UnknownPhone
            | Self::UnknownRecipient
            | Self::UnknownDevice
            | Self::UnknownGroup
            | Self::UnknownMessage
            | Self::NoPicture
            | Self::NoMedia => 404,
            Self::PasskeyWanted => 409,
            Self::Refused(_) => 403,
            Self::BadMedia(_) => 422,
            Self::ExpiredQr | Self::ExpiredCode => 410,
            Self::Internal(_) => 500,
        }
    }
}
