//! What others see of the account: its name, its about text and its picture, as WhatsApp has them.

use std::sync::Arc;
use std::time::Duration;

use blazz_domain::profile::MAX_PICTURE_BYTES;
use blazz_domain::{Profile, ProfileChange};
use whatsapp_rust::features::{ContactError, ProfileError as EngineProfileError};
use whatsapp_rust::{Client, IqError, Jid};

use crate::connection::Link;

/// How long a picture may take to be downloaded.
const DOWNLOAD: Duration = Duration::from_secs(10);
/// The largest picture that is passed on; others may have set it.
const LARGEST_PICTURE: usize = 4 * MAX_PICTURE_BYTES;

/// Why a profile could not be read or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// The session is not connected.
    #[error("the session is not connected")]
    NotConnected,
    /// The account has no picture.
    #[error("the account has no picture")]
    NoPicture,
    /// WhatsApp does not take it.
    #[error("WhatsApp refused it with {0}")]
    Refused(u16),
    /// WhatsApp did not answer.
    #[error("WhatsApp did not answer: {0}")]
    Unanswered(String),
}

/// The name and the about text.
pub(crate) async fn read(link: &Arc<Link>, patience: Duration) -> Result<Profile, ProfileError> {
    ask(link, patience, |client| async move {
        let own = own_jid(&client)?;
        let info = client.contacts().get_user_info(std::slice::from_ref(&own)).await.map_err(contact)?;
        let about = info.into_values().find_map(|info| info.status);
        let name = client.push_name();
        let filled = |text: &String| !text.is_empty();
        Ok(Profile { name: Some(name).filter(filled), about: about.filter(filled) })
    })
    .await
}

/// Changes what is given.
pub(crate) async fn change(
    link: &Arc<Link>,
    patience: Duration,
    change: ProfileChange,
) -> Result<(), ProfileError> {
    ask(link, patience, |client| async move {
        if let Some(about) = &change.about {
            client.profile().set_status_text(about).await.map_err(profile)?;
        }
        if let Some(name) = &change.name {
            client.profile().set_push_name(name).await.map_err(profile)?;
        }
        Ok(())
    })
    .await
}

/// The picture, a JPEG.
pub(crate) async fn picture(link: &Arc<Link>, patience: Duration) -> Result<Vec<u8>, ProfileError> {
    let found = ask(link, patience, |client| async move {
        let own = own_jid(&client)?;
        client.contacts().get_profile_picture(&own, false).await.map_err(contact)
    });
    let url = found.await?.ok_or(ProfileError::NoPicture)?.url;
    let downloading = link.http.fetch(&url, LARGEST_PICTURE);
    match tokio::time::timeout(DOWNLOAD, downloading).await {
        Ok(Ok(jpeg)) => Ok(jpeg),
        Ok(Err(error)) => Err(ProfileError::Unanswered(format!("the picture did not come: {error:#}"))),
        Err(_) => Err(ProfileError::Unanswered("the picture did not come in time".to_owned())),
    }
}

/// Sets the picture; without bytes it is taken away.
pub(crate) async fn set_picture(
    link: &Arc<Link>,
    patience: Duration,
    jpeg: Vec<u8>,
) -> Result<(), ProfileError> {
    ask(link, patience, |client| async move {
        client.profile().set_profile_picture(jpeg).await.map(drop).map_err(profile)
    })
    .await
}

/// On a task of the connection: it ends with it, and not with whoever asked.
async fn ask<T: Send + 'static, F>(
    link: &Arc<Link>,
    patience: Duration,
    work: impl FnOnce(Arc<Client>) -> F,
) -> Result<T, ProfileError>
where
    F: Future<Output = Result<T, ProfileError>> + Send + 'static,
{
    if !link.client.is_connected() || !link.client.is_logged_in() {
        return Err(ProfileError::NotConnected);
    }
    let asking = link.tasks.run(work(Arc::clone(&link.client)));
    match tokio::time::timeout(patience, asking).await {
        Ok(Ok(Some(answer))) => answer,
        Ok(_) => Err(ProfileError::Unanswered("the connection was lost".to_owned())),
        Err(_) => Err(ProfileError::Unanswered("no answer in time".to_owned())),
    }
}

fn own_jid(client: &Client) -> Result<Jid, ProfileError> {
    let device = client.persistence_manager().get_device_snapshot();
    device.pn.as_ref().map(Jid::to_non_ad).ok_or(ProfileError::NotConnected)
}

fn contact(error: ContactError) -> ProfileError {
    match error {
        ContactError::Iq(error) => iq(error),
        other => ProfileError::Unanswered(other.to_string()),
    }
}

fn profile(error: EngineProfileError) -> ProfileError {
    match error {
        EngineProfileError::Iq(error) => iq(error),
        EngineProfileError::Client(error) => {
            tracing::debug!(%error, "a profile could not be changed");
            ProfileError::NotConnected
        }
        other => ProfileError::Unanswered(other.to_string()),
    }
}

fn iq(error: IqError) -> ProfileError {
    match error {
        IqError::ServerError { code, .. } => ProfileError::Refused(code),
        other => ProfileError::Unanswered(other.to_string()),
    }
}
