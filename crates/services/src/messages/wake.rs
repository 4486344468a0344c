//! Messages that waited for their session go as soon as it is connected.

use blazz_database::accounts::AccountRow;
use blazz_database::{Conn, jobs, messages};
use blazz_domain::{ConversationId, Timestamp};

use super::lane;
use crate::{ServiceError, Services};

/// Makes the waiting send jobs of an account due.
pub(crate) async fn pull_forward(
    conn: &mut Conn,
    now: Timestamp,
    account: &AccountRow,
) -> Result<(), ServiceError> {
    let waiting = messages::list_unsettled_conversations(conn, account.workspace_id, account.id).await?;
    make_due(conn, now, &waiting).await
}

/// Makes the waiting send jobs of conversations due.
pub(super) async fn make_due(
    conn: &mut Conn,
    now: Timestamp,
    conversations: &[ConversationId],
) -> Result<(), ServiceError> {
    let lanes: Vec<String> = conversations.iter().copied().map(lane).collect();
    if !lanes.is_empty() {
        jobs::pull_forward(conn, &lanes, now).await?;
    }
    Ok(())
}

/// Tells the runners to look. To be called after the commit.
pub(crate) async fn wake(services: &Services) {
    if let Err(error) = services.bus.publish(blazz_jobs::CHANNEL, "").await {
        tracing::warn!(%error, "cannot wake the job runners; they look by themselves");
    }
}
