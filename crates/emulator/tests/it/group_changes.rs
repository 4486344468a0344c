//! Changes of groups, by the engine and by the independent client: everything that an admin may, and who sees it.

use blazz_emulator::{GroupChange, Role};
use serde_json::json;
use tempfile::TempDir;
use whatsapp_rust::features::{GroupCreateOptions, GroupParticipantOptions, PreviousDescription};
use whatsapp_rust::prelude::*;
use whatsapp_rust::wacore::iq::groups::{GroupDescription, GroupSubject};
use whatsapp_rust::wacore::stanza::groups::GroupNotificationAction;

use crate::client::Baileys;
use crate::groups::{action, lid, three};
use crate::stage::{ANNA, BERT, CARL, Stage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_engine_changes_everything_that_an_admin_may() {
    let stage = Stage::new().await;
    let anna = stage.link(ANNA).await;
    let bert = stage.link(BERT).await;
    let options = GroupCreateOptions {
        subject: "Old".into(),
        participants: vec![GroupParticipantOptions::new(Jid::pn(BERT))],
        ..Default::default()
    };
    let groups = anna.client.groups();
    let group = groups.create_group(options).await.unwrap().metadata.id;
    let name = group.to_string();

    groups.set_subject(&group, GroupSubject::new("New").unwrap()).await.unwrap();
    bert.group_update(
        "the subject",
        |action| matches!(action, GroupNotificationAction::Subject { subject, .. } if subject == "New"),
    )
    .await;
    let description = Some(GroupDescription::new("What it is for").unwrap());
    groups.set_description(&group, description, PreviousDescription::Absent).await.unwrap();
    groups.set_description(&group, None, PreviousDescription::Resolve).await.unwrap();
    let description = Some(GroupDescription::new("For fun").unwrap());
    groups.set_description(&group, description, PreviousDescription::Resolve).await.unwrap();
    groups.set_locked(&group, true).await.unwrap();
    groups.set_announce(&group, true).await.unwrap();
    bert.group_update("announce", |action| matches!(action, GroupNotificationAction::Announce)).await;
    let shown = stage.emulator.group(&name).await.unwrap();
    assert_eq!((shown.subject.as_str(), shown.description.as_deref()), ("New", Some("For fun")));
    assert!(shown.announce && shown.locked);

    // Bert is no admin: he may neither write nor rename it now.
    let refused = bert.send_to(&group, "may I?").await;
    assert_eq!(bert.server_ack(&refused).await.as_deref(), Some("403"));
    assert!(bert.client.groups().set_subject(&group, GroupSubject::new("Mine").unwrap()).await.is_err());
    groups.promote_participants(&group, &[Jid::pn(BERT)]).await.unwrap();
    bert.group_update("his promotion", |action| matches!(action, GroupNotificationAction::Promote { .. }))
        .await;
    let sent = bert.send_to(&group, "I may").await;
    assert_eq!(anna.message("I may").await.id, sent);
    groups.demote_participants(&group, &[Jid::pn(BERT)]).await.unwrap();

    let added = groups.add_participants(&group, &[Jid::pn(CARL), Jid::pn("15559999999")]).await.unwrap();
    assert_eq!(added.iter().map(|change| change.error.as_deref()).collect::<Vec<_>>(), [None, Some("404")]);
    let removed = groups.remove_participants(&group, &[Jid::pn(CARL)]).await.unwrap();
    assert!(removed[0].is_ok());

    let link = groups.get_invite_link(&group, false).await.unwrap();
    let code = link.rsplit('/').next().unwrap().to_owned();
    assert_eq!(stage.emulator.group(&name).await.unwrap().invite_code, code);
    let carl = stage.link(CARL).await;
    assert_eq!(carl.client.groups().get_invite_info(&code).await.unwrap().subject, "New");
    carl.client.groups().join_with_invite_code(&code).await.unwrap();
    let roles: Vec<Role> =
        stage.emulator.group(&name).await.unwrap().members.iter().map(|member| member.role).collect();
    assert_eq!(roles, [Role::SuperAdmin, Role::Member, Role::Member]);
    groups.get_invite_link(&group, true).await.unwrap();
    assert!(carl.client.groups().get_invite_info(&code).await.is_err(), "the old link holds no longer");
    carl.client.groups().leave(&group).await.unwrap();
    bert.group_update("Carl's leave", |action| matches!(action, GroupNotificationAction::Remove { .. }))
        .await;
    assert!(carl.client.groups().get_metadata(&group).await.is_err(), "it is no member");

    let all = bert.client.groups().get_participating().await.unwrap();
    assert_eq!(all.into_keys().collect::<Vec<_>>(), std::slice::from_ref(&group));
    stage.assert_all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_independent_client_changes_a_group_and_sees_what_others_change() {
    let stage = Stage::new().await;
    let session = TempDir::new().unwrap();
    let mut anna = Baileys::link(&stage, ANNA, session.path()).await;
    let bert = format!("{BERT}@s.whatsapp.net");
    let created = anna.call("groupCreate", json!(["Work", [bert]])).await;
    let name = created["id"].as_str().unwrap().to_owned();

    anna.call("groupUpdateSubject", json!([name, "Play"])).await;
    anna.report("groups.update", |groups| groups[0]["subject"] == "Play").await;
    anna.call("groupUpdateDescription", json!([name, "no work here"])).await;
    anna.call("groupSettingUpdate", json!([name, "announcement"])).await;
    anna.call("groupSettingUpdate", json!([name, "locked"])).await;
    anna.call("groupMemberAddMode", json!([name, "all_member_add"])).await;
    anna.call("groupJoinApprovalMode", json!([name, "on"])).await;
    anna.call("groupToggleEphemeral", json!([name, 86_400])).await;
    let shown = anna.call("groupMetadata", json!([name])).await;
    assert_eq!((&shown["subject"], &shown["desc"]), (&json!("Play"), &json!("no work here")));
    for set in ["announce", "restrict", "memberAddMode", "joinApprovalMode"] {
        assert_eq!(shown[set], true, "{set}: {shown}");
    }
    assert_eq!(shown["ephemeralDuration"], 86_400);

    let code = anna.call("groupInviteCode", json!([name])).await;
    assert_eq!(stage.emulator.group(&name).await.unwrap().invite_code, code.as_str().unwrap());
    let carl = stage.link(CARL).await;
    carl.client.groups().join_with_invite_code(code.as_str().unwrap()).await.unwrap();
    let waiting = anna.call("groupRequestParticipantsList", json!([name])).await;
    let approved =
        anna.call("groupRequestParticipantsUpdate", json!([name, [waiting[0]["jid"]], "approve"])).await;
    assert_eq!(approved[0]["status"], "200");
    carl.group_update("his way in", |action| matches!(action, GroupNotificationAction::Create { .. })).await;

    let promoted = anna.call("groupParticipantsUpdate", json!([name, [bert], "promote"])).await;
    assert_eq!(promoted[0]["status"], "200");
    let change = GroupChange { by: BERT.into(), subject: Some("By Bert".into()), ..GroupChange::default() };
    stage.emulator.change_group(&name, change).await.unwrap();
    anna.report("groups.update", |groups| groups[0]["subject"] == "By Bert").await;
    let removed = anna
        .call("groupParticipantsUpdate", json!([name, [format!("{CARL}@s.whatsapp.net")], "remove"]))
        .await;
    assert_eq!(removed[0]["status"], "200");
    let renewed = anna.call("groupRevokeInvite", json!([name])).await;
    assert_ne!(renewed, code);
    let all = anna.call("groupFetchAllParticipating", json!([])).await;
    assert_eq!(all[&name]["subject"], "By Bert");
    anna.call("groupLeave", json!([name])).await;
    let left: Vec<String> =
        stage.emulator.group(&name).await.unwrap().members.into_iter().map(|member| member.phone).collect();
    assert_eq!(left, [BERT]);
    stage.assert_all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_and_typing_in_a_group_are_seen_by_its_members() {
    let stage = Stage::new().await;
    let (group, anna) = three(&stage).await;
    let name = group.to_string();
    let session = TempDir::new().unwrap();
    let mut bert = Baileys::link(&stage, BERT, session.path()).await;
    let jpeg = vec![0xff, 0xd8, 0xff, 0xe0, 1, 2, 3];
    anna.client.groups().set_profile_picture(&group, jpeg).await.unwrap();
    let url = bert.call("profilePictureUrl", json!([name, "image"])).await;
    assert!(url.as_str().unwrap().contains("/v/t61.24694-24/"), "{url}");
    assert!(stage.emulator.group(&name).await.unwrap().picture.is_some());

    anna.client.chatstate().send_composing(&group).await.unwrap();
    stage
        .until("Anna's typing", async || {
            let signals = stage.emulator.signals(CARL).await.unwrap();
            signals.into_iter().find(|signal| {
                signal.from == ANNA
                    && signal.state == "composing"
                    && signal.group.as_deref() == Some(name.as_str())
            })
        })
        .await;
    let anna_types = |report: &serde_json::Value| {
        report["id"] == name.as_str() && report["presences"].to_string().contains("composing")
    };
    bert.report("presence.update", anna_types).await;
    stage.assert_all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_be_added_gets_an_invitation() {
    let stage = Stage::new().await;
    let (group, anna) = three(&stage).await;
    let name = group.to_string();
    stage.emulator.add_phone("15550000009", "Dora").await.unwrap();
    let change = serde_json::from_value(json!({ "privacy": { "groupadd": "contacts" } })).unwrap();
    stage.emulator.change_phone("15550000009", change).await.unwrap();
    stage.emulator.act_on_members(&name, action(BERT, "promote", &[ANNA])).await.unwrap();
    let added = anna.client.groups().add_participants(&group, &[Jid::pn("15550000009")]).await.unwrap();
    assert_eq!(added[0].error.as_deref(), Some("403"));
    let invitation = added[0].add_request.clone().unwrap();

    let dora = stage.link("15550000009").await;
    let admin = Jid::lid(lid(&stage, ANNA).await);
    let joined = dora
        .client
        .groups()
        .join_with_invite_v4(&group, &invitation.code, i64::try_from(invitation.expiration).unwrap(), &admin)
        .await;
    assert!(joined.is_ok(), "{joined:?}");
    assert_eq!(stage.emulator.group(&name).await.unwrap().members.len(), 4);
    stage.assert_all_answered().await;
}
