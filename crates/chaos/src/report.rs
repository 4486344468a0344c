//! What the run says at its end.

use std::collections::BTreeMap;

use crate::actions::Done;
use crate::ledger::Balance;
use crate::tell;

/// Findings that are printed; the number is told of the rest.
const MOST_FINDINGS: usize = 200;

/// Prints the result, the line that counts last; says whether all is well.
pub(crate) fn report(seed: u64, done: &[Done], balance: &Balance, overlaps: &[String]) -> bool {
    let mut counted = BTreeMap::<String, usize>::new();
    for one in done {
        let name = one.what.to_string();
        let kind = name.split(['-', '(']).next().unwrap_or(&name).trim().to_owned();
        let uncounted = one.what.is_kill() && !one.counts();
        *counted.entry(if uncounted { format!("{kind} (nothing under way)") } else { kind }).or_default() +=
            1;
    }
    let kills = done.iter().filter(|one| one.counts()).count();
    let kinds: Vec<_> = counted.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    for finding in balance.findings.iter().chain(overlaps).take(MOST_FINDINGS) {
        tell(finding);
    }
    let unsaid = (balance.findings.len() + overlaps.len()).saturating_sub(MOST_FINDINGS);
    if unsaid > 0 {
        tell(&format!("… and {unsaid} more"));
    }
    tell(&format!("seed={seed} kills={kills} ({})", kinds.join(", ")));
    tell(&format!("repeated under the same id, which phones show once: {}", balance.repeated));
    tell(&format!(
        "sent={} received={} lost={} doubled={} overlaps={}",
        balance.sent,
        balance.received,
        balance.lost,
        balance.doubled,
        overlaps.len()
    ));
    balance.is_even() && overlaps.is_empty()
}
