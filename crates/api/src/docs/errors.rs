//! The catalogue of errors: code, status, what it means, what to do.

use std::fmt::Write as _;

use actix_web::HttpResponse;
use blazz_domain::ErrorCode;

use crate::http::status_of;

const HEAD: &str = r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Blazz: errors</title>
<style>
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid #8886; padding: .5rem .75rem .5rem 0; text-align: left; vertical-align: top; }
tr:target { background: #fe83; }
code { font: 14px ui-monospace, monospace; white-space: nowrap; }
</style>
</head>
<body>
<h1>Errors</h1>
<p>Every error is a problem (<a href="https://www.rfc-editor.org/rfc/rfc9457">RFC 9457</a>, <code>application/problem+json</code>). Switch on its
<code>code</code>: it is stable, the texts beside it are for people. <code>type</code> leads to the code's row on this page, <code>detail</code> says what is wrong with
this very request, and <code>request_id</code> is the id under which the logs know it. The routes are in <a href="/docs/">the reference</a>.</p>
<table>
<thead><tr><th>Code</th><th>Status</th><th>Meaning</th><th>What to do</th></tr></thead>
<tbody>
"#;
const FOOT: &str = "</tbody>\n</table>\n</body>\n</html>\n";

/// The page.
pub(super) async fn page() -> HttpResponse {
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(html())
}

fn html() -> String {
    let mut page = String::from(HEAD);
    for code in ErrorCode::ALL {
        let (status, meaning, advice) =
            (status_of(*code).as_u16(), text(code.meaning()), text(code.advice()));
        // Writing to a string cannot fail.
        let _ = writeln!(
            page,
            "<tr id=\"{code}\"><td><a href=\"#{code}\"><code>{code}</code></a></td><td>{status}</td><td>{meaning}</td><td>{advice}</td></tr>"
        );
    }
    page + FOOT
}

/// A sentence as HTML; what stands between backticks is code.
fn text(sentence: &str) -> String {
    let escaped = sentence.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut parts = escaped.split('`');
    let mut out = parts.next().unwrap_or_default().to_owned();
    while let Some(code) = parts.next() {
        let _ = write!(out, "<code>{code}</code>{}", parts.next().unwrap_or_default());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_become_html() {
        assert_eq!(text("Send `a<b>` & `c`."), "Send <code>a&lt;b&gt;</code> &amp; <code>c</code>.");
    }

    #[test]
    fn every_code_has_its_row() {
        let page = html();
        for code in ErrorCode::ALL {
            assert!(page.contains(&format!("id=\"{code}\"")), "{code}");
        }
    }
}
