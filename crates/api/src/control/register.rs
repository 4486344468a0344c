//! `POST /internal/v1/register`: a node has started.

use actix_web::web::{Data, Json};
use blazz_services::fleet;
use blazz_wire::control_api::{Register, Registered};
use blazz_wire::server::{Caller, InternalError, SignedJson};

use super::refused;
use crate::state::AppState;

pub(crate) async fn register(
    state: Data<AppState>,
    caller: Caller,
    SignedJson(register): SignedJson<Register>,
) -> Result<Json<Registered>, InternalError> {
    fleet::register(&state.services, &caller.node_id, register).await.map(Json).map_err(refused)
}
