//! The version of WhatsApp Web that every session of the fleet claims: fetched once for all, or set by the operator.

mod fetch;

use std::time::Duration;

use blazz_database::client_versions::{self, ClientVersionRow, FETCHED, FetchDue, OPERATOR};
use blazz_database::{Conn, accounts};
use blazz_domain::{ClientVersion, StateReason, Timestamp, VersionSource};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{ServiceError, Services};

/// Where WhatsApp Web says its version.
///
/// Source: whatsapp-rust 0.7.0, `src/version.rs`.
pub const PAGE: &str = "https://web.whatsapp.com/sw.js";

/// How long a version that was fetched is good for.
const GOOD_FOR: Duration = Duration::from_secs(12 * 3600);
/// After how long a fetch that failed is tried again.
const RETRY: Duration = Duration::from_secs(15 * 60);
/// Refused logins make the fleet fetch no more often than this.
const ASKED_EVERY: Duration = Duration::from_secs(5 * 60);

/// What the fleet claims, and what is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClientVersionView {
    /// The version that sessions claim when they connect; absent while each node claims the one that it was built with.
    pub version: Option<ClientVersion>,
    /// Where it comes from.
    pub source: VersionSource,
    /// What WhatsApp Web's page said last.
    pub fetched: Option<ClientVersion>,
    /// When it said so.
    pub fetched_at: Option<Timestamp>,
    /// When it was last asked, with success or without.
    pub tried_at: Option<Timestamp>,
    /// Since when the operator's version holds; absent while there is none.
    pub set_at: Option<Timestamp>,
    /// How many sessions WhatsApp refuses just now because their version is too old.
    pub refused_sessions: u32,
}

/// What became of the wish for a newer version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refreshed {
    /// It was not time, another process has it in hand, or the installation's setting holds.
    NotDue,
    /// This is what WhatsApp Web's page says.
    Fetched(ClientVersion),
}

/// What each source says.
struct Known {
    fetched: ClientVersionRow,
    operator: ClientVersionRow,
}

impl Known {
    async fn read(conn: &mut Conn) -> Result<Self, ServiceError> {
        let rows = client_versions::list(conn).await?;
        let row = |source: &str| rows.iter().find(|row| row.source == source).cloned();
        let missing = || ServiceError::Internal(anyhow::anyhow!("a row of client_versions is missing"));
        let (fetched, operator) = (row(FETCHED).ok_or_else(missing)?, row(OPERATOR).ok_or_else(missing)?);
        Ok(Self { fetched, operator })
    }

    /// The operator's word holds, then the installation's setting, then what was fetched.
    fn choose(&self, setting: Option<ClientVersion>) -> (Option<ClientVersion>, VersionSource) {
        let operator = version(&self.operator).map(|version| (Some(version), VersionSource::Operator));
        let setting = setting.map(|version| (Some(version), VersionSource::Setting));
        let fetched = version(&self.fetched).map(|version| (Some(version), VersionSource::Fetched));
        operator.or(setting).or(fetched).unwrap_or((None, VersionSource::BuiltIn))
    }
}

fn version(row: &ClientVersionRow) -> Option<ClientVersion> {
    row.version.as_deref()?.parse().ok()
}

/// The version that sessions are to claim; `None`: the one that their node was built with.
///
/// # Errors
/// When the database is not there.
pub(crate) async fn of_fleet(services: &Services) -> Result<Option<ClientVersion>, ServiceError> {
    let mut conn = services.pool.get().await?;
    Ok(Known::read(&mut conn).await?.choose(services.settings.client_version).0)
}

/// A node says that WhatsApp refuses `refused`: a newer version is fetched, unless the fleet has one already.
pub(crate) fn refused(services: &Services, refused: ClientVersion, current: Option<ClientVersion>) {
    if current.is_none_or(|current| current == refused) {
        services.version_wanted.notify_one();
    }
}

/// What the fleet claims, and what is known.
///
/// # Errors
/// When the database is not there.
pub async fn view(services: &Services) -> Result<ClientVersionView, ServiceError> {
    let mut conn = services.pool.get().await?;
    let known = Known::read(&mut conn).await?;
    let (version_now, source) = known.choose(services.settings.client_version);
    Ok(ClientVersionView {
        version: version_now,
        source,
        fetched: version(&known.fetched),
        fetched_at: known.fetched.at,
        tried_at: known.fetched.tried_at,
        set_at: known.operator.at,
        refused_sessions: accounts::count_by_reason(&mut conn, StateReason::ClientOutdated).await?,
    })
}

/// Sets the version by hand, or takes that back with `None`. Nodes learn of it with their next heartbeat.
///
/// # Errors
/// When the database is not there.
pub async fn set(
    services: &Services,
    version: Option<ClientVersion>,
) -> Result<ClientVersionView, ServiceError> {
    let mut conn = services.pool.get().await?;
    let text = version.map(|version| version.to_string());
    client_versions::set(&mut conn, OPERATOR, text.as_deref(), services.clock.now()).await?;
    drop(conn);
    tracing::info!(client.version = text, "the operator has changed the version of WhatsApp Web");
    view(services).await
}

/// Waits until a version is refused that the fleet still claims.
pub async fn wanted(services: &Services) {
    services.version_wanted.notified().await;
}

/// Fetches the version if it is time, or because it was refused. Of several processes one does.
///
/// # Errors
/// When the database is not there, or the page does not answer as it must.
pub async fn refresh(services: &Services, was_refused: bool) -> Result<Refreshed, ServiceError> {
    if services.settings.client_version.is_some() {
        return Ok(Refreshed::NotDue);
    }
    let mut conn = services.pool.get().await?;
    let now = services.clock.now();
    let is_mine = if was_refused {
        client_versions::claim_asked(&mut conn, now, before(now, ASKED_EVERY)).await?
    } else {
        let due = FetchDue { succeeded_before: before(now, GOOD_FOR), failed_before: before(now, RETRY) };
        client_versions::claim_due(&mut conn, now, due).await?
    };
    drop(conn);
    if !is_mine {
        return Ok(Refreshed::NotDue);
    }
    let url = &services.settings.client_version_url;
    let version = fetch::version(url).await.map_err(ServiceError::Unavailable)?;
    let mut conn = services.pool.get().await?;
    let text = version.to_string();
    // Not before `tried_at`: that would count as a fetch that failed.
    client_versions::set(&mut conn, FETCHED, Some(&text), services.clock.now()).await?;
    tracing::info!(client.version = text, was_refused, "fetched the version of WhatsApp Web");
    Ok(Refreshed::Fetched(version))
}

fn before(now: Timestamp, duration: Duration) -> Timestamp {
    now.minus(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(source: &str, version: Option<&str>) -> ClientVersionRow {
        ClientVersionRow {
            source: source.to_owned(),
            version: version.map(str::to_owned),
            at: None,
            tried_at: None,
            asked_at: None,
        }
    }

    #[test]
    fn the_operator_comes_before_the_setting_and_both_before_what_was_fetched() {
        let (a, b, c) = ("2.3000.1", "2.3000.2", "2.3000.3");
        for (operator, setting, fetched, chosen) in [
            (Some(a), Some(b), Some(c), (Some(a), VersionSource::Operator)),
            (None, Some(b), Some(c), (Some(b), VersionSource::Setting)),
            (None, None, Some(c), (Some(c), VersionSource::Fetched)),
            (None, None, None, (None, VersionSource::BuiltIn)),
        ] {
            let known = Known { fetched: row(FETCHED, fetched), operator: row(OPERATOR, operator) };
            let (version, source) = known.choose(setting.map(|text| text.parse().unwrap()));
            assert_eq!((version.map(|version| version.to_string()).as_deref(), source), chosen);
        }
    }
}
