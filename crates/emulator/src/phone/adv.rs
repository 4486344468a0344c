//! The account's identity key, and what it signs: companions (ADV) and the list of valid ones.

use anyhow::{Context as _, Result};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use whatsapp_rust::buffa::Message as _;
use whatsapp_rust::wacore::libsignal::protocol::KeyPair;
use whatsapp_rust::wacore::pair::PairUtils;
use whatsapp_rust::waproto::whatsapp as wa;

use crate::account::DeviceKeys;
use crate::entropy;

/// What a companion's ADV signature covers begins so: E2EE, device identity.
const IDENTITY_PREFIX: [u8; 2] = [6, 0];
/// What the signature of a key index list covers begins so.
const KEY_INDEX_PREFIX: [u8; 2] = [6, 2];
const SIGNED_PREKEY_ID: u32 = 1;

/// A companion's QR code, read.
pub(crate) struct ScannedQr {
    pub(crate) reference: String,
    pub(crate) identity_public: [u8; 32],
    pub(crate) noise_public: [u8; 32],
    pub(crate) adv_secret: Vec<u8>,
}

/// Reads the text of a QR code: `ref,noise key,identity key,ADV secret[,…]`, behind an optional link and `#`.
pub(crate) fn read_qr(text: &str) -> Result<ScannedQr> {
    anyhow::ensure!(text.len() <= 4096, "a QR code holds less than that");
    let (reference, noise_public, identity_public) = PairUtils::parse_qr_code(text.trim())?;
    let fields = text.trim().rsplit('#').next().unwrap_or(text);
    let secret = fields.split(',').nth(3).context("no ADV secret")?;
    Ok(ScannedQr { reference, identity_public, noise_public, adv_secret: BASE64_STANDARD.decode(secret)? })
}

/// The keys of a primary phone.
pub(crate) struct PhoneKeys {
    pub(crate) identity: KeyPair,
    pub(crate) registration_id: u32,
    pub(crate) signed_prekey: KeyPair,
    pub(crate) signed_prekey_signature: Vec<u8>,
    /// Chosen once per account; companions compare it.
    raw_id: u32,
}

impl PhoneKeys {
    pub(crate) fn generate() -> Result<Self> {
        let mut generator = entropy::generator();
        let identity = KeyPair::generate(&mut generator);
        let signed_prekey = KeyPair::generate(&mut generator);
        let signature = identity
            .private_key
            .calculate_signature(&signed_prekey.public_key.serialize(), &mut generator)?;
        Ok(Self {
            identity,
            registration_id: u32::from_be_bytes(blazz_domain::random::bytes()) & 0x3fff,
            signed_prekey,
            signed_prekey_signature: signature.to_vec(),
            raw_id: u32::from_be_bytes(blazz_domain::random::bytes()),
        })
    }

    pub(crate) fn raw_id(&self) -> u32 {
        self.raw_id
    }

    pub(crate) fn signed_prekey_id(&self) -> u32 {
        SIGNED_PREKEY_ID
    }

    /// What the phone publishes. It publishes no one-time keys.
    pub(crate) fn published(&self) -> DeviceKeys {
        DeviceKeys {
            registration_id: self.registration_id,
            identity: self.identity.public_key.public_key_bytes().to_vec(),
            signed_prekey_id: SIGNED_PREKEY_ID,
            signed_prekey: self.signed_prekey.public_key.public_key_bytes().to_vec(),
            signed_prekey_signature: self.signed_prekey_signature.clone(),
            name: String::new(),
        }
    }

    /// After a scan: the companion's identity, signed by the account and sealed with the QR's secret.
    pub(crate) fn vouch_for(&self, scanned: &ScannedQr, key_index: u32, now: i64) -> Result<Vec<u8>> {
        let details = wa::ADVDeviceIdentity {
            raw_id: Some(self.raw_id),
            timestamp: Some(u64::try_from(now)?),
            key_index: Some(key_index),
            account_type: Some(wa::ADVEncryptionType::E2EE),
            device_type: Some(wa::ADVEncryptionType::E2EE),
        }
        .encode_to_vec();
        let signature = self.sign(&[&IDENTITY_PREFIX[..], &details, &scanned.identity_public].concat())?;
        let signed = wa::ADVSignedDeviceIdentity {
            details: Some(details),
            account_signature_key: Some(self.identity_public()),
            account_signature: Some(signature),
            device_signature: None,
        }
        .encode_to_vec();
        let mut mac = <Hmac<Sha256>>::new_from_slice(&scanned.adv_secret)?;
        mac.update(&signed);
        Ok(wa::ADVSignedDeviceIdentityHMAC {
            details: Some(signed),
            hmac: Some(mac.finalize().into_bytes().to_vec()),
            account_type: None,
        }
        .encode_to_vec())
    }

    /// The signed list of companions that are valid now.
    pub(crate) fn key_index_list(&self, valid: &[u32], now: i64) -> Result<Vec<u8>> {
        let details = wa::ADVKeyIndexList {
            raw_id: Some(self.raw_id),
            timestamp: Some(u64::try_from(now)?),
            current_index: Some(valid.iter().copied().max().unwrap_or(0)),
            valid_indexes: valid.to_vec(),
            ..Default::default()
        }
        .encode_to_vec();
        let signature = self.sign(&[&KEY_INDEX_PREFIX[..], &details].concat())?;
        Ok(wa::ADVSignedKeyIndexList {
            details: Some(details),
            account_signature: Some(signature),
            account_signature_key: Some(self.identity_public()),
        }
        .encode_to_vec())
    }

    /// The identity key that the account is known by, 32 bytes.
    pub(crate) fn identity_public(&self) -> Vec<u8> {
        self.identity.public_key.public_key_bytes().to_vec()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        Ok(self.identity.private_key.calculate_signature(message, &mut entropy::generator())?.to_vec())
    }
}
