//! How many sessions stand where, over all workspaces.

use blazz_domain::AccountState;
use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::schema::accounts;
use crate::types::Word;
use crate::{Conn, DatabaseError};

/// How many accounts of every workspace are in each state that any is in. For the fleet.
///
/// # Errors
/// When the database is not there.
pub async fn count_by_state(conn: &mut Conn) -> Result<Vec<(AccountState, u64)>, DatabaseError> {
    let query = accounts::table.group_by(accounts::state).select((accounts::state, count_star()));
    let counts: Vec<(Word<AccountState>, i64)> = on!(conn, c => query.load(c).await)?;
    Ok(counts.into_iter().map(|(state, count)| (state.0, u64::try_from(count).unwrap_or(0))).collect())
}
