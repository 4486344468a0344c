//! The list of conversations: the one that was last active first.

use blazz_database::contacts::{NewContact, upsert_by_address};
use blazz_database::conversations::{self, Touch};
use blazz_domain::{ConversationId, Jid, PhoneNumber, Timestamp};
use blazz_test_support::{TestDatabase, for_each_database};

use crate::seed;

struct Place<'a> {
    db: &'a TestDatabase,
    workspace: blazz_domain::WorkspaceId,
    account: blazz_domain::AccountId,
}

impl<'a> Place<'a> {
    async fn new(db: &'a TestDatabase) -> Self {
        let (workspace, account) = seed::account(db.pool()).await;
        Self { db, workspace, account }
    }

    async fn conversation(&self, n: u32, at: Timestamp) -> ConversationId {
        let phone: PhoneNumber = format!("+1555000{n:04}").parse().unwrap();
        let new = NewContact { jid: Jid::phone(&phone), phone: Some(phone), lid: None, name: None };
        let mut conn = self.db.pool().get().await.unwrap();
        let contact = upsert_by_address(&mut conn, self.workspace, new, at).await.unwrap().contact;
        conversations::upsert(&mut conn, self.workspace, self.account, contact.id, at).await.unwrap().0.id
    }

    async fn touch(&self, id: ConversationId, touch: Touch) {
        let mut conn = self.db.pool().get().await.unwrap();
        conversations::touch(&mut conn, self.workspace, id, touch).await.unwrap();
    }

    async fn pages(&self, limit: u32) -> Vec<ConversationId> {
        let mut conn = self.db.pool().get().await.unwrap();
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = conversations::list(&mut conn, self.workspace, after, limit).await.unwrap();
            let Some(last) = page.last() else { return all };
            after = Some((last.conversation.active_at, last.conversation.id));
            all.extend(page.iter().map(|row| row.conversation.id));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_hold_every_conversation_once_in_order() -> anyhow::Result<()> {
    for_each_database(async |db| {
        let place = Place::new(db).await;
        let mut ids = Vec::new();
        for n in 0..7 {
            // Two begin in the same moment.
            ids.push(place.conversation(n, seed::at(&format!("2026-01-02T03:04:{:02}Z", n / 2))).await);
        }
        let at = seed::at("2026-01-02T04:00:00Z");
        place.touch(ids.remove(2), Touch::Written { preview: "last".into(), at }).await;
        let listed = place.pages(2).await;
        assert_eq!(listed.len(), 7);
        let expected: Vec<_> = ids.into_iter().rev().collect();
        assert_eq!(listed.into_iter().skip(1).collect::<Vec<_>>(), expected);
        Ok(())
    })
    .await
}

/// WhatsApp tells times in seconds, so an answer may look older than what it answers.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_within_the_second_is_the_last_message() -> anyhow::Result<()> {
    for_each_database(async |db| {
        let place = Place::new(db).await;
        let id = place.conversation(1, seed::at("2026-01-02T03:04:00Z")).await;
        let written = seed::at("2026-01-02T03:04:05.400000Z");
        place.touch(id, Touch::Written { preview: "question".into(), at: written }).await;
        let received = seed::at("2026-01-02T03:04:05Z");
        place.touch(id, Touch::Received { preview: "answer".into(), at: received }).await;
        let older = seed::at("2026-01-02T03:04:04Z");
        place.touch(id, Touch::Received { preview: "late".into(), at: older }).await;
        let mut conn = db.pool().get().await?;
        let row = conversations::find(&mut conn, place.workspace, id).await?.unwrap().conversation;
        assert_eq!((row.last_message_preview.as_deref(), row.unread), (Some("answer"), 2));
        assert_eq!((row.last_message_at, row.active_at), (Some(written), written));
        Ok(())
    })
    .await
}
