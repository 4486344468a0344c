//! What a store does when its file is cut, damaged, moved, written anew or sealed with another key.

use std::collections::BTreeMap;
use std::fs;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const SECRET: [u8; 32] = [9; 32];

/// A directory with a store, and what to open it with.
struct Place {
    directory: TempDir,
    account: AccountId,
    keys: SealingKeys,
}

impl Place {
    fn new() -> Self {
        let keys = SealingKeys { current: Arc::new(SealingKey::new(1, &SECRET)), older: vec![] };
        Self { directory: TempDir::new().unwrap(), account: AccountId::new(), keys }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("store")
    }

    fn try_open(&self) -> Result<Store, StoreError> {
        let lock = Arc::new(SessionLock::take(self.directory.path()).unwrap());
        Store::open(self.path(), self.account, &self.keys, lock)
    }

    fn open(&self) -> Store {
        self.try_open().unwrap()
    }
}

fn put(store: &Store, key: &str, value: &str, durability: Durability) {
    let mut changes = Changes::new();
    changes.put(1, key, 0, value);
    store.apply(changes, durability).unwrap();
}

fn texts(store: &Store, table: u8) -> BTreeMap<String, String> {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    store.entries(table).unwrap().into_iter().map(|entry| (text(entry.key), text(entry.value))).collect()
}

#[test]
fn what_was_changed_together_is_there_when_it_is_opened_again() {
    let place = Place::new();
    let store = place.open();
    let mut changes = Changes::new();
    changes.put(1, "a", 5, "one");
    changes.put(1, "b", 9, "two");
    changes.put(2, "a", 0, "three");
    store.apply(changes, Durability::Synced).unwrap();
    let mut changes = Changes::new();
    changes.delete(1, "a");
    changes.put(1, "c", 3, "four");
    changes.clear(2);
    store.apply(changes, Durability::Written).unwrap();
    let check = |store: Store| {
        assert_eq!(store.get(1, b"b").unwrap().as_deref(), Some(b"two".as_slice()));
        assert_eq!((store.get(1, b"a").unwrap(), store.get(2, b"a").unwrap()), (None, None));
        assert!(store.contains(1, b"c") && !store.contains(1, b"a"));
        assert_eq!(store.highest_stamp(1), Some(9));
        assert_eq!(store.size().entries, 2);
    };
    check(store);
    check(place.open());
}

#[test]
fn the_old_go_and_what_has_no_time_stays() {
    let store = Place::new().open();
    let mut changes = Changes::new();
    for (key, stamp) in [("never", 0), ("old", 10), ("older", 5), ("new", 11)] {
        changes.put(1, key, stamp, "x");
    }
    store.apply(changes, Durability::Written).unwrap();
    assert_eq!(store.delete_older(1, 11).unwrap(), 2);
    assert_eq!(texts(&store, 1).into_keys().collect::<Vec<_>>(), ["never", "new"]);
    assert_eq!(store.delete_older(2, 11).unwrap(), 0);
}

#[test]
fn updates_do_not_lose_each_other() {
    let store = Place::new().open();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let count = |old: Option<Vec<u8>>| Some((0, vec![old.map_or(1, |old| old[0] + 1)]));
                    store.update(1, b"count", Durability::Written, count).unwrap();
                }
            });
        }
    });
    assert_eq!(store.get(1, b"count").unwrap(), Some(vec![200]));
}

#[test]
fn nothing_can_be_read_in_the_file() {
    let place = Place::new();
    put(&place.open(), "15550000002@s.whatsapp.net", "a very private key", Durability::Synced);
    let bytes = fs::read(place.path()).unwrap();
    for text in ["1555", "whatsapp", "private"] {
        assert!(!bytes.windows(text.len()).any(|window| window == text.as_bytes()), "{text}");
    }
}

#[test]
fn a_file_that_is_mostly_dead_is_written_anew_and_loses_nothing() {
    let place = Place::new();
    let store = place.open();
    put(&store, "kept", "value", Durability::Written);
    let large = "x".repeat(8 << 10);
    for n in 0..100 {
        put(&store, "often", &format!("{n} {large}"), Durability::Written);
    }
    assert!(store.size().disk_bytes < 3 * SMALL, "{:?}", store.size());
    let check = |store: Store| {
        assert_eq!(texts(&store, 1)["kept"], "value");
        assert_eq!(texts(&store, 1)["often"], format!("99 {large}"));
    };
    check(store);
    check(place.open());
}

#[test]
fn a_draft_that_a_crash_left_is_no_part_of_it() {
    let place = Place::new();
    put(&place.open(), "a", "one", Durability::Synced);
    let draft = place.path().with_extension("draft");
    fs::write(&draft, b"half").unwrap();
    assert_eq!(texts(&place.open(), 1)["a"], "one");
    assert!(!draft.exists());
}

#[test]
fn another_key_seals_everything_anew_and_a_lost_one_opens_nothing() {
    let mut place = Place::new();
    put(&place.open(), "a", "one", Durability::Synced);
    let old = std::mem::replace(&mut place.keys.current, Arc::new(SealingKey::new(2, &[1; 32])));
    assert!(matches!(place.try_open(), Err(StoreError::UnknownKey { generation: 1 })));
    place.keys.older.push(old);
    assert_eq!(place.open().get(1, b"a").unwrap().as_deref(), Some(b"one".as_slice()));
    place.keys.older.clear();
    assert_eq!(
        place.open().get(1, b"a").unwrap().as_deref(),
        Some(b"one".as_slice()),
        "it needs the new one only"
    );
    // The right generation with another secret.
    place.keys.current = Arc::new(SealingKey::new(2, &[2; 32]));
    assert_eq!(place.open().get(1, b"a").unwrap(), None, "its name is another");
    assert!(matches!(place.open().entries(1), Err(StoreError::Unsealable)));
}

#[test]
fn a_file_of_another_kind_is_left_alone() {
    let place = Place::new();
    fs::write(place.path(), b"SQLite format 3\0 and so on").unwrap();
    assert!(matches!(place.try_open(), Err(StoreError::UnknownFormat(_))));
    assert!(fs::read(place.path()).unwrap().starts_with(b"SQLite"));
}

/// Ten entries, each a frame, the first five of them known to be on disk to those after.
fn ten() -> (Place, Vec<u64>) {
    let place = Place::new();
    let store = place.open();
    let mut ends = Vec::new();
    for n in 0..10 {
        let durability = if n == 4 { Durability::Synced } else { Durability::Written };
        put(&store, &format!("key {n}"), &format!("value {n}"), durability);
        ends.push(store.size().disk_bytes);
    }
    (place, ends)
}

#[test]
fn wherever_a_tail_is_torn_off_what_came_before_is_whole() {
    let (place, ends) = ten();
    let whole = fs::read(place.path()).unwrap();
    for cut in 12..whole.len() {
        fs::write(place.path(), &whole[..cut]).unwrap();
        let left = ends.iter().filter(|end| **end <= u64::try_from(cut).unwrap()).count();
        let store = place.open();
        assert_eq!(texts(&store, 1).len(), left, "cut at {cut}");
        // And it goes on from there.
        put(&store, "more", "x", Durability::Written);
        drop(store);
        assert_eq!(texts(&place.open(), 1).len(), left + 1);
    }
}

#[test]
fn a_hole_in_what_was_not_on_disk_costs_what_follows_and_damage_to_what_was_is_said() {
    let (place, ends) = ten();
    let whole = fs::read(place.path()).unwrap();
    for at in 12..whole.len() {
        let mut holed = whole.clone();
        holed[at] ^= 0xff;
        fs::write(place.path(), &holed).unwrap();
        let frame = ends.iter().position(|end| u64::try_from(at).unwrap() < *end).unwrap();
        match place.try_open() {
            Ok(store) => {
                assert!(frame >= 5, "byte {at} was promised");
                assert_eq!(texts(&store, 1).len(), frame);
            }
            Err(StoreError::Damaged { .. }) => assert!(frame < 5, "byte {at} was not promised"),
            Err(error) => panic!("{error}"),
        }
        assert!(
            frame >= 5 || fs::read(place.path()).unwrap() == holed,
            "a damaged file stays for a person to look at"
        );
    }
}

/// One step of a store's life.
#[derive(Debug, Clone)]
enum Step {
    Put(u8, u8, Vec<u8>),
    Delete(u8, u8),
    Clear(u8),
    Sync,
    Reopen,
    NewKey,
}

fn step() -> impl Strategy<Value = Step> {
    let value = proptest::collection::vec(any::<u8>(), 0..4000);
    prop_oneof![
        8 => (0..3_u8, 0..6_u8, value).prop_map(|(table, key, value)| Step::Put(table, key, value)),
        2 => (0..3_u8, 0..6_u8).prop_map(|(table, key)| Step::Delete(table, key)),
        1 => (0..3_u8).prop_map(Step::Clear),
        1 => Just(Step::Sync),
        1 => Just(Step::Reopen),
        1 => Just(Step::NewKey),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
    #[test]
    fn it_holds_what_a_map_would(steps in proptest::collection::vec(step(), 1..120)) {
        let mut place = Place::new();
        let mut store = place.open();
        let mut model: BTreeMap<(u8, u8), Vec<u8>> = BTreeMap::new();
        for step in steps {
            let mut changes = Changes::new();
            match step {
                Step::Put(table, key, value) => {
                    changes.put(table, [key], u32::from(key), value.clone());
                    model.insert((table, key), value);
                }
                Step::Delete(table, key) => {
                    changes.delete(table, [key]);
                    model.remove(&(table, key));
                }
                Step::Clear(table) => {
                    changes.clear(table);
                    model.retain(|(t, _), _| *t != table);
                }
                Step::Sync => store.sync().unwrap(),
                Step::Reopen => {
                    drop(store);
                    store = place.open();
                }
                Step::NewKey => {
                    drop(store);
                    let next = place.keys.current.generation() + 1;
                    let old = std::mem::replace(&mut place.keys.current, Arc::new(SealingKey::new(next, &SECRET)));
                    place.keys.older = vec![old];
                    store = place.open();
                }
            }
            store.apply(changes, Durability::Written).unwrap();
            for table in 0..3 {
                for key in 0..6 {
                    prop_assert_eq!(store.get(table, &[key]).unwrap(), model.get(&(table, key)).cloned());
                }
                let count = model.keys().filter(|(t, _)| *t == table).count();
                prop_assert_eq!(store.entries(table).unwrap().len(), count);
            }
        }
    }
}
