//! Files between the API and the nodes: what came with a message is taken in, what a message is to carry is handed out.

use blazz_database::accounts;
use blazz_database::media::{self, MediaRow, PENDING, STORED};
use blazz_domain::media::{UNKNOWN_MIME, essence, filename};
use blazz_domain::{ErrorCode, Lease, MediaId, NodeId};
use blazz_media::Arrived;
use blazz_wire::control_api::{MediaSlot, OfferMedia};

use super::content::{Content, content};
use super::create::keep;
use crate::{ServiceError, Services};

/// A node has a file of a session that it holds; where it is to be put, and whether it is wanted at all. What the workspace has already is not.
///
/// # Errors
/// `stale_lease` when the node does not hold the session, `body_too_large`, `invalid_request`.
pub async fn offer(
    services: &Services,
    node_id: &NodeId,
    lease: &Lease,
    offer: &OfferMedia,
) -> Result<MediaSlot, ServiceError> {
    holds(services, node_id, lease).await?;
    if offer.size > services.settings.media_limit {
        return Err(ServiceError::file_too_large(services.settings.media_limit));
    }
    let is_hash =
        offer.sha256.len() == 64 && offer.sha256.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !is_hash {
        return Err(ServiceError::refused(ErrorCode::InvalidRequest, "sha256 must be 64 hex digits"));
    }
    let mut row = MediaRow {
        id: MediaId::new(),
        workspace_id: lease.workspace_id,
        sha256: offer.sha256.clone(),
        mime: essence(&offer.mime_type).unwrap_or_else(|| UNKNOWN_MIME.to_owned()),
        size: offer.size,
        filename: offer.filename.as_deref().and_then(filename).unwrap_or_default(),
        state: PENDING.to_owned(),
        created_at: services.clock.now(),
    };
    let mut conn = services.pool.get().await?;
    let row = conn
        .transaction(async |conn| {
            media::lock(conn, row.workspace_id).await?;
            let same = media::list_by_hash(conn, row.workspace_id, &row.sha256).await?;
            if same.iter().any(MediaRow::is_stored) {
                // Its bytes are there, under whatever name.
                STORED.clone_into(&mut row.state);
            }
            Ok::<_, ServiceError>(media::upsert(conn, &row).await?)
        })
        .await?;
    Ok(MediaSlot { media_id: row.id, is_wanted: !row.is_stored() })
}

/// The bytes of a file that was offered have arrived.
///
/// # Errors
/// `stale_lease` when the node does not hold the session, `media_not_found` when nobody offered it, `invalid_request` when it is another file.
pub async fn put(
    services: &Services,
    node_id: &NodeId,
    lease: &Lease,
    id: MediaId,
    arrived: Arrived,
) -> Result<MediaSlot, ServiceError> {
    holds(services, node_id, lease).await?;
    let mut conn = services.pool.get().await?;
    let found = media::find(&mut conn, lease.workspace_id, id).await?;
    drop(conn);
    let mut row = found.ok_or_else(ServiceError::media_not_found)?;
    if (arrived.sha256.as_str(), arrived.size) != (row.sha256.as_str(), row.size) {
        return Err(ServiceError::refused(
            ErrorCode::InvalidRequest,
            "this is not the file that was offered",
        ));
    }
    STORED.clone_into(&mut row.state);
    let row = keep(services, row, arrived).await?;
    Ok(MediaSlot { media_id: row.id, is_wanted: false })
}

/// A file that a message of the session is to carry.
///
/// # Errors
/// `stale_lease` when the node does not hold the session, `media_not_found`.
pub async fn fetch(
    services: &Services,
    node_id: &NodeId,
    lease: &Lease,
    id: MediaId,
) -> Result<Content, ServiceError> {
    holds(services, node_id, lease).await?;
    content(services, lease.workspace_id, id, |_| None).await
}

async fn holds(services: &Services, node_id: &NodeId, lease: &Lease) -> Result<(), ServiceError> {
    let mut conn = services.pool.get().await?;
    let account = accounts::find(&mut conn, lease.workspace_id, lease.account_id).await?;
    let holds = account
        .is_some_and(|account| account.node_id.as_ref() == Some(node_id) && account.epoch == lease.epoch);
    let detail = "this node does not hold the session";
    holds.then_some(()).ok_or_else(|| ServiceError::refused(ErrorCode::StaleLease, detail))
}
