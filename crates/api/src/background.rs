//! What the process does unasked: it runs jobs, and it notices nodes that are gone.

use std::time::Duration;

use actix_web::web::Data;
use blazz_services::fleet;
use tokio::time::MissedTickBehavior;

use crate::state::AppState;

const SWEEP: Duration = Duration::from_secs(1);

/// Starts the tasks; they end with the process, which waits for them.
pub(crate) fn start(state: &Data<AppState>) {
    let runner = state.services.runner.clone();
    state.shutdown.tracker().spawn(async move { runner.run().await });
    state.shutdown.tracker().spawn(sweep(state.clone()));
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
