//! The code to type into the phone instead of scanning.

use blazz_domain::{AccountId, AccountState, ErrorCode, PairingCode, PhoneNumber, WorkspaceId};
use blazz_wire::node_api::RequestPairingCode;
use blazz_wire::request_id::RequestId;

use super::{Holder, start};
use crate::nodes::call_failed;
use crate::{ServiceError, Services, accounts};

/// Asks WhatsApp for a code that links `phone`, and starts the session for it if it does not run. A code that was given
/// before no longer counts.
///
/// # Errors
/// `invalid_phone`, `already_linked`, `pairing_rate_limited` or `pairing_refused` as WhatsApp says, or as [`start`].
pub async fn pairing_code(
    services: &Services,
    workspace_id: WorkspaceId,
    id: AccountId,
    phone: &str,
    request_id: &RequestId,
) -> Result<PairingCode, ServiceError> {
    let account = accounts::find(services, workspace_id, id).await?;
    let phone: PhoneNumber = phone
        .parse()
        .map_err(|_| ServiceError::refused(ErrorCode::InvalidPhone, "phone is not a phone number"))?;
    if account.linked_at.is_some() && account.state != AccountState::LoggedOut {
        return Err(ServiceError::refused(
            ErrorCode::AlreadyLinked,
            "log the session out to link another phone",
        ));
    }
    start(services, workspace_id, id, request_id).await?;
    let account = accounts::find(services, workspace_id, id).await?;
    let holder = Holder::find(services, &account).await?;
    let request = RequestPairingCode { phone };
    let code = holder.client.pairing_code(&holder.lease, &request, request_id).await;
    code.map_err(|error| call_failed(&holder.node_id, error))
}
