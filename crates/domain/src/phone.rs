//! Phone numbers in E.164.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A phone number in E.164: `+`, country code, national number; at most 15 digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, examples("+15550000001"))]
pub struct PhoneNumber(String);

/// Why a text is not a phone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a phone number in international format, such as +15550000001")]
pub struct InvalidPhoneNumber;

impl PhoneNumber {
    /// E.164, with the leading `+`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digits alone, as WhatsApp writes the user part of a phone-number JID.
    #[must_use]
    pub fn digits(&self) -> &str {
        self.0.trim_start_matches('+')
    }

    /// The number with all but its last two digits hidden, for logs.
    #[must_use]
    pub fn masked(&self) -> String {
        let digits = self.digits();
        let shown = digits.get(digits.len().saturating_sub(2)..).unwrap_or_default();
        format!("+…{shown}")
    }
}

impl PhoneNumber {
    /// Takes E.164 as it is: `+` and 7–15 digits, the first of them not zero. For texts that a program wrote; what people
    /// type goes through [`FromStr`], which knows the numbering plans (and loads their tables at its first use).
    ///
    /// # Errors
    /// When the text has another shape.
    pub fn from_e164(text: &str) -> Result<Self, InvalidPhoneNumber> {
        let digits = text.strip_prefix('+').ok_or(InvalidPhoneNumber)?;
        let shaped = (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        if shaped && !digits.starts_with('0') { Ok(Self(text.to_owned())) } else { Err(InvalidPhoneNumber) }
    }
}

impl FromStr for PhoneNumber {
    type Err = InvalidPhoneNumber;

    /// Takes the usual spellings (`+1 (555) 000-0001`, `0015550000001`, bare digits with country code).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.len() > 40 || !text.bytes().all(|b| b.is_ascii_digit() || b"+-.() /".contains(&b)) {
            return Err(InvalidPhoneNumber);
        }
        let international = match text.strip_prefix("00") {
            Some(rest) => format!("+{rest}"),
            None if text.starts_with('+') => text.to_owned(),
            None => format!("+{text}"),
        };
        let number = phonenumber::parse(None, &international).map_err(|_| InvalidPhoneNumber)?;
        let text = number.format().mode(phonenumber::Mode::E164).to_string();
        Self::from_e164(&text)
    }
}

impl TryFrom<String> for PhoneNumber {
    type Error = InvalidPhoneNumber;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::from_e164(&text)
    }
}

impl From<PhoneNumber> for String {
    fn from(phone: PhoneNumber) -> Self {
        phone.0
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// A number may end up in a log through `{:?}` of what holds it; it must not.
impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PhoneNumber({})", self.masked())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn usual_spellings_become_e164() {
        for text in ["+15550000001", "15550000001", "+1 (555) 000-0001", "0015550000001", " +1-555-000.0001 "]
        {
            assert_eq!(text.parse::<PhoneNumber>().unwrap().as_str(), "+15550000001", "{text}");
        }
        assert_eq!("+62 812-3456-7890".parse::<PhoneNumber>().unwrap().digits(), "6281234567890");
    }

    #[test]
    fn what_is_not_a_number_is_refused() {
        for text in [
            "",
            "+",
            "hello",
            "+1",
            "+999999999999999999999",
            "15550000001;ext=1",
            "+١٢٣٤٥٦٧٨٩",
            "+0123456789",
        ] {
            assert!(text.parse::<PhoneNumber>().is_err(), "{text}");
        }
    }

    #[test]
    fn programs_write_e164_and_nothing_else() {
        assert!(PhoneNumber::from_e164("+15550000001").is_ok());
        for text in ["15550000001", "+1 555 000 0001", "+0555000001", "+123456", "+1234567890123456"] {
            assert!(PhoneNumber::from_e164(text).is_err(), "{text}");
        }
    }

    #[test]
    fn debug_hides_the_number() {
        assert_eq!(format!("{:?}", "+15550000001".parse::<PhoneNumber>().unwrap()), "PhoneNumber(+…01)");
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_is_idempotent(text in "\\PC{0,48}") {
            if let Ok(phone) = text.parse::<PhoneNumber>() {
                prop_assert_eq!(phone.as_str().parse::<PhoneNumber>().unwrap(), phone.clone());
                prop_assert_eq!(PhoneNumber::from_e164(phone.as_str()).unwrap(), phone);
            }
        }
    }
}
