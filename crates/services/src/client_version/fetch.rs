//! Reads WhatsApp Web's version off its own page.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use blazz_domain::ClientVersion;

/// How long the page may take.
const CONNECT: Duration = Duration::from_secs(5);
const TOTAL: Duration = Duration::from_secs(20);
/// The most that is read of it; it has some 10 KiB.
const MAX_PAGE_BYTES: usize = 2 << 20;
/// What the page calls the third number. The first two stay as they are.
///
/// Source: whatsapp-rust 0.7.0, `wacore/src/version.rs`.
const REVISION: &str = "client_revision";
const FIRST: (u32, u32) = (2, 3000);
/// The page is served to browsers.
const BROWSER: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";

/// The version that the page at `url` names.
pub(super) async fn version(url: &str) -> anyhow::Result<ClientVersion> {
    let http = blazz_wire::http_client(CONNECT, TOTAL)?;
    let request = http.get(url).header("sec-fetch-site", "none").header("user-agent", BROWSER);
    let mut answer = request.send().await.context("the page does not answer")?;
    let status = answer.status();
    ensure!(status.is_success(), "the page answers {status}");
    let mut page = Vec::new();
    while let Some(chunk) = answer.chunk().await.context("the page broke off")? {
        if page.len() + chunk.len() > MAX_PAGE_BYTES {
            bail!("the page is too long");
        }
        page.extend_from_slice(&chunk);
    }
    find(&String::from_utf8_lossy(&page)).context("the page names no version")
}

/// The first number behind the word.
fn find(page: &str) -> Option<ClientVersion> {
    let (_, behind) = page.split_once(REVISION)?;
    let number = behind.trim_start_matches(|c: char| !c.is_ascii_digit() && c != '\n');
    let digits = number.split(|c: char| !c.is_ascii_digit()).next()?;
    Some(ClientVersion(FIRST.0, FIRST.1, digits.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_found_however_it_is_quoted() {
        for page in [
            r#"{"client_revision":1026131876,"x":1}"#,
            r#"x={\"client_revision\":1026131876}"#,
            "client_revision = '1026131876';",
        ] {
            assert_eq!(find(page), Some(ClientVersion(2, 3000, 1_026_131_876)), "{page}");
        }
        for page in [
            "",
            "client_revision",
            "client_revision:\n7",
            "<html>404 not found</html>",
            "client_revision:99999999999",
        ] {
            assert_eq!(find(page), None, "{page}");
        }
    }
}
