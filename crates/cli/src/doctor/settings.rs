//! Whether the programs can start with their settings.

use super::{Finding, Patient};
use crate::settings::{self, Subject, program};

const CHECK: &str = "settings";
const UNKNOWN: &str = "settings.unknown";

pub(super) fn nothing_found(patient: &Patient) -> Finding {
    let nowhere = "no settings are found: not in the environment, not in ./var, not in /etc/blazz";
    Finding::error(
        CHECK,
        "here",
        patient.problem.as_deref().unwrap_or(nowhere),
        "name the file with --config, or the directory of a `blazz up` with --dir; .env.example explains every setting",
    )
}

/// Asks the program itself.
pub(super) async fn check(subject: &Subject) -> Vec<Finding> {
    match program::check(subject).await {
        Ok(faults) if faults.is_empty() => {
            vec![Finding::ok(CHECK, &subject.name, format!("good ({})", subject.origin))]
        }
        Ok(faults) => {
            let finding = |fault: blazz_program::Fault| {
                let advice =
                    format!("set it right in: {}; .env.example explains every setting", subject.origin);
                Finding::error(CHECK, &subject.name, fault.problem, advice)
            };
            faults.into_iter().map(finding).collect()
        }
        Err(error) => vec![Finding::warning(
            CHECK,
            &subject.name,
            format!("not checked: {error:#}"),
            "install the program, or run this where it is installed",
        )],
    }
}

/// Variables that no program knows.
pub(super) fn unknown(patient: &Patient) -> Vec<Finding> {
    let values = patient.subjects.iter().flat_map(|subject| subject.values.clone()).collect();
    let finding = |name: String| {
        Finding::warning(
            UNKNOWN,
            "here",
            format!("{name} is set, and no program knows it"),
            "look for a slip of the pen: .env.example names every setting",
        )
    };
    settings::unknown(&values).into_iter().map(finding).collect()
}
