//! `blazz doctor`: looks at everything that an installation here needs, and says of each finding what to do.
//!
//! Every check has a deadline and all run at once: what cannot be reached is a finding, never a crash and never a wait.

mod api;
mod clock;
mod database;
mod finding;
mod nodes;
mod ports;
mod redis;
mod secrets;
mod settings;
mod storage;
mod versions;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use futures_util::future::join_all;
use serde_json::json;
use url::Url;

pub(crate) use self::finding::{Finding, Level};
use crate::output;
use crate::settings::{Subject, Where, Which, find};

/// How long one call over HTTP may take.
const CALL: Duration = Duration::from_secs(4);

/// Check everything that Blazz needs here, and say what to do about what is wrong.
///
/// Looks at the settings, the database, Redis, the directories, the clocks, the ports, the secrets, the versions, and whether API and nodes reach
/// each other. Changes nothing but a probe file in each directory, which it deletes again. Ends with status 1 if anything is an error.
#[derive(Args, Debug)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    place: Where,
    /// The API's address, where no settings tell.
    #[arg(long, env = "BLAZZ_API_URL")]
    api_url: Option<Url>,
    /// The operator key, where no settings tell.
    #[arg(long, env = "BLAZZ_OPERATOR_KEY", hide_env_values = true)]
    operator_key: Option<String>,
    /// Warn when a directory's disk has less than this much free, in percent.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u8).range(0..=100))]
    warn_free_percent: u8,
    /// Warn when it has less than this free, in GiB.
    #[arg(long, default_value_t = 5)]
    warn_free_gib: u64,
    /// An error when it has less than this free, in GiB.
    #[arg(long, default_value_t = 1)]
    error_free_gib: u64,
    /// How long each check may take, in seconds.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=300))]
    timeout: u64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What the checks share.
pub(crate) struct Patient {
    /// The programs with settings here.
    pub(crate) subjects: Vec<Subject>,
    /// Why the settings could not be looked for.
    pub(crate) problem: Option<String>,
    /// Where the API is.
    pub(crate) api_url: Option<Url>,
    /// Opens the operator's routes.
    pub(crate) operator_key: Option<String>,
    /// For every call.
    pub(crate) http: reqwest::Client,
    /// What counts as little room.
    pub(crate) room: storage::Room,
}

impl Patient {
    fn of(&self, which: Which) -> impl Iterator<Item = &Subject> {
        self.subjects.iter().filter(move |subject| subject.which == which)
    }
}

type Check<'a> = Pin<Box<dyn Future<Output = Vec<Finding>> + Send + 'a>>;

pub(crate) async fn run(args: DoctorArgs) -> anyhow::Result<()> {
    let patient = patient(&args)?;
    let findings = examine(&patient, Duration::from_secs(args.timeout)).await;
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    let (errors, warnings) = (count(Level::Error), count(Level::Warning));
    if args.json {
        let worst = findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Ok);
        output::json(&json!({ "status": worst, "findings": findings }))?;
    } else {
        findings.iter().try_for_each(print)?;
        output::line(&format!("{} checks: {errors} errors, {warnings} warnings", findings.len()))?;
    }
    if errors > 0 {
        bail!("not everything is well: {errors} {}", if errors == 1 { "error" } else { "errors" });
    }
    Ok(())
}

fn patient(args: &DoctorArgs) -> anyhow::Result<Patient> {
    let (subjects, problem) = match find(&args.place) {
        Ok(subjects) => (subjects, None),
        Err(error) => (Vec::new(), Some(format!("{error:#}"))),
    };
    let of = |which| subjects.iter().filter(move |subject: &&Subject| subject.which == which);
    let by_settings = of(Which::Api).find_map(Subject::local_url);
    let by_nodes = of(Which::SessionNode).find_map(|node| node.text("BLAZZ_API_URL")?.parse().ok());
    let operator_key = of(Which::Api).find_map(|api| api.text("BLAZZ_OPERATOR_KEY"));
    Ok(Patient {
        api_url: by_settings.or(by_nodes).or_else(|| args.api_url.clone()),
        operator_key: operator_key.or_else(|| args.operator_key.clone()),
        http: blazz_wire::http_client(Duration::from_secs(2), CALL)?,
        room: storage::Room {
            warn_percent: args.warn_free_percent,
            warn_bytes: args.warn_free_gib.saturating_mul(storage::GIB),
            error_bytes: args.error_free_gib.saturating_mul(storage::GIB),
        },
        subjects,
        problem,
    })
}

async fn examine(patient: &Patient, patience: Duration) -> Vec<Finding> {
    let mut checks: Vec<(&'static str, String, Check<'_>)> = Vec::new();
    let mut add = |check, subject: &str, work| checks.push((check, subject.to_owned(), work));
    if patient.subjects.is_empty() {
        add("settings", "here", Box::pin(async { vec![settings::nothing_found(patient)] }));
    }
    for subject in &patient.subjects {
        add("settings", &subject.name, Box::pin(settings::check(subject)));
    }
    add("settings.unknown", "here", Box::pin(async { settings::unknown(patient) }));
    for api in patient.of(Which::Api) {
        add("database", &api.name, Box::pin(database::check(api)));
        add("redis", &api.name, Box::pin(redis::check(api)));
    }
    for subject in &patient.subjects {
        add("storage", &subject.name, Box::pin(storage::check(subject, patient.room)));
        add("port", &subject.name, Box::pin(ports::check(patient, subject)));
    }
    add("secrets", "here", Box::pin(async { secrets::check(patient) }));
    add("api", "api", Box::pin(api::check(patient)));
    add("nodes", "api", Box::pin(nodes::check(patient)));
    add("versions", "api", Box::pin(versions::check(patient)));
    add("clock", "api", Box::pin(clock::check(patient)));
    let runs = checks.into_iter().map(|(check, subject, work)| async move {
        let late = || {
            Finding::error(
                check,
                &subject,
                late_text(patience),
                "look at the network, or give --timeout more",
            )
        };
        tokio::time::timeout(patience, work).await.unwrap_or_else(|_| vec![late()])
    });
    join_all(runs).await.into_iter().flatten().collect()
}

fn late_text(patience: Duration) -> String {
    format!("no answer within {} s", patience.as_secs())
}

fn print(finding: &Finding) -> anyhow::Result<()> {
    let level = finding.level.name();
    output::line(&format!("{level:<8} {:<18} {}: {}", finding.check, finding.subject, finding.text))?;
    finding.advice.iter().try_for_each(|advice| output::line(&format!("         → {advice}")))
}
