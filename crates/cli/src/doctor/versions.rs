//! Versions: API, nodes and this command may differ by one, no more.

use serde_json::Value;

use super::{Finding, Patient, nodes};

const CHECK: &str = "versions";

/// Compares the versions that can be asked for with this command's.
pub(super) async fn check(patient: &Patient) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        api(patient).await.map(|theirs| judge("api", &theirs)).into_iter().collect();
    if patient.operator_key.is_some() && patient.api_url.is_some() {
        let nodes = nodes::list(patient).await.unwrap_or_default();
        findings.extend(nodes.iter().map(|node| judge(&node.id, &node.version)));
    }
    findings
}

async fn api(patient: &Patient) -> Option<String> {
    let url = patient.api_url.as_ref()?.as_str().trim_end_matches('/');
    let answer = patient.http.get(format!("{url}/healthz")).send().await.ok()?;
    let health: Value = serde_json::from_str(&answer.text().await.ok()?).ok()?;
    Some(health.get("version")?.as_str()?.to_owned())
}

fn judge(subject: &str, theirs: &str) -> Finding {
    let ours = env!("CARGO_PKG_VERSION");
    if theirs == ours {
        return Finding::ok(CHECK, subject, format!("version {theirs}"));
    }
    let text = format!("version {theirs}, and this command is {ours}");
    match distance(theirs, ours) {
        Some(0 | 1) => Finding::warning(
            CHECK,
            subject,
            text,
            "fine during an upgrade: finish it, the API first, then the nodes",
        ),
        _ => Finding::error(
            CHECK,
            subject,
            text,
            "bring all of them to the same version; only neighbours are tried together",
        ),
    }
}

/// How many minor versions lie between two of one major version.
fn distance(a: &str, b: &str) -> Option<u64> {
    let parts = |version: &str| {
        let mut parts = version.split(['.', '-', '+']).map(|part| part.parse::<u64>().ok());
        Some((parts.next()??, parts.next()??))
    };
    let ((major, minor), (other_major, other_minor)) = (parts(a)?, parts(b)?);
    (major == other_major).then(|| minor.abs_diff(other_minor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_differ_by_one_minor_version() {
        assert_eq!(distance("0.1.0", "0.1.7"), Some(0));
        assert_eq!(distance("0.2.0-rc1", "0.1.0"), Some(1));
        assert_eq!(distance("0.4.0", "0.1.0"), Some(3));
        assert_eq!((distance("1.0.0", "0.1.0"), distance("unknown", "0.1.0")), (None, None));
    }
}
