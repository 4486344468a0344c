//! The file of a message to send, brought from the API.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use blazz_domain::{ErrorCode, Lease, MediaId, MessageContent};
use blazz_whatsapp::{FileSource, SourceError};
use blazz_wire::CallError;

use crate::context::Context;

/// Where the bytes of the message's file come from; `None` when it has none.
pub(crate) fn source(
    context: &Arc<Context>,
    lease: Lease,
    content: &MessageContent,
) -> Option<Arc<dyn FileSource>> {
    let (_, attachment) = content.file()?;
    let id = attachment.media.id?;
    Some(Arc::new(FromApi { context: Arc::clone(context), lease, id }))
}

struct FromApi {
    context: Arc<Context>,
    lease: Lease,
    id: MediaId,
}

#[async_trait]
impl FileSource for FromApi {
    async fn fetch(&self, to: &Path) -> Result<(), SourceError> {
        let away = |error: &dyn std::fmt::Display| SourceError::Away(error.to_string());
        let mut options = tokio::fs::File::options();
        options.write(true).create_new(true).mode(0o600);
        let mut file = options.open(to).await.map_err(|error| away(&error))?;
        let limit = self.context.media_limit;
        match self.context.control.fetch_media(&self.lease, self.id, limit, &mut file).await {
            Ok(_) => Ok(()),
            Err(CallError::Refused(problem)) if problem.code == ErrorCode::MediaNotFound => {
                Err(SourceError::Gone)
            }
            Err(error) => Err(away(&error)),
        }
    }
}
