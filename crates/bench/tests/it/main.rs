//! The bench of the fleet works: everything small, and the figures are there.

use std::collections::BTreeMap;
use std::process::Command;

#[test]
fn the_fleets_figures_are_measured_and_printed() {
    let ran = Command::new(env!("CARGO_BIN_EXE_blazz-bench"))
        .args(["fleet", "--quick", "--only", "memory,restart", "--sessions-to", "15", "--json"])
        .output()
        .unwrap();
    let (out, progress) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{progress}\n{out}");
    let figures: BTreeMap<String, serde_json::Value> = out
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|figure| (figure["name"].as_str().unwrap().to_owned(), figure))
        .collect();
    for name in
        ["session.node.memory", "session.descriptors", "session.disk", "restart.time", "restart.node.cpu"]
    {
        assert!(figures[name]["value"].as_f64().unwrap() > 0.0, "{name}: {out}");
    }
    assert_eq!(figures["session.node.memory"]["goal"], 350.0);
    assert_eq!(figures["session.node.memory"]["limit"], 274.0);
}
