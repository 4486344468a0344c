//! `POST /internal/v1/events`: the next entries of a session's outbox.

use actix_web::web::{Data, Json};
use blazz_services::inbox;
use blazz_wire::control_api::{EventBatch, EventsAcknowledged};
use blazz_wire::server::{CallLease, Caller, InternalError, SignedJson};

use super::refused;
use crate::state::AppState;

pub(crate) async fn events(
    state: Data<AppState>,
    caller: Caller,
    CallLease(lease): CallLease,
    SignedJson(batch): SignedJson<EventBatch>,
) -> Result<Json<EventsAcknowledged>, InternalError> {
    let entries = batch.entries.len();
    match inbox::ingest(&state.services, &caller.node_id, &lease, batch).await {
        Ok(acknowledged) => {
            state.metrics.ingested(entries);
            Ok(Json(acknowledged))
        }
        Err(error) => {
            state.metrics.ingest_refused();
            Err(refused(error))
        }
    }
}
