//! Who calls: the operator, or a workspace. [`super::gate`] finds out; routes that need to know take an extractor.

use std::future::{Ready, ready};

use actix_web::dev::{Payload, ServiceRequest};
use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use blazz_domain::{ErrorCode, WorkspaceId};
use blazz_services::api_keys::{self, KeyHolder, KnownKey};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::ApiError;
use crate::state::AppState;

/// The operator's key, and the one before while it is being replaced. Kept as hashes: comparing those in constant time tells nothing about
/// a key, not even its length.
#[derive(Clone)]
pub(crate) struct OperatorKey(Vec<[u8; 32]>);

impl OperatorKey {
    /// Keeps the hashes.
    pub(crate) fn new(secret: &str, previous: Option<&str>) -> Self {
        Self([secret].into_iter().chain(previous).map(|secret| Sha256::digest(secret).into()).collect())
    }

    fn is(&self, secret: &str) -> bool {
        let hash: [u8; 32] = Sha256::digest(secret).into();
        self.0.iter().any(|own| own.ct_eq(&hash).into())
    }
}

/// Whose key came with the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Whoever runs this installation.
    Operator,
    /// A tenant.
    Workspace(KeyHolder),
}

/// Nobody who may come in.
pub(crate) struct Stranger {
    /// Why.
    pub(crate) error: ApiError,
    /// The key that has expired or was revoked.
    pub(crate) key: Option<KnownKey>,
}

impl Stranger {
    /// Whether the key is to blame; if not, nobody could look it up.
    pub(crate) const fn is_refused(&self) -> bool {
        matches!(self.error.code(), ErrorCode::Unauthorized | ErrorCode::KeyRevoked | ErrorCode::KeyExpired)
    }
}

impl Caller {
    /// Whose secret this is.
    ///
    /// # Errors
    /// `unauthorized`, `key_revoked` or `key_expired` for what is no valid key, `unavailable` when keys cannot be looked up.
    pub(crate) async fn of(secret: &str, state: &AppState) -> Result<Self, Stranger> {
        if state.operator.is(secret) {
            return Ok(Self::Operator);
        }
        match api_keys::authenticate(&state.services, secret).await {
            Ok(holder) => {
                if holder.is_use_to_note {
                    note_use(state, &holder);
                }
                Ok(Self::Workspace(holder))
            }
            Err(refused) => {
                let mut stranger = Stranger { error: refused.error.into(), key: refused.key };
                if stranger.is_refused() {
                    let challenge = "Bearer realm=\"blazz\", error=\"invalid_token\"";
                    stranger.error = stranger.error.with_header(header::WWW_AUTHENTICATE, challenge);
                }
                Err(stranger)
            }
        }
    }
}

/// The workspace whose key came with the request. Only behind a route that the document gives to workspace keys.
pub(crate) struct Tenant(pub(crate) WorkspaceId);

impl FromRequest for Tenant {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(match request.extensions().get::<Caller>() {
            Some(Caller::Workspace(holder)) => Ok(Self(holder.workspace_id)),
            _ => Err(missing()),
        })
    }
}

/// Beside the request, which does not wait for it.
fn note_use(state: &AppState, holder: &KeyHolder) {
    let (services, holder) = (state.services.clone(), holder.clone());
    let note = async move {
        if let Err(error) = api_keys::note_use(&services, &holder).await {
            tracing::debug!(api_key.id = %holder.key_id, %error, "cannot note the use of a key");
        }
    };
    state.shutdown.tracker().spawn_on(note, &state.runtime);
}

/// The secret that came with a request.
///
/// # Errors
/// `unauthorized` when there is none, or more than one.
pub(crate) fn bearer(request: &ServiceRequest) -> Result<String, ApiError> {
    let mut values = request.headers().get_all(header::AUTHORIZATION);
    let (Some(value), None) = (values.next(), values.next()) else { return Err(missing()) };
    let parts = value.to_str().ok().and_then(|text| text.trim().split_once(' '));
    match parts {
        Some((scheme, secret)) if scheme.eq_ignore_ascii_case("bearer") => Ok(secret.trim().to_owned()),
        _ => Err(missing()),
    }
}

fn missing() -> ApiError {
    unauthorized("send a key as `Authorization: Bearer …`", "Bearer realm=\"blazz\"")
}

fn unauthorized(detail: &str, challenge: &str) -> ApiError {
    ApiError::refused(ErrorCode::Unauthorized, detail).with_header(header::WWW_AUTHENTICATE, challenge)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn only_the_operators_own_key_is_it() {
        let key = OperatorKey::new("blzop_abc", Some("blzop_old"));
        assert!(key.is("blzop_abc") && key.is("blzop_old"));
        assert!(!OperatorKey::new("blzop_abc", None).is("blzop_old"));
        assert!(!key.is("blzop_ab") && !key.is("") && !key.is("blzop_abcd"));
    }

    #[test]
    fn one_bearer_header_is_needed() {
        let of = |values: &[&str]| {
            let request = values.iter().fold(TestRequest::default(), |request, value| {
                request.append_header((header::AUTHORIZATION, *value))
            });
            bearer(&request.to_srv_request())
        };
        assert_eq!(of(&["Bearer abc"]).unwrap(), "abc");
        assert_eq!(of(&["bearer  abc "]).unwrap(), "abc");
        for bad in [&[][..], &["abc"], &["Basic abc"], &["Bearer a", "Bearer b"]] {
            assert_eq!(of(bad).unwrap_err().code(), ErrorCode::Unauthorized, "{bad:?}");
        }
    }
}
