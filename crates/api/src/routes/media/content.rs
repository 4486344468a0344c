//! `GET /v1/media/{media_id}/content`.

use std::ops::Range;

use actix_web::body::SizedStream;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    RANGE, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use blazz_domain::MediaId;
use blazz_services::media::{self, Content};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::create::FileBytes;
use crate::http::{ApiError, Id, Tenant};
use crate::state::AppState;

/// What stands for itself in a file's name. Source: RFC 8187, `attr-char`.
const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_').remove(b'~').remove(b'!').remove(b'$');

/// Get the bytes of a file.
///
/// One range of bytes can be asked for; what is not such a range is ignored and answered with the whole file.
#[utoipa::path(
    operation_id = "getMediaContent",
    tag = "media",
    security(("workspace_key" = ["media:read"])),
    params(
        ("media_id" = MediaId, Path, description = "The file."),
        ("Range" = Option<String>, Header, description = "Which bytes, such as `bytes=0-1023`."),
    ),
    responses(
        (status = 200, description = "The file, with its own `Content-Type`.", content((FileBytes = "*/*")),
            headers(("Content-Disposition" = String, description = "The file's name."))),
        (status = 206, description = "The bytes that were asked for.", content((FileBytes = "*/*")),
            headers(("Content-Range" = String, description = "Which bytes these are, and of how many."))),
    ),
)]
#[get("/v1/media/{media_id}/content")]
pub(crate) async fn get_media_content(
    state: Data<AppState>,
    Tenant(workspace_id): Tenant,
    Id(media_id): Id<MediaId>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let asked = request.headers().get(RANGE).and_then(|value| value.to_str().ok());
    let choose = |size| asked.and_then(|asked| range(asked, size));
    Ok(answer(media::content(&state.services, workspace_id, media_id, choose).await?))
}

fn answer(Content { file, range, bytes }: Content) -> HttpResponse {
    let is_whole = range == (0..file.size);
    let mut answer = HttpResponse::build(if is_whole { StatusCode::OK } else { StatusCode::PARTIAL_CONTENT });
    if !is_whole {
        let last = range.end.saturating_sub(1);
        answer.insert_header((CONTENT_RANGE, format!("bytes {}-{last}/{}", range.start, file.size)));
    }
    answer
        .insert_header((CONTENT_TYPE, file.mime_type))
        // Somebody else wrote it: a browser is to keep it, not to run it.
        .insert_header((CONTENT_DISPOSITION, disposition(file.filename.as_deref())))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"))
        .insert_header((CACHE_CONTROL, "private"))
        .insert_header((ACCEPT_RANGES, "bytes"))
        .body(SizedStream::new(range.end.saturating_sub(range.start), bytes))
}

fn disposition(filename: Option<&str>) -> String {
    match filename {
        Some(name) => format!("attachment; filename*=UTF-8''{}", utf8_percent_encode(name, PLAIN)),
        None => "attachment".to_owned(),
    }
}

/// The one range that a `Range` field asks for, of so many bytes; `None` for what is to be ignored (RFC 9110, section 14.2).
fn range(field: &str, size: u64) -> Option<Range<u64>> {
    let (first, last) = field.strip_prefix("bytes=")?.trim().split_once('-')?;
    let range = match (first.is_empty(), last.is_empty()) {
        (true, _) => size.saturating_sub(last.parse().ok()?)..size,
        (false, true) => first.parse().ok()?..size,
        (false, false) => {
            let end: u64 = last.parse().ok()?;
            first.parse().ok()?..end.saturating_add(1).min(size)
        }
    };
    (range.start < range.end).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_understood_and_the_rest_ignored() {
        for (field, expected) in [
            ("bytes=0-3", Some(0..4)),
            ("bytes=2-", Some(2..10)),
            ("bytes=-4", Some(6..10)),
            ("bytes=-400", Some(0..10)),
            ("bytes=0-400", Some(0..10)),
            ("bytes=10-", None),
            ("bytes=5-4", None),
            ("bytes=0-1,3-4", None),
            ("bytes=-", None),
            ("bytes=-0", None),
            ("bytes=x-y", None),
            ("pages=0-3", None),
            ("bytes=18446744073709551615-18446744073709551615", None),
        ] {
            assert_eq!(range(field, 10), expected, "{field}");
        }
        assert_eq!(range("bytes=0-", 0), None);
    }

    #[test]
    fn a_name_cannot_leave_its_field() {
        assert_eq!(disposition(None), "attachment");
        assert_eq!(disposition(Some("Preis liste.pdf")), "attachment; filename*=UTF-8''Preis%20liste.pdf");
        assert_eq!(
            disposition(Some("a\"; x=\r\né")),
            "attachment; filename*=UTF-8''a%22%3B%20x%3D%0D%0A%C3%A9"
        );
    }
}
