//! An emulator with phones, and waiting for what its phones see.

use blazz_emulator::{DeviceInfo, Emulator, EmulatorConfig, PhoneMessage};

use crate::companion::{Companion, PATIENCE};

pub(crate) const ANNA: &str = "15550000001";
pub(crate) const BERT: &str = "15550000002";
pub(crate) const CARL: &str = "15550000003";

pub(crate) struct Stage {
    pub(crate) emulator: Emulator,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let _set_up_before = tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .with_test_writer()
            .try_init();
        let emulator = Emulator::start(EmulatorConfig::default()).await.unwrap();
        for (phone, name) in [(ANNA, "Anna"), (BERT, "Bert"), (CARL, "Carl")] {
            emulator.add_phone(phone, name).await.unwrap();
        }
        Self { emulator }
    }

    /// A new companion of a phone, scanned and connected.
    pub(crate) async fn link(&self, phone: &str) -> Companion {
        let companion = Companion::start(self.emulator.ws_url()).await;
        self.emulator.scan(phone, &companion.qr().await).await.unwrap();
        companion.connected().await;
        companion
    }

    pub(crate) async fn until<T>(&self, what: &str, mut check: impl AsyncFnMut() -> Option<T>) -> T {
        let waiting = async {
            loop {
                if let Some(value) = check().await {
                    return value;
                }
                tokio::task::yield_now().await;
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(value) => value,
            Err(_) => panic!("waited too long for {what}; stats {:?}", self.emulator.stats().await),
        }
    }

    /// The phone's copy of a message.
    pub(crate) async fn phone_has(&self, phone: &str, id: &str) -> PhoneMessage {
        self.until(&format!("message {id} on the phone"), async || {
            self.emulator.messages(phone).await.unwrap().into_iter().find(|message| message.id == id)
        })
        .await
    }

    pub(crate) async fn device(&self, phone: &str, check: impl Fn(&[DeviceInfo]) -> bool) -> Vec<DeviceInfo> {
        self.until("the devices", async || {
            let devices = self.emulator.devices(phone).await.unwrap();
            check(&devices).then_some(devices)
        })
        .await
    }

    /// Everything the engine asked was really answered.
    pub(crate) async fn assert_all_answered(&self) {
        assert_eq!(self.emulator.stats().await.unanswered, std::collections::BTreeMap::new());
    }
}
