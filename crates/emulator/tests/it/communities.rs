//! Communities: groups below a parent, and announcements that all of its members get.

use std::slice::from_ref;

use serde_json::json;
use tempfile::TempDir;
use whatsapp_rust::features::{
    CreateCommunityOptions, GroupCreateOptions, GroupParticipantOptions, GroupType, group_type,
};
use whatsapp_rust::prelude::*;

use crate::client::Baileys;
use crate::stage::{ANNA, BERT, CARL, Stage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_engine_makes_a_community_of_groups() {
    let stage = Stage::new().await;
    let anna = stage.link(ANNA).await;
    let bert = stage.link(BERT).await;
    let options = CreateCommunityOptions::new("Village");
    let community = anna.client.community().create(options).await.unwrap().metadata;
    assert_eq!(group_type(&community), GroupType::Community);
    let below = anna.client.community().get_subgroups(&community.id).await.unwrap();
    assert_eq!(below.len(), 2, "announcements and the general chat");
    let announcements = below.iter().find(|group| group.is_default_sub_group).unwrap().id.clone();

    let options = GroupCreateOptions {
        subject: "Choir".into(),
        participants: [BERT, CARL].map(|phone| GroupParticipantOptions::new(Jid::pn(phone))).to_vec(),
        ..Default::default()
    };
    let choir = anna.client.groups().create_group(options).await.unwrap().metadata.id;
    let linked = anna.client.community().link_subgroups(&community.id, from_ref(&choir)).await.unwrap();
    assert_eq!(linked.linked_jids, from_ref(&choir));
    let shown = anna.client.groups().get_metadata(&choir).await.unwrap();
    assert_eq!(shown.parent_group_jid, Some(community.id.clone()));
    let everybody = anna.client.community().get_linked_groups_participants(&community.id).await.unwrap();
    assert_eq!(everybody.len(), 3);

    // Who sings in the choir hears the announcements, and cannot announce.
    let sent = anna.send_to(&announcements, "the fair is on Sunday").await;
    assert_eq!(bert.message("the fair is on Sunday").await.id, sent);
    assert_eq!(stage.phone_has(CARL, &sent).await.body, "the fair is on Sunday");
    let refused = bert.send_to(&announcements, "no it is not").await;
    assert_eq!(bert.server_ack(&refused).await.as_deref(), Some("403"));

    let unlinked =
        anna.client.community().unlink_subgroups(&community.id, from_ref(&choir), false).await.unwrap();
    assert_eq!(unlinked.unlinked_jids, from_ref(&choir));
    anna.client.community().deactivate(&community.id).await.unwrap();
    assert!(anna.client.groups().get_metadata(&community.id).await.is_err());
    assert!(anna.client.groups().get_metadata(&choir).await.is_ok());
    stage.assert_all_answered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_independent_client_makes_a_community_of_groups() {
    let stage = Stage::new().await;
    let session = TempDir::new().unwrap();
    let mut anna = Baileys::link(&stage, ANNA, session.path()).await;
    let carl = stage.link(CARL).await;
    let community = anna.call("communityCreate", json!(["Town", "all of us"])).await;
    let id = community["id"].as_str().unwrap().to_owned();
    let group =
        anna.call("communityCreateGroup", json!(["Chess", [format!("{BERT}@s.whatsapp.net")], id])).await;
    let chess = group["id"].as_str().unwrap();
    let linked = anna.call("communityFetchLinkedGroups", json!([id])).await;
    let names: Vec<&str> = linked["linkedGroups"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|group| group["subject"].as_str())
        .collect();
    assert_eq!(
        (linked["isCommunity"].as_bool(), names.len(), names.contains(&"Chess")),
        (Some(true), 3, true)
    );

    let code = anna.call("groupInviteCode", json!([chess])).await;
    carl.client.groups().join_with_invite_code(code.as_str().unwrap()).await.unwrap();
    let sub = stage.emulator.group(chess).await.unwrap();
    assert_eq!((sub.parent.as_deref(), sub.members.len()), (Some(id.as_str()), 3));
    let parent = stage.emulator.group(&id).await.unwrap();
    assert!(parent.members.iter().any(|member| member.phone == CARL), "{parent:?}");
    anna.call("communityUnlinkGroup", json!([chess, id])).await;
    assert_eq!(stage.emulator.group(chess).await.unwrap().parent, None);
    stage.assert_all_answered().await;
}
