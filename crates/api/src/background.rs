//! What the process does unasked: it runs jobs, notices nodes that are gone, and forgets what is old.

use std::time::Duration;

use actix_web::web::Data;
use blazz_services::client_version::{self, Refreshed};
use blazz_services::{fleet, retention};
use tokio::time::MissedTickBehavior;

use crate::state::AppState;

const SWEEP: Duration = Duration::from_secs(1);
/// How often it is asked whether another fetch of WhatsApp Web's version is due.
const LOOK_FOR_VERSION: Duration = Duration::from_secs(60);
const FORGET: Duration = Duration::from_secs(3600);

/// Starts the tasks; they end with the process, which waits for them.
pub(crate) fn start(state: &Data<AppState>) {
    let runner = state.services.runner.clone();
    state.shutdown.tracker().spawn(async move { runner.run().await });
    state.shutdown.tracker().spawn(sweep(state.clone()));
    state.shutdown.tracker().spawn(forget(state.clone()));
    state.shutdown.tracker().spawn(follow_client_version(state.clone()));
}

/// Keeps the version of WhatsApp Web: asks for it now and then, and when a login was refused because of it.
async fn follow_client_version(state: Data<AppState>) {
    let soft = state.shutdown.soft();
    let mut ticks = tokio::time::interval(LOOK_FOR_VERSION);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let was_refused = tokio::select! {
            () = soft.cancelled() => return,
            _ = ticks.tick() => false,
            () = client_version::wanted(&state.services) => true,
        };
        let refreshing = client_version::refresh(&state.services, was_refused);
        match soft.run_until_cancelled(refreshing).await {
            None => return,
            Some(Ok(Refreshed::NotDue)) => {}
            Some(Ok(Refreshed::Fetched(_))) => state.metrics.fetched_version("fetched"),
            Some(Err(error)) => {
                state.metrics.fetched_version("failed");
                tracing::warn!(
                    error = format!("{:#}", anyhow::Error::from(error)),
                    "cannot fetch the version of WhatsApp Web"
                );
            }
        }
    }
}

/// Deletes what has been kept for long enough.
async fn forget(state: Data<AppState>) {
    let soft = state.shutdown.soft();
    let mut ticks = tokio::time::interval(FORGET);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while soft.run_until_cancelled(ticks.tick()).await.is_some() {
        match retention::sweep(&state.services).await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(rows, "deleted what was kept for long enough"),
            Err(error) => tracing::warn!(
                error = format!("{:#}", anyhow::Error::from(error)),
                "cannot delete what is old"
            ),
        }
    }
}

/// Marks nodes as lost whose heartbeats stay out.
async fn sweep(state: Data<AppState>) {
    let soft = state.shutdown.soft();
    let mut ticks = tokio::time::interval(SWEEP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        tokio::select! {
            () = soft.cancelled() => return,
            _ = ticks.tick() => {}
        }
        match fleet::mark_lost_nodes(&state.services).await {
            Ok(()) => failing = false,
            // Once per outage: the sweep comes every second.
            Err(error) if !failing => {
                failing = true;
                tracing::warn!(
                    error = format!("{:#}", anyhow::Error::from(error)),
                    "cannot look for lost nodes"
                );
            }
            Err(_) => {}
        }
    }
}
