//! The QR code to scan.

use std::time::Duration;

use blazz_domain::{AccountId, ErrorCode, QrCode, WorkspaceId};
use blazz_wire::CallError;
use blazz_wire::request_id::RequestId;

use super::Holder;
use crate::nodes::call_failed;
use crate::{ServiceError, Services, accounts};

/// The longest wait for a code.
pub const MAX_WAIT: Duration = Duration::from_secs(60);

/// The code to scan just now; waits up to `wait` for one to appear.
///
/// # Errors
/// `qr_not_available` when the session does not wait for a scan, `node_unreachable` when its node does not answer.
pub async fn qr(
    services: &Services,
    workspace_id: WorkspaceId,
    id: AccountId,
    wait: Duration,
    request_id: &RequestId,
) -> Result<QrCode, ServiceError> {
    let account = accounts::find(services, workspace_id, id).await?;
    if account.node_id.is_none() {
        return Err(not_available("the session was never started"));
    }
    let holder = Holder::find(services, &account).await?;
    match holder.client.qr(&holder.lease, wait.min(MAX_WAIT), request_id).await {
        Ok(code) => Ok(code),
        Err(CallError::Refused(problem)) if says_there_is_none(problem.code) => {
            let state = accounts::find(services, workspace_id, id).await?.state;
            Err(not_available(&format!("the session is {}", state.as_str())))
        }
        Err(error) => Err(call_failed(&holder.node_id, error)),
    }
}

fn says_there_is_none(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::QrNotAvailable
            | ErrorCode::SessionNotRunning
            | ErrorCode::NotFound
            | ErrorCode::AccountNotFound
    )
}

fn not_available(detail: &str) -> ServiceError {
    ServiceError::refused(ErrorCode::QrNotAvailable, detail)
}
