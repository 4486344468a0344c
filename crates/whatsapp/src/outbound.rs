//! Sending one message over the connection there is.

use std::sync::Arc;
use std::time::Duration;

use blazz_domain::{Clock, Jid, MessageContent, ProviderMessageId, Reference, SendOutcome};
use whatsapp_rust::Jid as EngineJid;
use whatsapp_rust::client::ClientError;
use whatsapp_rust::prelude::{SendError, SendOptions};

use crate::composed::compose;
use crate::connection::Link;
use crate::media::{self, FileSource, SourceError, UploadError, Uploaded};
use crate::session::Shared;

/// The code of a message that the engine will not even try to send.
const BAD_REQUEST: u32 = 400;
/// The code of a message whose file is not there any more.
const GONE: u32 = 410;
/// How long a file may take to the media hosts.
const UPLOAD_PATIENCE: Duration = Duration::from_secs(240);

/// One message to send.
pub(crate) struct Outgoing {
    pub(crate) to: Jid,
    pub(crate) id: ProviderMessageId,
    pub(crate) content: MessageContent,
    pub(crate) about: Option<Reference>,
    /// The bytes of its file, where it has one.
    pub(crate) file: Option<Arc<dyn FileSource>>,
}

/// Hands the message to the engine under its id and waits for the server's word on it.
pub(crate) async fn send(
    link: &Arc<Link>,
    shared: &Shared,
    outgoing: &Outgoing,
    clock: &dyn Clock,
    patience: Duration,
) -> SendOutcome {
    let Outgoing { to, id, content, about, .. } = outgoing;
    let Ok(to) = to.as_str().parse::<EngineJid>() else {
        return SendOutcome::Refused { code: BAD_REQUEST };
    };
    if !link.client.is_connected() || !link.client.is_logged_in() {
        return SendOutcome::NotConnected;
    }
    let uploaded = match uploaded(link, shared, outgoing).await {
        Ok(uploaded) => uploaded,
        Err(outcome) => return outcome,
    };
    let Some(message) = compose(&link.client, &to, content, about.as_ref(), uploaded.as_deref(), clock.now())
    else {
        return SendOutcome::Refused { code: BAD_REQUEST };
    };
    let options = SendOptions::default().with_message_id(id.0.as_str());
    let mut acknowledged = shared.sends.await_ack(&id.0);
    let client = Arc::clone(&link.client);
    // On a task of its own: to be dropped between its Signal steps is nothing the engine promises to survive.
    let mut written =
        link.tasks.run(async move { client.send_message_with_options(to, message, options).await });
    let settled = async {
        tokio::select! {
            biased;
            outcome = &mut acknowledged => outcome.unwrap_or(SendOutcome::Unacknowledged),
            written = &mut written => match written {
                Ok(Some(Ok(_))) => acknowledged.await.unwrap_or(SendOutcome::Unacknowledged),
                Ok(Some(Err(error))) => failed(&error),
                Ok(None) | Err(_) => SendOutcome::Unacknowledged,
            },
        }
    };
    tokio::time::timeout(patience, settled).await.unwrap_or(SendOutcome::Unacknowledged)
}

/// The message's file on the media hosts; `None` when it has none. As long as it is not there, nothing of the message is written.
async fn uploaded(
    link: &Arc<Link>,
    shared: &Shared,
    outgoing: &Outgoing,
) -> Result<Option<Arc<Uploaded>>, SendOutcome> {
    let Some((kind, attachment)) = outgoing.content.file() else { return Ok(None) };
    let Some(source) = &outgoing.file else { return Err(SendOutcome::Refused { code: BAD_REQUEST }) };
    let sha256 = attachment.media.sha256.as_deref();
    let putting = media::upload(link, &shared.uploads, &shared.media, source.as_ref(), sha256, kind);
    match tokio::time::timeout(UPLOAD_PATIENCE, putting).await {
        Ok(Ok(uploaded)) => Ok(Some(uploaded)),
        Ok(Err(UploadError::Source(SourceError::Gone))) => Err(SendOutcome::Refused { code: GONE }),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the file of a message could not be put on a media host");
            Err(SendOutcome::NotConnected)
        }
        Err(_) => {
            tracing::warn!("the file of a message was not put on a media host in time");
            Err(SendOutcome::NotConnected)
        }
    }
}

/// What an error before the server's word means: whether anything can have been written.
fn failed(error: &SendError) -> SendOutcome {
    match error {
        SendError::InvalidRequest(_) => SendOutcome::Refused { code: BAD_REQUEST },
        // Queries come before the message: it was not written.
        SendError::NotLoggedIn
        | SendError::Iq(_)
        | SendError::Client(ClientError::NotConnected | ClientError::NotLoggedIn | ClientError::Iq(_)) => {
            SendOutcome::NotConnected
        }
        other => {
            tracing::warn!(error = %other, "a send failed on its way");
            SendOutcome::Unacknowledged
        }
    }
}
