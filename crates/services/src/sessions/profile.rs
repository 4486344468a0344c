//! What others see of an account: its name, its about text and its picture, as WhatsApp has them.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use blazz_domain::profile::{JPEG_START, MAX_ABOUT_CHARS, MAX_PICTURE_BYTES, MAX_PROFILE_NAME_CHARS};
use blazz_domain::{AccountId, ErrorCode, Profile, ProfileChange, WorkspaceId};
use blazz_wire::node_api::ProfilePicture;
use blazz_wire::request_id::RequestId;

use super::Holder;
use crate::nodes::call_failed;
use crate::{ServiceError, Services, accounts};

/// The account's profile.
///
/// # Errors
/// `session_not_running` when the session is not connected, `node_unreachable`, or `unavailable` when WhatsApp does not answer.
pub async fn profile(
    services: &Services,
    workspace_id: WorkspaceId,
    id: AccountId,
    request_id: &RequestId,
) -> Result<Profile, ServiceError> {
    let holder = connected(services, workspace_id, id).await?;
    let profile = holder.client.profile(&holder.lease, request_id).await;
    profile.map_err(|error| call_failed(&holder.node_id, error))
}

/// Changes the account's profile; gives it as it is then.
///
/// # Errors
/// When a text is empty or too long, or as [`profile`].
pub async fn change_profile(
    services: &Services,
    workspace_id: WorkspaceId,
    id: AccountId,
    change: ProfileChange,
    request_id: &RequestId,
) -> Result<Profile, ServiceError> {
    let change = checked(change)?;
    let holder = connected(services, workspace_id, id).await?;
    let profile = holder.client.change_profile(&holder.lease, &change, request_id).await;
    profile.map_err(|error| call_failed(&holder.node_id, error))
}

/// The account's picture, a JPEG.
///
/// # Errors
/// `not_found` when there is none, or as [`profile`].
pub async fn picture(
    services: &Services,
    workspace_id: WorkspaceId,
    id: AccountId,
    request_id: &RequestId,
) -> Result<Vec<u8>, ServiceError> {
    let holder = connected(services, workspace_id, id).await?;
    let picture = holder.client.picture(&holder.lease, request_id).await;
    let picture = picture.map_err(|error| call_failed(&holder.node_id, error))?;
    let jpeg = BASE64_STANDARD.decode(picture.jpeg);
    jpeg.map_err(|error| ServiceError::Internal(anyhow::Error::from(error).context("a node's picture")))
}

/// Gives the account a picture.
///
/// # Errors
/// When it is no JPEG or too large, or as [`profile`].
pub async fn put_picture(
    services: &Services,
    workspace_id: WorkspaceId,
    id: AccountId,
    jpeg: &[u8],
    request_id: &RequestId,
) -> Result<(), ServiceError> {
    if jpeg.len() > MAX_PICTURE_BYTES {
        let detail = format!("a picture may have at most {MAX_PICTURE_BYTES} bytes");
        return Err(ServiceError::refused(ErrorCode::BodyTooLarge, detail));
    }
    if !jpeg.starts_with(&JPEG_START) {
        return Err(ServiceError::refused(ErrorCode::InvalidRequest, "the picture is no JPEG"));
    }
    let holder = connected(services, workspace_id, id).await?;
    let picture = ProfilePicture { jpeg: BASE64_STANDARD.encode(jpeg) };
    let put = holder.client.put_picture(&holder.lease, &picture, request_id).await;
    put.map(drop).map_err(|error| call_failed(&holder.node_id, error))
}

/// Takes the account's picture away; without one nothing changes.
///
/// # Errors
/// As [`profile`].
pub async fn delete_picture(
    services: &Services,
    workspace_id: WorkspaceId,
    id: AccountId,
    request_id: &RequestId,
) -> Result<(), ServiceError> {
    let holder = connected(services, workspace_id, id).await?;
    let deleted = holder.client.delete_picture(&holder.lease, request_id).await;
    deleted.map(drop).map_err(|error| call_failed(&holder.node_id, error))
}

/// The node of a session; whether that is connected, the node itself says.
async fn connected(
    services: &Services,
    workspace_id: WorkspaceId,
    id: AccountId,
) -> Result<Holder, ServiceError> {
    Holder::find(services, &accounts::find(services, workspace_id, id).await?).await
}

fn checked(change: ProfileChange) -> Result<ProfileChange, ServiceError> {
    let refuse = |detail: String| Err(ServiceError::refused(ErrorCode::InvalidRequest, detail));
    let name = change.name.map(|name| name.trim().to_owned());
    let about = change.about;
    let has_controls =
        |text: &String, but: &[char]| text.chars().any(|c| c.is_control() && !but.contains(&c));
    if let Some(name) = &name
        && (!(1..=MAX_PROFILE_NAME_CHARS).contains(&name.chars().count()) || has_controls(name, &[]))
    {
        return refuse(format!("name must have 1 to {MAX_PROFILE_NAME_CHARS} characters that can be shown"));
    }
    if let Some(about) = &about
        && (about.chars().count() > MAX_ABOUT_CHARS || has_controls(about, &['\n']))
    {
        return refuse(format!("about may have at most {MAX_ABOUT_CHARS} characters that can be shown"));
    }
    if name.is_none() && about.is_none() {
        return refuse("say what is to change: name, about or both".to_owned());
    }
    Ok(ProfileChange { name, about })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(name: Option<&str>, about: Option<&str>) -> Result<ProfileChange, ServiceError> {
        checked(ProfileChange { name: name.map(str::to_owned), about: about.map(str::to_owned) })
    }

    #[test]
    fn what_whatsapp_would_not_show_is_refused() {
        let long = "ä".repeat(MAX_PROFILE_NAME_CHARS + 1);
        let longer = "ä".repeat(MAX_ABOUT_CHARS + 1);
        for (name, about) in [
            (None, None),
            (Some(" "), None),
            (Some(long.as_str()), None),
            (Some("a\nb"), None),
            (None, Some(longer.as_str())),
            (None, Some("a\u{7}b")),
        ] {
            assert!(change(name, about).is_err(), "{name:?} {about:?}");
        }
        assert_eq!(change(Some(" Acme "), None).unwrap().name.as_deref(), Some("Acme"));
        assert_eq!(change(None, Some("")).unwrap().about.as_deref(), Some(""));
    }
}
