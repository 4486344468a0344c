//! Ids in paths. What is not an id names nothing, so it is answered like an id that nobody has: 404, with the code of its kind.

use std::future::{Ready, ready};
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use blazz_domain::{AccountId, ApiKeyId, ConversationId, ErrorCode, MediaId, MessageId, NodeId, WorkspaceId};

use super::ApiError;

/// The id that stands in the path under `T`'s name.
pub(crate) struct Id<T>(pub(crate) T);

/// What can stand in a path.
pub(crate) trait PathId: FromStr {
    /// Its name in the route's template.
    const PARAMETER: &'static str;
    /// What it is, for people.
    const KIND: &'static str;
    /// The code of the answer when there is no such thing.
    const NOT_FOUND: ErrorCode = ErrorCode::NotFound;
}

impl PathId for WorkspaceId {
    const PARAMETER: &'static str = "workspace_id";
    const KIND: &'static str = "workspace";
}

impl PathId for ApiKeyId {
    const PARAMETER: &'static str = "key_id";
    const KIND: &'static str = "key";
}

impl PathId for AccountId {
    const PARAMETER: &'static str = "account_id";
    const KIND: &'static str = "account";
    const NOT_FOUND: ErrorCode = ErrorCode::AccountNotFound;
}

impl PathId for MessageId {
    const PARAMETER: &'static str = "message_id";
    const KIND: &'static str = "message";
}

impl PathId for MediaId {
    const PARAMETER: &'static str = "media_id";
    const KIND: &'static str = "file";
    const NOT_FOUND: ErrorCode = ErrorCode::MediaNotFound;
}

impl PathId for ConversationId {
    const PARAMETER: &'static str = "conversation_id";
    const KIND: &'static str = "conversation";
}

impl PathId for NodeId {
    const PARAMETER: &'static str = "node_id";
    const KIND: &'static str = "node";
}

impl<T: PathId> FromRequest for Id<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.match_info().get(T::PARAMETER).and_then(|text| text.parse().ok());
        ready(id.map(Self).ok_or_else(|| {
            ApiError::refused(T::NOT_FOUND, format!("the path does not name a {} by its id", T::KIND))
        }))
    }
}
