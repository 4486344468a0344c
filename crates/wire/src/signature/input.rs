//! The `signature-input` field: what a signature covers, and its parameters.

use super::{LABEL, TAG};

/// The field is longer than anything we write.
const MAX_CHARS: usize = 1024;
/// Digits of a Unix time until the year 5138.
const MAX_TIME_DIGITS: usize = 11;

/// The field, taken apart. Borrows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SignatureInput<'a> {
    /// Everything after the label, as written: the last line of the signature base.
    pub(crate) params: &'a str,
    /// When it was signed, in Unix seconds.
    pub(crate) created: i64,
    /// What makes it unique; answers have none.
    pub(crate) nonce: Option<&'a str>,
    /// Which key signed it.
    pub(crate) key_id: &'a str,
}

/// Why a `signature-input` field is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("signature-input is too long")]
    TooLong,
    #[error("signature-input has no signature labelled blazz first")]
    Label,
    #[error("the covered components are not exactly those demanded")]
    Covered,
    #[error("a signature parameter is malformed")]
    Syntax,
    #[error("a signature parameter is unknown")]
    Unknown,
    #[error("a signature parameter occurs twice")]
    Repeated,
    #[error("a signature parameter is missing")]
    Missing,
    #[error("the tag is not blazz")]
    Tag,
}

impl<'a> SignatureInput<'a> {
    /// Reads a field that must cover exactly `covered`: an inner list of RFC 8941, with its parentheses.
    pub(crate) fn parse(field: &'a str, covered: &str) -> Result<Self, Malformed> {
        if field.len() > MAX_CHARS {
            return Err(Malformed::TooLong);
        }
        let params = field.strip_prefix(LABEL).ok_or(Malformed::Label)?;
        let parameters = params.strip_prefix(covered).ok_or(Malformed::Covered)?;
        let mut found = Found::default();
        found.read_all(parameters)?;
        if found.tag.ok_or(Malformed::Missing)? != TAG {
            return Err(Malformed::Tag);
        }
        Ok(Self {
            params,
            created: found.created.ok_or(Malformed::Missing)?,
            nonce: found.nonce,
            key_id: found.key_id.ok_or(Malformed::Missing)?,
        })
    }

    /// The key id that a field names, though the rest of it may be refused; to answer under the same key.
    pub(crate) fn claimed_key_id(field: &'a str) -> Option<&'a str> {
        if field.len() > MAX_CHARS {
            return None;
        }
        let (_, rest) = field.split_once(";keyid=\"")?;
        rest.split_once('"').map(|(id, _)| id)
    }
}

#[derive(Default)]
struct Found<'a> {
    created: Option<i64>,
    nonce: Option<&'a str>,
    key_id: Option<&'a str>,
    tag: Option<&'a str>,
}

impl<'a> Found<'a> {
    fn read_all(&mut self, mut text: &'a str) -> Result<(), Malformed> {
        while !text.is_empty() {
            let parameter = text.strip_prefix(';').ok_or(Malformed::Syntax)?;
            let (name, value) = parameter.split_once('=').ok_or(Malformed::Syntax)?;
            text = match name {
                "created" => read_into(&mut self.created, value, time)?,
                "nonce" => read_into(&mut self.nonce, value, string)?,
                "keyid" => read_into(&mut self.key_id, value, string)?,
                "tag" => read_into(&mut self.tag, value, string)?,
                _ => return Err(Malformed::Unknown),
            };
        }
        Ok(())
    }
}

/// Fills an empty `slot` from the front of `text`; gives what is left of it.
fn read_into<'a, T>(
    slot: &mut Option<T>,
    text: &'a str,
    read: impl Fn(&'a str) -> Option<(T, &'a str)>,
) -> Result<&'a str, Malformed> {
    let (value, rest) = read(text).ok_or(Malformed::Syntax)?;
    if slot.replace(value).is_some() { Err(Malformed::Repeated) } else { Ok(rest) }
}

/// A number without sign or leading zero.
fn time(text: &str) -> Option<(i64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    let shaped = digits.len() <= MAX_TIME_DIGITS && !digits.starts_with('0');
    shaped.then_some(())?;
    Some((digits.parse().ok()?, rest))
}

/// A quoted string of visible ASCII without escapes: nothing that we put into one needs any.
fn string(text: &str) -> Option<(&str, &str)> {
    let (inner, rest) = text.strip_prefix('"')?.split_once('"')?;
    let shaped = !inner.is_empty() && inner.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    shaped.then_some((inner, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COVERED: &str = r#"("@method" "@path")"#;
    const GOOD: &str =
        r#"blazz=("@method" "@path");created=1700000000;nonce="abc";keyid="n/d/0";tag="blazz""#;

    #[test]
    fn takes_the_parameters_in_any_order() {
        let input = SignatureInput::parse(GOOD, COVERED).unwrap();
        assert_eq!((input.created, input.nonce, input.key_id), (1_700_000_000, Some("abc"), "n/d/0"));
        assert_eq!(input.params, GOOD.strip_prefix("blazz=").unwrap());
        let turned = r#"blazz=("@method" "@path");tag="blazz";keyid="n/d/0";created=1700000000"#;
        assert_eq!(SignatureInput::parse(turned, COVERED).unwrap().nonce, None);
    }

    #[test]
    fn refuses_every_other_spelling() {
        let cases = [
            (GOOD.replace("blazz=(", "other=("), Malformed::Label),
            (format!("a=(), {GOOD}"), Malformed::Label),
            (GOOD.replace(" \"@path\"", ""), Malformed::Covered),
            (GOOD.replace("\"@path\")", "\"@path\" \"date\")"), Malformed::Covered),
            (GOOD.replace(r#""@method" "@path""#, r#""@path" "@method""#), Malformed::Covered),
            (GOOD.replace(";created=1700000000", ""), Malformed::Missing),
            (GOOD.replace(r#";keyid="n/d/0""#, ""), Malformed::Missing),
            (GOOD.replace(r#";tag="blazz""#, ""), Malformed::Missing),
            (GOOD.replace(r#"tag="blazz""#, r#"tag="other""#), Malformed::Tag),
            (format!("{GOOD};created=1700000000"), Malformed::Repeated),
            (format!("{GOOD};expires=1700000000"), Malformed::Unknown),
            (format!("{GOOD};alg=\"hmac-sha256\""), Malformed::Unknown),
            (format!("{GOOD}, b=()"), Malformed::Syntax),
            (GOOD.replace("=17", "=-17"), Malformed::Syntax),
            (GOOD.replace("=17", "=017"), Malformed::Syntax),
            (GOOD.replace("=1700000000", "=1700000000.5"), Malformed::Syntax),
            (GOOD.replace("=1700000000", "=170000000000000000000"), Malformed::Syntax),
            (GOOD.replace("abc", r"a\c"), Malformed::Syntax),
            (GOOD.replace("\"abc\"", "\"\""), Malformed::Syntax),
            (GOOD.replace("\"abc\"", "abc"), Malformed::Syntax),
            (GOOD.replace("abc", &"a".repeat(1100)), Malformed::TooLong),
        ];
        for (field, why) in cases {
            assert_eq!(SignatureInput::parse(&field, COVERED), Err(why), "{field}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "\\PC*", tail in "[;=\"a-z0-9\\\\ ,:()é-]*") {
            let _ = SignatureInput::parse(&text, COVERED);
            let _ = SignatureInput::claimed_key_id(&text);
            let tailed = format!("blazz={COVERED}{tail}");
            let _ = SignatureInput::parse(&tailed, COVERED);
            let _ = SignatureInput::claimed_key_id(&tailed);
        }

        #[test]
        fn a_cut_or_grown_field_is_refused_or_means_what_it_says(at in 0..GOOD.len(), c in any::<char>()) {
            let mut changed = GOOD.to_owned();
            changed.insert(at, c);
            for field in [&changed, &GOOD[..at]] {
                if let Ok(input) = SignatureInput::parse(field, COVERED) {
                    prop_assert_eq!(Some(input.params), field.strip_prefix("blazz="));
                }
            }
        }
    }
}
