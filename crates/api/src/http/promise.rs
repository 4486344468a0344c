//! Work that is seen through once it was begun, whatever becomes of the caller.

use std::future::Future;

use actix_web::web::Data;
use tracing::Instrument as _;

use super::ApiError;
use crate::state::AppState;

/// Runs `work` to its end on the process's own runtime. When the client hangs up, actix drops the handler; a change that was begun goes on
/// all the same, and the end of the process waits for it.
///
/// # Errors
/// Those of `work`, and `internal` when it panicked.
pub(crate) async fn promise<T, E, F>(
    state: Data<AppState>,
    work: impl FnOnce(Data<AppState>) -> F,
) -> Result<T, ApiError>
where
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Into<ApiError> + Send + 'static,
{
    let future = work(state.clone()).in_current_span();
    let task = state.shutdown.tracker().spawn_on(future, &state.runtime);
    match task.await {
        Ok(outcome) => outcome.map_err(Into::into),
        Err(error) => Err(ApiError::internal(error.into())),
    }
}
