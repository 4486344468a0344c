//! Who may open what, and what stays.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use blazz_domain::{AccountId, Epoch, Lease, WorkspaceId};
use blazz_session_store::{Changes, Durability, SessionRoot, StoreError};

use crate::{Stage, keys};

#[test]
fn a_root_keeps_its_id() {
    let stage = Stage::new();
    let path = stage.directory.path().join("root");
    assert_eq!(SessionRoot::open(&path, keys(1)).unwrap().id(), stage.root.id());
    let other = SessionRoot::open(&stage.directory.path().join("other"), keys(1)).unwrap();
    assert_ne!(other.id(), stage.root.id());
    fs::write(path.join("root-id"), "nonsense").unwrap();
    assert!(matches!(SessionRoot::open(&path, keys(1)), Err(StoreError::BadRootId(_))));
}

#[test]
fn many_first_openers_agree_on_one_id() {
    let directory = tempfile::tempdir().unwrap();
    let ids: Vec<_> = std::thread::scope(|scope| {
        let openers: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| SessionRoot::open(directory.path(), keys(1)).unwrap().id()))
            .collect();
        openers.into_iter().map(|opener| opener.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[test]
fn only_the_owner_can_read_it() {
    let stage = Stage::new();
    let session = stage.open();
    session.open_outboxes().unwrap().append(b"x", blazz_session_store::Durability::Synced).unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(session.path()), 0o700);
    assert_eq!(mode(&session.path().join("outbox")), 0o700);
    assert_eq!(mode(&stage.directory.path().join("root")), 0o700);
    assert_eq!(mode(&stage.directory.path().join("root/root-id")), 0o600);
}

#[test]
fn a_session_is_open_once() {
    let stage = Stage::new();
    let session = stage.open();
    assert!(matches!(stage.root.open_session(&stage.lease, false), Err(StoreError::Busy)));
    assert!(matches!(
        stage.root.delete_session(stage.lease.workspace_id, stage.lease.account_id),
        Err(StoreError::Busy)
    ));
    // Whoever can still append holds the session.
    let outboxes = session.open_outboxes().unwrap();
    drop(session);
    assert!(matches!(stage.root.open_session(&stage.lease, false), Err(StoreError::Busy)));
    drop(outboxes);
    stage.open();
}

#[test]
fn a_linked_session_is_never_created() {
    let stage = Stage::new();
    assert!(matches!(stage.root.open_session(&stage.lease, true), Err(StoreError::Missing)));
    assert_eq!(stage.root.sessions().unwrap(), []);
    let session = stage.open();
    drop(session);
    assert!(
        matches!(stage.root.open_session(&stage.lease, true), Err(StoreError::Missing)),
        "no credentials"
    );
    let session = stage.open();
    drop(session.open_store().unwrap());
    drop(session);
    assert!(stage.root.open_session(&stage.lease, true).unwrap().is_linked());
}

#[test]
fn a_logout_is_remembered_until_a_new_link_is_asked_for() {
    let stage = Stage::new();
    let session = stage.open();
    drop(session.open_store().unwrap());
    let outboxes = session.open_outboxes().unwrap();
    outboxes.append(b"kept", blazz_session_store::Durability::Synced).unwrap();
    session.reset_credentials().unwrap();
    session.reset_credentials().unwrap();
    assert!(!session.path().join("store").exists());
    drop((session, outboxes));

    let told = stage.root.open_session(&stage.lease, true).unwrap();
    assert!(told.is_logged_out());
    assert_eq!(told.open_outboxes().unwrap().pending(), 1);
    drop(told);
    assert!(!stage.open().is_logged_out());
}

#[test]
fn a_logout_that_was_cut_short_is_finished_before_a_new_link_begins() {
    let stage = Stage::new();
    let session = stage.open();
    // The cut came after the marker, before anything was deleted.
    for name in ["store", "logged-out"] {
        fs::write(session.path().join(name), "credentials").unwrap();
    }
    drop(session);
    assert!(stage.root.open_session(&stage.lease, true).unwrap().is_logged_out());
    let session = stage.open();
    for name in ["store", "logged-out"] {
        assert!(!session.path().join(name).exists(), "{name} is left of the old link");
    }
}

#[test]
fn no_new_link_begins_before_the_old_one_is_gone() {
    let stage = Stage::new();
    let session = stage.open();
    // A store that cannot be removed: the reset is cut right before it.
    fs::create_dir(session.path().join("store")).unwrap();
    assert!(session.reset_credentials().is_err());
    drop(session);

    assert!(stage.root.open_session(&stage.lease, false).is_err());
    let told = stage.root.open_session(&stage.lease, true).unwrap();
    assert!(told.is_logged_out());
    fs::remove_dir(told.path().join("store")).unwrap();
    drop(told);
    assert!(!stage.open().is_logged_out());
}

#[test]
fn a_store_opens_for_its_owner_and_under_another_key_of_its_workspace() {
    let stage = Stage::new();
    let session = stage.open();
    let mut changes = Changes::new();
    changes.put(1, "key", 0, "value");
    session.open_store().unwrap().apply(changes, Durability::Synced).unwrap();
    drop(session);
    assert_eq!(stage.root.rotate_workspace_key(stage.lease.workspace_id).unwrap(), 2);
    for _ in 0..2 {
        let session = stage.root.open_session(&stage.lease, true).unwrap();
        assert_eq!(
            session.open_store().unwrap().get(1, b"key").unwrap().as_deref(),
            Some(b"value".as_slice())
        );
    }
    let other = SessionRoot::open(&stage.directory.path().join("root"), keys(2)).unwrap();
    assert!(matches!(other.open_session(&stage.lease, true), Err(StoreError::UnknownStorageKey)));
}

#[test]
fn an_older_grant_is_refused() {
    let stage = Stage::new();
    let later = Lease { epoch: Epoch(3), ..stage.lease };
    drop(stage.root.open_session(&later, false).unwrap());
    let refused = stage.root.open_session(&stage.lease, false).unwrap_err();
    assert!(matches!(refused, StoreError::StaleEpoch { asked: Epoch(1), newest: Epoch(3) }), "{refused}");
    assert_eq!(stage.root.sessions().unwrap(), [later]);
}

#[test]
fn a_deleted_session_is_gone_and_an_unfinished_deletion_is_finished() {
    let stage = Stage::new();
    drop(stage.open());
    let Lease { workspace_id, account_id, .. } = stage.lease;
    stage.root.delete_session(workspace_id, account_id).unwrap();
    stage.root.delete_session(workspace_id, account_id).unwrap();
    stage.root.delete_session(WorkspaceId::new(), AccountId::new()).unwrap();
    assert_eq!(stage.root.sessions().unwrap(), []);

    let root = stage.directory.path().join("root");
    let half = root.join(workspace_id.to_string()).join(".deleted-half");
    fs::create_dir_all(half.join("1")).unwrap();
    SessionRoot::open(&root, keys(1)).unwrap();
    assert!(!half.exists());
}
