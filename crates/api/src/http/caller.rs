//! Who calls: the operator, or a workspace. [`super::gate`] finds out; routes that need to know take an extractor.

use std::future::{Ready, ready};

use actix_web::dev::{Payload, ServiceRequest};
use actix_web::http::header;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use blazz_domain::{ErrorCode, WorkspaceId};
use blazz_services::{Services, api_keys};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::ApiError;

/// The operator's key, kept as its hash: comparing hashes in constant time tells nothing about the key, not even its length.
#[derive(Clone)]
pub(crate) struct OperatorKey([u8; 32]);

impl OperatorKey {
    /// Keeps the hash of `secret`.
    pub(crate) fn new(secret: &str) -> Self {
        Self(Sha256::digest(secret).into())
    }

    fn is(&self, secret: &str) -> bool {
        let hash: [u8; 32] = Sha256::digest(secret).into();
        self.0.ct_eq(&hash).into()
    }
}

/// Whose key came with the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Whoever runs this installation.
    Operator,
    /// A tenant.
    Workspace(WorkspaceId),
}

impl Caller {
    /// Who sent this request.
    ///
    /// # Errors
    /// `unauthorized` without a valid key, `unavailable` when keys cannot be looked up.
    pub(crate) async fn of(
        request: &ServiceRequest,
        operator: &OperatorKey,
        services: &Services,
    ) -> Result<Self, ApiError> {
        let secret = bearer(request)?;
        if operator.is(&secret) {
            return Ok(Self::Operator);
        }
        let workspace = api_keys::authenticate(services, &secret).await?;
        workspace.map(Self::Workspace).ok_or_else(|| {
            unauthorized(
                "the key is not valid, or was revoked",
                "Bearer realm=\"blazz\", error=\"invalid_token\"",
            )
        })
    }
}

/// The workspace whose key came with the request. Only behind a route that the document gives to workspace keys.
pub(crate) struct Tenant(pub(crate) WorkspaceId);

impl FromRequest for Tenant {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(match request.extensions().get::<Caller>() {
            Some(Caller::Workspace(id)) => Ok(Self(*id)),
            _ => Err(missing()),
        })
    }
}

fn bearer(request: &ServiceRequest) -> Result<String, ApiError> {
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
        let key = OperatorKey::new("blzop_abc");
        assert!(key.is("blzop_abc"));
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
