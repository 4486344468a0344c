//! `POST /internal/v1/heartbeat`: a node is alive, and this has changed.

use actix_web::web::{Data, Json};
use blazz_services::fleet;
use blazz_wire::control_api::{Heartbeat, HeartbeatAnswer};
use blazz_wire::server::{Caller, InternalError, SignedJson};

use super::refused;
use crate::state::AppState;

pub(crate) async fn heartbeat(
    state: Data<AppState>,
    caller: Caller,
    SignedJson(beat): SignedJson<Heartbeat>,
) -> Result<Json<HeartbeatAnswer>, InternalError> {
    fleet::heartbeat(&state.services, &caller.node_id, beat).await.map(Json).map_err(refused)
}
