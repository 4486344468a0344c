//! Second sockets, removal on the phone, logout.

use blazz_emulator::EmulatorError;
use whatsapp_rust::prelude::*;

use crate::stage::{ANNA, Stage};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_socket_of_a_device_takes_the_first_ones_place() {
    let stage = Stage::new().await;
    let anna = stage.link(ANNA).await;
    stage.device(ANNA, |devices| devices[0].prekeys > 0).await;
    let twin = anna.twin().await;
    twin.connected().await;
    anna.wait("replaced", |event| matches!(event, Event::StreamReplaced(_)).then_some(())).await;
    stage.device(ANNA, |devices| devices[0].sockets == 1).await;
    assert!(stage.emulator.stats().await.overlaps.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removal_on_the_phone_logs_the_companion_out_for_good() {
    let stage = Stage::new().await;
    let mut anna = stage.link(ANNA).await;
    stage.device(ANNA, |devices| devices[0].prekeys > 0).await;
    stage.emulator.remove_device(ANNA, 1).await.unwrap();
    let was_connecting = anna
        .wait("logged out", |event| match event {
            Event::LoggedOut(logout) => Some(logout.on_connect),
            _ => None,
        })
        .await;
    assert!(!was_connecting);
    assert!(stage.emulator.devices(ANNA).await.unwrap().is_empty());
    assert_eq!(stage.emulator.remove_device(ANNA, 1).await, Err(EmulatorError::UnknownDevice));

    anna.restart().await;
    anna.wait("refused", |event| {
        matches!(event, Event::LoggedOut(logout) if logout.on_connect).then_some(())
    })
    .await;
    assert_eq!(stage.emulator.stats().await.refused_logins, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn removing_all_devices_removes_each_and_a_new_one_can_be_linked() {
    let stage = Stage::new().await;
    let first = stage.link(ANNA).await;
    let second = stage.link(ANNA).await;
    assert_eq!(stage.emulator.remove_devices(ANNA).await.unwrap(), 2);
    for companion in [first, second] {
        companion.wait("logged out", |event| matches!(event, Event::LoggedOut(_)).then_some(())).await;
    }
    let _third = stage.link(ANNA).await;
    assert_eq!(stage.emulator.devices(ANNA).await.unwrap()[0].device, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_companion_that_logs_out_is_forgotten() {
    let stage = Stage::new().await;
    let anna = stage.link(ANNA).await;
    anna.client.logout().await;
    stage.device(ANNA, |devices| devices.is_empty()).await;
    stage.assert_all_answered().await;
}
