//! What an uploaded file is: what its sender says, checked against what its bytes say.

use blazz_domain::ErrorCode;
use blazz_domain::media::{self, UNKNOWN_MIME};
use blazz_media::Sniffed;

use crate::ServiceError;

/// The MIME type to keep. Bytes that tell nothing are believed to be what they are called, but not to be a picture: each kind of those is known.
pub(super) fn settle(told: Option<&str>, sniffed: Sniffed) -> Result<String, ServiceError> {
    let told = match told.map(|told| media::essence(told).ok_or_else(|| unsupported("is not a MIME type"))) {
        Some(told) => told?,
        None => UNKNOWN_MIME.to_owned(),
    };
    let is_image = |mime: &str| mime.starts_with("image/");
    // A form is how browsers and curl send bytes of which they say nothing.
    let says_nothing = [UNKNOWN_MIME, "application/x-www-form-urlencoded"].contains(&told.as_str());
    match sniffed {
        Sniffed::Is(kind) if says_nothing => Ok(kind.to_owned()),
        Sniffed::Unknown if says_nothing => Ok(UNKNOWN_MIME.to_owned()),
        Sniffed::Is(kind) if is_image(kind) && is_image(&told) => Ok(kind.to_owned()),
        Sniffed::Is(kind) if is_image(kind) != is_image(&told) => {
            Err(unsupported(&format!("does not fit: the file begins like {kind}")))
        }
        // SVG is text.
        Sniffed::Unknown if is_image(&told) && told != "image/svg+xml" => {
            Err(unsupported("does not fit: the file does not begin like a picture"))
        }
        Sniffed::Is(_) | Sniffed::Unknown => Ok(told),
    }
}

fn unsupported(what: &str) -> ServiceError {
    ServiceError::refused(ErrorCode::UnsupportedMediaType, format!("the Content-Type {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_have_the_last_word_on_pictures() {
        let settle = |told: Option<&str>, sniffed| settle(told, sniffed).ok();
        let (png, pdf) = (Sniffed::Is("image/png"), Sniffed::Is("application/pdf"));
        assert_eq!(settle(Some("image/png"), png).as_deref(), Some("image/png"));
        assert_eq!(settle(Some("image/jpeg"), png).as_deref(), Some("image/png"));
        assert_eq!(settle(None, png).as_deref(), Some("image/png"));
        assert_eq!(settle(Some("application/octet-stream"), pdf).as_deref(), Some("application/pdf"));
        assert_eq!(
            settle(Some("application/x-www-form-urlencoded"), pdf).as_deref(),
            Some("application/pdf")
        );
        assert_eq!(settle(None, Sniffed::Unknown).as_deref(), Some("application/octet-stream"));
        assert_eq!(settle(Some("text/csv; charset=utf-8"), Sniffed::Unknown).as_deref(), Some("text/csv"));
        assert_eq!(settle(Some("audio/mp4"), Sniffed::Is("video/mp4")).as_deref(), Some("audio/mp4"));
        assert_eq!(
            settle(Some("application/vnd.ms-word"), Sniffed::Is("application/zip")).as_deref(),
            Some("application/vnd.ms-word")
        );
        for (told, sniffed) in
            [("image/png", pdf), ("application/pdf", png), ("image/png", Sniffed::Unknown), ("nonsense", png)]
        {
            assert_eq!(settle(Some(told), sniffed), None, "{told}");
        }
    }
}
