//! `GET /readyz`.

use std::time::Duration;

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use blazz_services::fleet;
use serde::Serialize;
use utoipa::ToSchema;

use crate::state::AppState;

/// Above this, what we wait for does not answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Whether the process can do its work.
#[derive(Serialize, ToSchema)]
pub(crate) struct Readiness {
    /// `ready`, or `not_ready` when any check fails.
    #[schema(examples("ready"))]
    status: &'static str,
    /// What it needs, and whether that answers.
    checks: Checks,
}

/// What the process needs.
#[derive(Serialize, ToSchema)]
pub(crate) struct Checks {
    /// The database.
    #[schema(examples("ok"))]
    database: &'static str,
    /// Redis, or the bus inside the process.
    #[schema(examples("ok"))]
    bus: &'static str,
    /// `failing` once the process has been asked to end.
    #[schema(examples("ok"))]
    serving: &'static str,
}

/// Say whether the process can do its work.
///
/// Database, bus, not about to end.
#[utoipa::path(
    operation_id = "getReadiness",
    tag = "operations",
    security(()),
    responses(
        (status = 200, description = "It can.", body = Readiness, example = json!(example("ready", "ok"))),
        (status = 503, description = "It cannot just now.", body = Readiness, example = json!(example("not_ready", "failing"))),
    ),
)]
#[get("/readyz")]
pub(crate) async fn get_readiness(state: Data<AppState>) -> HttpResponse {
    let database = tokio::time::timeout(PATIENCE, fleet::nodes(&state.services));
    let bus = tokio::time::timeout(PATIENCE, state.services.bus.ping());
    let (database, bus) = tokio::join!(database, bus);
    let database = matches!(database, Ok(Ok(_)));
    let bus = matches!(bus, Ok(Ok(_)));
    let serving = !state.shutdown.soft().is_cancelled();
    let ready = database && bus && serving;
    let body = Readiness {
        status: if ready { "ready" } else { "not_ready" },
        checks: Checks { database: word(database), bus: word(bus), serving: word(serving) },
    };
    if ready { HttpResponse::Ok().json(body) } else { HttpResponse::ServiceUnavailable().json(body) }
}

fn example(status: &'static str, database: &'static str) -> Readiness {
    Readiness { status, checks: Checks { database, bus: "ok", serving: "ok" } }
}

const fn word(good: bool) -> &'static str {
    if good { "ok" } else { "failing" }
}
