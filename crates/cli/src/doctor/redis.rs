//! Redis, where the settings name one.

use super::Finding;
use crate::settings::Subject;

const CHECK: &str = "redis.reachable";
/// The oldest version that is tried by the tests' machines.
const OLDEST_MAJOR: u64 = 6;

/// Asks it what it is.
pub(super) async fn check(api: &Subject) -> Vec<Finding> {
    let Some(url) = api.text("BLAZZ_REDIS_URL") else {
        return vec![Finding::ok(CHECK, &api.name, "not used: one API process serves alone")];
    };
    let finding = match blazz_bus::inspect(&url).await {
        Ok(server) if is_old(&server.version) => Finding::warning(
            CHECK,
            &api.name,
            format!("Redis {} is old", server.version),
            format!("run version {OLDEST_MAJOR} or later"),
        ),
        Ok(server) if server.version.is_empty() => Finding::ok(CHECK, &api.name, "Redis answers"),
        Ok(server) => Finding::ok(CHECK, &api.name, format!("Redis {}", server.version)),
        Err(error) => Finding::error(
            CHECK,
            &api.name,
            format!("cannot be reached: {error}"),
            "see that it runs and that BLAZZ_REDIS_URL names it; without that setting a single API process needs none",
        ),
    };
    vec![finding]
}

fn is_old(version: &str) -> bool {
    let major = version.split('.').next().and_then(|major| major.parse::<u64>().ok());
    major.is_some_and(|major| major < OLDEST_MAJOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_counts() {
        assert!(is_old("5.0.14"));
        for version in ["6.0.0", "7.0.15", "10.1", "", "unknown"] {
            assert!(!is_old(version), "{version}");
        }
    }
}
