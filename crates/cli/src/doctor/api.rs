//! The API: does it answer, and can it do its work?

use reqwest::StatusCode;
use serde_json::Value;

use super::{Finding, Patient};

const REACHABLE: &str = "api.reachable";
const READY: &str = "api.ready";

/// Asks for its health, then for what it needs.
pub(super) async fn check(patient: &Patient) -> Vec<Finding> {
    let Some(url) = &patient.api_url else {
        return vec![Finding::warning(
            REACHABLE,
            "api",
            "nothing says where the API is",
            "give --api-url (BLAZZ_API_URL)",
        )];
    };
    let base = url.as_str().trim_end_matches('/');
    let Ok(answer) = patient.http.get(format!("{base}/readyz")).send().await else {
        return vec![Finding::error(
            REACHABLE,
            "api",
            format!("{base} does not answer"),
            "start it, or look at its log; from another machine, see that BLAZZ_API_LISTEN is not loopback",
        )];
    };
    let reachable = Finding::ok(REACHABLE, "api", format!("{base} answers"));
    vec![reachable, ready(answer.status(), &answer.text().await.unwrap_or_default())]
}

fn ready(status: StatusCode, body: &str) -> Finding {
    if status.is_success() {
        return Finding::ok(READY, "api", "it can do its work");
    }
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let checks = body.get("checks").and_then(Value::as_object);
    let failing: Vec<&str> = checks
        .into_iter()
        .flatten()
        .filter(|(_, word)| word.as_str() != Some("ok"))
        .map(|(name, _)| name.as_str())
        .collect();
    let what = if failing.is_empty() { format!("it answers {status}") } else { failing.join(", ") };
    Finding::error(
        READY,
        "api",
        format!("it cannot do its work: {what}"),
        "mend what is named; when it is no API that answers, see that the address is right",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    #[test]
    fn what_fails_is_named() {
        let body = r#"{"status":"not_ready","checks":{"database":"failing","bus":"ok","serving":"ok"}}"#;
        let found = ready(StatusCode::SERVICE_UNAVAILABLE, body);
        assert_eq!((found.level, found.text.as_str()), (Level::Error, "it cannot do its work: database"));
        assert_eq!(ready(StatusCode::NOT_FOUND, "<html>").level, Level::Error);
    }
}
