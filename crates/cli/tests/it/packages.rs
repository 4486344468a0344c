//! The Debian packages, made of the programs that this test run has built.

use std::os::unix::fs::symlink;
use std::process::Command;

use crate::documents::repository;
use crate::stack::{program, required};

#[test]
fn packages_install_upgrade_remove_and_purge_cleanly() {
    let bin = tempfile::tempdir().unwrap();
    for name in ["blazz", "blazz-api"] {
        symlink(program(name), bin.path().join(name)).unwrap();
    }
    symlink(required("BLAZZ_TEST_PRODUCTION_NODE"), bin.path().join("blazz-session-node")).unwrap();
    let out = Command::new(repository("deploy/test")).arg(bin.path()).output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(
        out.status.success() && said.contains("cleanly"),
        "{said}{}",
        String::from_utf8_lossy(&out.stderr)
    );
}
