//! What went in and what came out: every text is unique, and is owed exactly once.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The ledger of one run. Accounts are named by their place in the run's list.
#[derive(Default)]
pub(crate) struct Ledger(Mutex<Books>);

#[derive(Default)]
struct Books {
    /// What the tenant wanted sent, by its text.
    out: BTreeMap<String, Out>,
    /// What phones sent, by its text.
    into: BTreeMap<String, Into>,
    /// For each account what has no answer yet, and what the API has not shown yet.
    open: HashMap<usize, Open>,
    /// What must never happen and is no message.
    wrongs: Vec<String>,
}

struct Out {
    account: usize,
    answer: Option<Answered>,
}

enum Answered {
    /// The API has it, under this id.
    Accepted(String),
    Refused(String),
}

struct Into {
    account: usize,
    /// Whether WhatsApp has it.
    is_sent: bool,
    /// How many events tell of it.
    seen: usize,
}

/// How much of an account is under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) out: usize,
    pub(crate) into: usize,
}

/// What phones show of one text.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Copies {
    /// How many messages of that text a person would see.
    pub(crate) shown: usize,
    /// How often one of them came once more under its id, which a phone does not show.
    pub(crate) repeated: usize,
}

/// What the books say at the end.
#[derive(Debug, Default)]
pub struct Balance {
    /// Messages that were taken: by the API from a tenant, by WhatsApp from a phone.
    pub sent: usize,
    /// Those of them that are where they belong.
    pub received: usize,
    /// Messages that are there once too often.
    pub doubled: usize,
    /// Messages that came once more under their id, which a phone does not show.
    pub repeated: usize,
    /// Those that are not where they belong.
    pub lost: usize,
    /// A line for everything that is not as it must be.
    pub findings: Vec<String>,
}

impl Ledger {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tenant begins to send.
    pub(crate) fn begin_out(&self, account: usize, text: &str) {
        let mut books = self.books();
        books.out.insert(text.to_owned(), Out { account, answer: None });
        books.open.entry(account).or_default().out += 1;
    }

    /// The API has taken it.
    pub(crate) fn accepted(&self, text: &str, message: &str) {
        self.answered(text, Answered::Accepted(message.to_owned()));
    }

    /// The API has refused it for good.
    pub(crate) fn refused(&self, text: &str, why: &str) {
        self.answered(text, Answered::Refused(why.to_owned()));
    }

    fn answered(&self, text: &str, answer: Answered) {
        let mut books = self.books();
        let Some(out) = books.out.get_mut(text) else { return };
        out.answer = Some(answer);
        let account = out.account;
        let open = books.open.entry(account).or_default();
        open.out = open.out.saturating_sub(1);
    }

    /// A phone begins to send.
    pub(crate) fn begin_in(&self, account: usize, text: &str) {
        let mut books = self.books();
        books.into.insert(text.to_owned(), Into { account, is_sent: false, seen: 0 });
        books.open.entry(account).or_default().into += 1;
    }

    /// WhatsApp has it.
    pub(crate) fn sent_in(&self, text: &str) {
        if let Some(into) = self.books().into.get_mut(text) {
            into.is_sent = true;
        }
    }

    /// An event of the API tells of it.
    pub(crate) fn seen_in(&self, text: &str) {
        let mut books = self.books();
        let Some(into) = books.into.get_mut(text) else {
            books.wrongs.push(format!("an event tells of {text:?}, which nobody sent"));
            return;
        };
        into.seen += 1;
        if into.seen == 1 {
            let account = into.account;
            let open = books.open.entry(account).or_default();
            open.into = open.into.saturating_sub(1);
        }
    }

    /// Something that must never happen.
    pub(crate) fn wrong(&self, what: String) {
        self.books().wrongs.push(what);
    }

    /// What is under way of these accounts.
    pub(crate) fn open(&self, is_asked: impl Fn(usize) -> bool) -> Open {
        let books = self.books();
        let mut sum = Open::default();
        for open in books.open.iter().filter(|(account, _)| is_asked(**account)).map(|(_, open)| open) {
            sum.out += open.out;
            sum.into += open.into;
        }
        sum
    }

    /// How many messages have begun so far.
    pub(crate) fn begun(&self) -> usize {
        let books = self.books();
        books.out.len() + books.into.len()
    }

    /// Strikes the balance with what the phones show.
    pub(crate) fn balance(&self, shown: &HashMap<String, Copies>) -> Balance {
        let books = self.books();
        let mut balance = Balance { findings: books.wrongs.clone(), ..Balance::default() };
        for (text, out) in &books.out {
            let copies = shown.get(text).copied().unwrap_or_default();
            let id = match &out.answer {
                Some(Answered::Accepted(id)) => Ok(id.as_str()),
                Some(Answered::Refused(why)) => Err(why.as_str()),
                None => Err("no answer"),
            };
            balance.enter(text, copies, id.map(|id| format!("message {id}")).map_err(str::to_owned));
        }
        for (text, into) in books.into.iter().filter(|(_, into)| into.is_sent) {
            balance.enter(text, Copies { shown: into.seen, repeated: 0 }, Ok("from a phone".to_owned()));
        }
        balance
    }
}

impl Balance {
    fn enter(&mut self, text: &str, copies: Copies, accepted: Result<String, String>) {
        self.sent += 1;
        self.repeated += copies.repeated;
        match (&accepted, copies.shown) {
            (Ok(_), 1..) => self.received += 1,
            (Ok(what), 0) => {
                self.lost += 1;
                self.findings.push(format!("lost: {text} ({what})"));
            }
            (Err(why), _) => {
                self.lost += 1;
                self.findings
                    .push(format!("not taken: {text} ({why}; a phone shows it {} times)", copies.shown));
            }
        }
        if copies.shown > 1 {
            self.doubled += copies.shown - 1;
            self.findings.push(format!("doubled: {text} is there {} times", copies.shown));
        }
    }

    /// Whether everything is where it belongs, once.
    #[must_use]
    pub fn is_even(&self) -> bool {
        self.findings.is_empty()
    }

    /// Whether nothing is missing any more.
    pub(crate) fn is_complete(&self) -> bool {
        self.lost == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(texts: &[(&str, usize, usize)]) -> HashMap<String, Copies> {
        let copies =
            texts.iter().map(|&(text, shown, repeated)| (text.to_owned(), Copies { shown, repeated }));
        copies.collect()
    }

    #[test]
    fn what_came_once_is_even_and_a_repeat_under_its_id_is_only_counted() {
        let ledger = Ledger::default();
        ledger.begin_out(0, "a");
        ledger.accepted("a", "id");
        ledger.begin_in(1, "b");
        ledger.sent_in("b");
        ledger.seen_in("b");
        let balance = ledger.balance(&shown(&[("a", 1, 1)]));
        assert!(balance.is_even());
        assert_eq!((balance.sent, balance.received, balance.repeated), (2, 2, 1));
    }

    #[test]
    fn what_is_missing_doubled_or_strange_is_found() {
        let ledger = Ledger::default();
        for text in ["lost", "twice", "refused", "unanswered"] {
            ledger.begin_out(0, text);
        }
        ledger.accepted("lost", "1");
        ledger.accepted("twice", "2");
        ledger.refused("refused", "409");
        for text in ["in-lost", "in-twice", "in-never-sent"] {
            ledger.begin_in(0, text);
        }
        ledger.sent_in("in-lost");
        ledger.sent_in("in-twice");
        ledger.seen_in("in-twice");
        ledger.seen_in("in-twice");
        ledger.seen_in("from nowhere");
        let balance = ledger.balance(&shown(&[("twice", 2, 0), ("unanswered", 1, 0)]));
        assert_eq!((balance.sent, balance.received, balance.lost, balance.doubled), (6, 2, 4, 2));
        assert_eq!(balance.findings.len(), 7, "{:?}", balance.findings);
        assert!(!balance.is_even());
    }

    #[test]
    fn what_is_under_way_is_known_by_account() {
        let ledger = Ledger::default();
        ledger.begin_out(0, "a");
        ledger.begin_in(1, "b");
        assert_eq!(ledger.open(|_| true), Open { out: 1, into: 1 });
        assert_eq!(ledger.open(|account| account == 1), Open { out: 0, into: 1 });
        ledger.accepted("a", "id");
        ledger.sent_in("b");
        assert_eq!(ledger.open(|_| true), Open { out: 0, into: 1 });
        ledger.seen_in("b");
        assert_eq!(ledger.open(|_| true), Open::default());
    }
}
