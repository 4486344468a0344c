//! What others see of an account.

use blazz_domain::ProfileChange;
use blazz_whatsapp::ProfileError;

use crate::stage::{ANNA, Stage, until};

const JPEG: [u8; 6] = [0xff, 0xd8, 0xff, 0xe0, 1, 2];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn name_and_about_are_changed_at_whatsapp_and_read_from_there() {
    let stage = Stage::new().await;
    let session = stage.linked().await;
    let change = ProfileChange { name: Some("Acme".into()), about: Some("open till five".into()) };
    session.change_profile(change).await.unwrap();
    until("the phone to know", async || {
        let phones = stage.emulator.phones().await;
        let anna = phones.into_iter().find(|phone| phone.phone == ANNA)?;
        (anna.name == "Acme" && anna.about == "open till five").then_some(())
    })
    .await;
    let profile = session.profile().await.unwrap();
    assert_eq!((profile.name.as_deref(), profile.about.as_deref()), (Some("Acme"), Some("open till five")));
    session.change_profile(ProfileChange { name: None, about: Some(String::new()) }).await.unwrap();
    let profile = session.profile().await.unwrap();
    assert_eq!((profile.name.as_deref(), profile.about), (Some("Acme"), None));
    stage.close(session).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_is_set_shown_and_taken_away() {
    let stage = Stage::new().await;
    let session = stage.linked().await;
    assert_eq!(session.picture().await, Err(ProfileError::NoPicture));
    session.set_picture(JPEG.to_vec()).await.unwrap();
    assert_eq!(session.picture().await.unwrap(), JPEG);
    let refused = session.set_picture(b"GIF89a".to_vec()).await;
    assert_eq!(refused, Err(ProfileError::Refused(406)));
    for _ in 0..2 {
        session.set_picture(Vec::new()).await.unwrap();
        assert_eq!(session.picture().await, Err(ProfileError::NoPicture));
    }
    session.stop().await;
    assert_eq!(session.profile().await, Err(ProfileError::NotConnected));
    stage.close(session).await;
}
