//! Content negotiation (RFC 9110, section 12.5.1).

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest};
use blazz_domain::ErrorCode;

use super::ApiError;

/// What the caller likes to get.
pub(crate) struct Accept(Vec<Range>);

#[derive(Debug, PartialEq)]
struct Range {
    kind: String,
    subtype: String,
    quality: f32,
}

impl Accept {
    /// The offer that the caller likes best; the first of those it likes equally.
    ///
    /// # Errors
    /// `not_acceptable` when it takes none of them.
    pub(crate) fn choose<'o>(&self, offers: &[&'o str]) -> Result<&'o str, ApiError> {
        let mut best: Option<(&str, f32)> = None;
        for offer in offers {
            let quality = self.quality(offer);
            if quality > best.map_or(0.0, |(_, quality)| quality) {
                best = Some((offer, quality));
            }
        }
        best.map(|(offer, _)| offer).ok_or_else(|| {
            ApiError::refused(
                ErrorCode::NotAcceptable,
                format!("this route can answer {}", offers.join(", ")),
            )
        })
    }

    /// The quality that the most specific matching range gives to a type; without any range everything is welcome.
    fn quality(&self, offer: &str) -> f32 {
        if self.0.is_empty() {
            return 1.0;
        }
        let matching =
            self.0.iter().filter_map(|range| range.matches(offer).map(|rank| (rank, range.quality)));
        matching.max_by_key(|(rank, _)| *rank).map_or(0.0, |(_, quality)| quality)
    }

    fn parse(text: &str) -> Self {
        Self(text.split(',').filter_map(Range::parse).collect())
    }
}

impl Range {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (kind, subtype) = parts.next()?.split_once('/')?;
        let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let quality = match quality {
            Some(text) => text.parse().ok().filter(|q| (0.0..=1.0).contains(q))?,
            None => 1.0,
        };
        Some(Self { kind: kind.to_ascii_lowercase(), subtype: subtype.to_ascii_lowercase(), quality })
    }

    /// How specifically the range means `offer`; `None` when it does not.
    fn matches(&self, offer: &str) -> Option<u8> {
        let (kind, subtype) = offer.split_once('/')?;
        match (self.kind.as_str(), self.subtype.as_str()) {
            ("*", "*") => Some(0),
            (own, "*") if own == kind => Some(1),
            (own, sub) if own == kind && sub == subtype => Some(2),
            _ => None,
        }
    }
}

impl FromRequest for Accept {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let values: Vec<_> =
            request.headers().get_all(header::ACCEPT).filter_map(|value| value.to_str().ok()).collect();
        ready(Ok(Self::parse(&values.join(","))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFERS: &[&str] = &["application/json", "image/png", "image/svg+xml", "text/plain"];

    fn chosen(accept: &str) -> Option<&'static str> {
        Accept::parse(accept).choose(OFFERS).ok()
    }

    #[test]
    fn the_best_liked_offer_wins() {
        for (accept, expected) in [
            ("", Some("application/json")),
            ("*/*", Some("application/json")),
            ("image/png", Some("image/png")),
            ("IMAGE/PNG", Some("image/png")),
            ("text/plain;q=0.5, image/svg+xml;q=0.9", Some("image/svg+xml")),
            ("image/avif,image/webp,image/*;q=0.8,*/*;q=0.5", Some("image/png")),
            ("application/json;q=0, */*", Some("image/png")),
            ("image/*;q=0.5, image/svg+xml", Some("image/svg+xml")),
            ("image/png;q=0.1, image/*;q=0.9", Some("image/svg+xml")),
            ("application/xml", None),
            ("image/png;q=0", None),
            ("image/png;q=7", Some("application/json")),
        ] {
            assert_eq!(chosen(accept), expected, "{accept}");
        }
    }
}
