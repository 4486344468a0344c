//! Contacts are known by all that was ever learned of them.

use blazz_database::contacts::{NewContact, list_by_address, upsert_by_address};
use blazz_domain::{Jid, WorkspaceId};
use blazz_test_support::{TestDatabase, for_each_database};

use crate::seed;

const PHONE: &str = "+15550000002";
const LID: &str = "920000005551@lid";

fn by_phone() -> NewContact {
    let phone: blazz_domain::PhoneNumber = PHONE.parse().unwrap();
    NewContact { jid: Jid::phone(&phone), phone: Some(phone), lid: None, name: None }
}

fn by_lid() -> NewContact {
    let lid: Jid = LID.parse().unwrap();
    NewContact { jid: lid.clone(), phone: None, lid: Some(lid), name: None }
}

async fn meet(
    db: &TestDatabase,
    workspace: WorkspaceId,
    new: NewContact,
) -> blazz_database::contacts::ContactRow {
    let mut conn = db.pool().get().await.unwrap();
    upsert_by_address(&mut conn, workspace, new, seed::now()).await.unwrap().contact
}

#[tokio::test(flavor = "multi_thread")]
async fn all_ways_to_somebody_lead_to_the_same_contact() -> anyhow::Result<()> {
    for_each_database(async |db| {
        let workspace = seed::workspace(&mut db.pool().get().await?).await;
        let first = meet(db, workspace, by_phone()).await;
        let joined = NewContact { lid: by_lid().lid, ..by_phone() };
        assert_eq!(meet(db, workspace, joined).await.id, first.id);
        let by_lid_alone = meet(db, workspace, by_lid()).await;
        assert_eq!((by_lid_alone.id, &by_lid_alone.phone), (first.id, &first.phone));
        let other = seed::workspace(&mut db.pool().get().await?).await;
        assert_ne!(meet(db, other, by_phone()).await.id, first.id, "workspaces share no contact");
        Ok(())
    })
    .await
}

/// Whoever stores a name must not take back the linked id that another has stored since.
#[tokio::test(flavor = "multi_thread")]
async fn what_two_learn_at_once_is_kept_by_both() -> anyhow::Result<()> {
    for_each_database(async |db| {
        let workspace = seed::workspace(&mut db.pool().get().await?).await;
        for round in 0..20 {
            let number: blazz_domain::PhoneNumber = format!("+1555000{round:04}").parse()?;
            let lid: Jid = format!("92000000{round:04}@lid").parse()?;
            let base = NewContact { jid: Jid::phone(&number), phone: Some(number), lid: None, name: None };
            meet(db, workspace, base.clone()).await;
            let named = NewContact { name: Some("Ann".into()), ..base.clone() };
            let joined = NewContact { lid: Some(lid.clone()), ..base.clone() };
            tokio::join!(meet(db, workspace, named), meet(db, workspace, joined));
            let known = meet(db, workspace, base).await;
            assert_eq!((known.name.as_deref(), known.lid), (Some("Ann"), Some(lid)));
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_was_met_twice_is_found_as_both() -> anyhow::Result<()> {
    for_each_database(async |db| {
        let workspace = seed::workspace(&mut db.pool().get().await?).await;
        let (number, lid) = (meet(db, workspace, by_phone()).await, meet(db, workspace, by_lid()).await);
        let joined = NewContact { lid: by_lid().lid, ..by_phone() };
        assert_eq!(meet(db, workspace, joined.clone()).await.id, number.id, "the one with the number");
        let mut conn = db.pool().get().await?;
        let both: Vec<_> = list_by_address(&mut conn, workspace, &joined).await?;
        assert_eq!(both.iter().map(|row| row.id).collect::<Vec<_>>(), [number.id, lid.id]);
        Ok(())
    })
    .await
}
