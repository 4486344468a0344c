//! How much a workspace may call: one bucket for all its keys, and one for each key that has a number of its own. Every answer tells what is
//! left (draft-ietf-httpapi-ratelimit-headers).

use std::time::Duration;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use blazz_bus::{Bus, Decision, Quota};
use blazz_domain::ErrorCode;
use blazz_services::api_keys::KeyHolder;

use super::ApiError;

/// The header that names the quota.
pub(crate) const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// The header that tells what is left of it.
pub(crate) const LEFT: HeaderName = HeaderName::from_static("ratelimit");

/// One call's part of a bucket.
pub(crate) struct Ration {
    /// `default` for the workspace's bucket, `key` for a key's own.
    pub(crate) policy: &'static str,
    quota: Quota,
    decision: Decision,
}

impl Ration {
    /// Takes a call out of the bucket that it belongs to; none when it is not counted.
    pub(crate) async fn take(bus: &Bus, default: Option<Quota>, holder: &KeyHolder) -> Option<Self> {
        let own = holder.requests_per_minute.and_then(Quota::per_minute);
        let (policy, quota, bucket) = match own {
            // A number that was changed begins with a full bucket.
            Some(own) => ("key", own, format!("key:{}:{}", holder.key_id, own.calls())),
            None => ("default", default?, format!("workspace:{}", holder.workspace_id)),
        };
        Some(Self { policy, quota, decision: bus.take(&bucket, quota).await })
    }

    /// Why the call may not pass, if it may not.
    pub(crate) fn refusal(&self) -> Option<ApiError> {
        if self.decision.is_allowed {
            return None;
        }
        let whose = if self.policy == "key" { "key" } else { "workspace" };
        let detail = format!("the {whose}'s {} requests a minute are used up", self.quota.calls());
        let wait = whole_seconds(self.decision.retry_in).max(1).to_string();
        Some(ApiError::refused(ErrorCode::RateLimited, detail).with_header(RETRY_AFTER, &wait))
    }

    /// Tells what is left.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        let Self { policy, quota, decision } = self;
        let policy_text = format!("\"{policy}\";q={};w={}", quota.calls(), quota.window().as_secs());
        let (left, full_in) = (decision.remaining, whole_seconds(decision.full_in));
        for (name, text) in [(POLICY, policy_text), (LEFT, format!("\"{policy}\";r={left};t={full_in}"))] {
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.insert(name, value);
            }
        }
    }
}

/// Rounded up: who comes back after this time does not come too early.
pub(super) fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use blazz_domain::{ApiKeyId, Grants, WorkspaceId};

    use super::*;

    fn holder(workspace_id: WorkspaceId, requests_per_minute: Option<u32>) -> KeyHolder {
        KeyHolder {
            key_id: ApiKeyId::new(),
            workspace_id,
            scopes: Grants::all(),
            name: "k".to_owned(),
            requests_per_minute,
            is_use_to_note: false,
        }
    }

    fn told(ration: &Ration) -> [String; 2] {
        let mut headers = HeaderMap::new();
        ration.tell(&mut headers);
        [POLICY, LEFT].map(|name| headers.get(name).unwrap().to_str().unwrap().to_owned())
    }

    #[actix_web::test]
    async fn keys_share_the_workspaces_bucket_unless_they_have_their_own() {
        let (bus, default, workspace) = (Bus::in_process(), Quota::per_minute(2), WorkspaceId::new());
        let (one, two) = (holder(workspace, None), holder(workspace, None));
        let first = Ration::take(&bus, default, &one).await.unwrap();
        assert_eq!(told(&first), ["\"default\";q=2;w=60", "\"default\";r=1;t=30"]);
        assert!(Ration::take(&bus, default, &two).await.unwrap().refusal().is_none());
        let third = Ration::take(&bus, default, &one).await.unwrap();
        let refusal = third.refusal().unwrap();
        assert_eq!(refusal.code(), ErrorCode::RateLimited);
        assert_eq!(refusal.answer(None).headers().get("retry-after").unwrap(), "30");
        assert_eq!(told(&third)[1], "\"default\";r=0;t=60");

        let own = holder(workspace, Some(500));
        let first = Ration::take(&bus, default, &own).await.unwrap();
        assert_eq!(told(&first), ["\"key\";q=500;w=60", "\"key\";r=499;t=1"]);
        assert!(Ration::take(&bus, None, &one).await.is_none(), "the workspace's is off");
        assert!(Ration::take(&bus, None, &own).await.is_some(), "a key's own counts all the same");
    }

    #[test]
    fn a_wait_is_never_told_too_short() {
        assert_eq!(whole_seconds(Duration::from_millis(120)), 1);
        assert_eq!(whole_seconds(Duration::from_secs(2)), 2);
        assert_eq!(whole_seconds(Duration::ZERO), 0);
    }
}
