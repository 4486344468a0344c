//! Which sessions have news that the API has not acknowledged yet.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use blazz_domain::AccountId;
use tokio::sync::Notify;

/// The accounts whose state changed since the last acknowledged heartbeat. Ten changes of one session are one piece of news.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    news: Mutex<News>,
    grew: Notify,
}

#[derive(Debug, Default)]
struct News {
    revision: u64,
    accounts: HashMap<AccountId, u64>,
}

/// News as it was when a heartbeat was written.
pub(crate) type Noted = Vec<(AccountId, u64)>;

impl Changes {
    /// The session has news, and the next heartbeat is due now.
    pub(crate) fn mark(&self, account: AccountId) {
        self.mark_quietly(account);
        self.grew.notify_one();
    }

    /// The session has news that can wait for the next regular heartbeat.
    pub(crate) fn mark_quietly(&self, account: AccountId) {
        let mut news = self.news();
        news.revision += 1;
        let revision = news.revision;
        news.accounts.insert(account, revision);
    }

    /// Waits for news.
    pub(crate) async fn grown(&self) {
        self.grew.notified().await;
    }

    /// At most `limit` accounts with news.
    pub(crate) fn noted(&self, limit: usize) -> Noted {
        self.news().accounts.iter().take(limit).map(|(account, revision)| (*account, *revision)).collect()
    }

    /// The API has these; what changed again meanwhile stays.
    pub(crate) fn acknowledge(&self, noted: &[(AccountId, u64)]) {
        let mut news = self.news();
        for (account, revision) in noted {
            if news.accounts.get(account) == Some(revision) {
                news.accounts.remove(account);
            }
        }
        if !news.accounts.is_empty() {
            self.grew.notify_one();
        }
    }

    /// The session is gone for good.
    pub(crate) fn forget(&self, account: AccountId) {
        self.news().accounts.remove(&account);
    }

    fn news(&self) -> MutexGuard<'_, News> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_while_a_heartbeat_is_under_way_stays() {
        let changes = Changes::default();
        let (one, other) = (AccountId::new(), AccountId::new());
        changes.mark(one);
        changes.mark(other);
        changes.mark(other);
        let noted = changes.noted(10);
        assert_eq!(noted.len(), 2);
        changes.mark(other);
        changes.acknowledge(&noted);
        let left: Vec<_> = changes.noted(10).into_iter().map(|(account, _)| account).collect();
        assert_eq!(left, [other]);
        changes.forget(other);
        assert!(changes.noted(10).is_empty());
    }
}
