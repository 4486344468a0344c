//! `POST /v1/messages`: store, then send at once where nothing stands before it.

use std::fmt;

use blazz_domain::{JobId, Message, WorkspaceId};
use blazz_jobs::claim_one;
use blazz_wire::request_id::RequestId;

use super::{SendRequest, get, store};
use crate::{ServiceError, Services};

/// What became of a request to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The message as it stands now.
    pub message: Message,
    /// Whether an earlier request with the same idempotency key had stored it.
    pub replayed: bool,
}

// Numbers and texts must not reach a log.
impl fmt::Debug for SendRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendRequest").field("account_id", &self.account_id).finish_non_exhaustive()
    }
}

/// Stores a message and sends it. Answers with the message `sent`, or `queued` when it has to wait: for its session, or for earlier messages of its
/// conversation. Once it is stored, giving up on the answer does not give up on the message.
///
/// # Errors
/// As [`store`].
pub async fn send(
    services: &Services,
    workspace_id: WorkspaceId,
    request: &SendRequest,
    idempotency_key: Option<&str>,
    request_id: &RequestId,
) -> Result<Sent, ServiceError> {
    let stored = store(services, workspace_id, request, idempotency_key, request_id).await?;
    let Some(job_id) = stored.job_id else {
        return Ok(Sent { message: stored.message, replayed: true });
    };
    deliver(services, job_id).await;
    let message = get(services, workspace_id, stored.message.id).await.unwrap_or(stored.message);
    Ok(Sent { message, replayed: false })
}

/// Runs the job of a stored message now if it is the first in its lane, and waits for it for a while. The work goes on when the waiting
/// ends or is given up; whatever fails here, the job's own turn comes.
pub async fn deliver(services: &Services, job_id: JobId) {
    let work = {
        let services = services.clone();
        async move { run_now(&services, job_id).await }
    };
    let task = services.shutdown.tracker().spawn(work);
    match tokio::time::timeout(services.settings.send_wait, task).await {
        Ok(Ok(Ok(()))) | Err(_) => {}
        Ok(Ok(Err(error))) => tracing::warn!(job.id = %job_id, %error, "a message waits for its job"),
        Ok(Err(error)) => tracing::error!(job.id = %job_id, %error, "sending at once failed"),
    }
}

async fn run_now(services: &Services, job_id: JobId) -> Result<(), ServiceError> {
    let mut conn = services.pool.get().await?;
    let claimed = claim_one(&mut conn, job_id, services.clock.as_ref(), blazz_jobs::LEASE).await?;
    drop(conn);
    if let Some(claimed) = claimed {
        services.runner.run_claimed(claimed).await;
    }
    Ok(())
}
