//! The database: there, and with the tables of this version?

use std::path::Path;

use blazz_database::Pool;

use super::Finding;
use crate::settings::Subject;

const REACHABLE: &str = "database.reachable";
const MIGRATIONS: &str = "database.migrations";

/// Opens the API's database, if its settings name one.
pub(super) async fn check(api: &Subject) -> Vec<Finding> {
    let Some(url) = api.text("BLAZZ_DATABASE_URL") else { return vec![] };
    // Opening one that is not there would make an empty one.
    if let Some(path) = url.strip_prefix("sqlite:").filter(|path| !Path::new(path).exists()) {
        let text = format!("there is no database at {path}");
        return vec![Finding::error(REACHABLE, &api.name, text, "`blazz migrate` makes it")];
    }
    match look(&api.name, &url).await {
        Ok(findings) => findings,
        Err(error) => vec![Finding::error(
            REACHABLE,
            &api.name,
            format!("cannot be reached: {error}"),
            "see that it runs, that BLAZZ_DATABASE_URL names it, and that it lets this machine in",
        )],
    }
}

async fn look(name: &str, url: &str) -> Result<Vec<Finding>, blazz_database::DatabaseError> {
    let pool = Pool::open(url, 1).await?;
    let server = pool.server().await?;
    let migrations = pool.migrations().await?;
    let reachable = Finding::ok(REACHABLE, name, server.version);
    let migrated = match (migrations.missing, migrations.unknown) {
        (0, 0) => Finding::ok(MIGRATIONS, name, "every migration has run"),
        (0, newer) => Finding::warning(
            MIGRATIONS,
            name,
            format!("a newer version has been here: {newer} migrations are not known to this one"),
            "fine during an upgrade; after it, bring this machine to the newer version",
        ),
        (missing, _) => Finding::error(
            MIGRATIONS,
            name,
            format!("{missing} migrations of this version have not run"),
            "run `blazz migrate`",
        ),
    };
    Ok(vec![reachable, migrated])
}
