//! Messages that waited for their session go as soon as it is connected.

use blazz_database::accounts::AccountRow;
use blazz_database::{Conn, jobs, messages};
use blazz_domain::Timestamp;

use super::lane;
use crate::{ServiceError, Services};

/// Makes the first waiting send job of every conversation of an account due.
pub(crate) async fn pull_forward(
    conn: &mut Conn,
    now: Timestamp,
    account: &AccountRow,
) -> Result<(), ServiceError> {
    let waiting = messages::list_unsettled_conversations(conn, account.workspace_id, account.id).await?;
    let lanes: Vec<String> = waiting.into_iter().map(lane).collect();
    Ok(jobs::pull_forward(conn, &lanes, now).await?)
}

/// Tells the runners to look. To be called after the commit.
pub(crate) fn wake(services: &Services) {
    services.bus.publish(blazz_jobs::CHANNEL, "");
}
