//! A short run with a fixed seed: whatever is killed, paused and cut in a minute, nothing is lost and nothing comes twice.

use std::process::Command;

/// A minute in which nodes, API replicas, PostgreSQL and Redis all have their turn.
const SEED: &str = "8";

#[test]
fn a_minute_of_chaos_loses_and_doubles_nothing() {
    let ran = Command::new(env!("CARGO_BIN_EXE_blazz-chaos"))
        .args(["fleet", "--minutes", "1", "--seed", SEED, "--accounts", "9", "--pace", "5"])
        .output()
        .unwrap();
    let (out, progress) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{progress}\n{out}");
    let last = out.lines().last().unwrap();
    let (sent, rest) = last.strip_prefix("sent=").unwrap().split_once(" received=").unwrap();
    assert_eq!(rest, format!("{sent} lost=0 doubled=0 overlaps=0"), "{out}");
    assert!(sent.parse::<usize>().unwrap() > 200, "there was traffic: {out}");
    let kills = out.lines().find_map(|line| line.strip_prefix(&format!("seed={SEED} kills="))).unwrap();
    assert!(kills.split(' ').next().unwrap().parse::<usize>().unwrap() >= 5, "{out}");
}
