//! The certificate chain behind the server's Noise key: root, intermediate, leaf.
//!
//! The root is the emulator's own and new at every start. A client that checks chains takes it only when it was told this root;
//! one that holds WhatsApp's root, as every production build of Blazz does, refuses it.

use anyhow::Result;
use whatsapp_rust::buffa::{Message as _, MessageField};
use whatsapp_rust::wacore::libsignal::protocol::KeyPair;
use whatsapp_rust::waproto::whatsapp::CertChain;
use whatsapp_rust::waproto::whatsapp::cert_chain::NoiseCertificate;
use whatsapp_rust::waproto::whatsapp::cert_chain::noise_certificate::Details;

use crate::entropy;
use crate::noise::public_key;

/// The serial that clients expect of the root.
const ROOT_SERIAL: u32 = 0;
const INTERMEDIATE_SERIAL: u32 = 1;
const LEAF_SERIAL: u32 = 2;
/// Seconds since 1970 (November 2023 and November 2061): the emulator's clock may be a test's.
const NOT_BEFORE: u64 = 1_700_000_000;
const NOT_AFTER: u64 = 2_900_000_000;

/// A chain as the handshake carries it, and the key that vouches for it.
pub(crate) struct Chain {
    pub(crate) encoded: Vec<u8>,
    pub(crate) root: [u8; 32],
}

/// Signs a chain for the server's static key with a new root.
pub(crate) fn issue(server: &[u8; 32]) -> Result<Chain> {
    let root = KeyPair::generate(&mut entropy::generator());
    let between = KeyPair::generate(&mut entropy::generator());
    let intermediate = certificate(INTERMEDIATE_SERIAL, ROOT_SERIAL, &public_key(&between)?, &root)?;
    let leaf = certificate(LEAF_SERIAL, INTERMEDIATE_SERIAL, server, &between)?;
    let chain = CertChain { leaf: MessageField::some(leaf), intermediate: MessageField::some(intermediate) };
    Ok(Chain { encoded: chain.encode_to_vec(), root: public_key(&root)? })
}

fn certificate(serial: u32, issuer: u32, key: &[u8; 32], signer: &KeyPair) -> Result<NoiseCertificate> {
    let details = Details {
        serial: Some(serial),
        issuer_serial: Some(issuer),
        key: Some(key.to_vec()),
        not_before: Some(NOT_BEFORE),
        not_after: Some(NOT_AFTER),
    }
    .encode_to_vec();
    let signature = signer.private_key.calculate_signature(&details, &mut entropy::generator())?;
    Ok(NoiseCertificate { details: Some(details), signature: Some(signature.to_vec()) })
}

#[cfg(test)]
mod tests {
    use whatsapp_rust::wacore::libsignal::protocol::PublicKey;

    use super::*;

    fn vouches(signer: &[u8], certificate: &NoiseCertificate) -> bool {
        let signer = PublicKey::from_djb_public_key_bytes(signer).unwrap();
        signer.verify_signature(
            certificate.details.as_deref().unwrap(),
            certificate.signature.as_deref().unwrap(),
        )
    }

    fn details(certificate: &NoiseCertificate) -> Details {
        Details::decode_from_slice(certificate.details.as_deref().unwrap()).unwrap()
    }

    #[test]
    fn the_root_vouches_for_the_intermediate_and_that_for_the_servers_key() {
        let chain = issue(&[7; 32]).unwrap();
        let decoded = CertChain::decode_from_slice(&chain.encoded).unwrap();
        let (leaf, between) = (decoded.leaf.as_option().unwrap(), decoded.intermediate.as_option().unwrap());
        assert!(vouches(&chain.root, between));
        assert!(vouches(&details(between).key.unwrap(), leaf));
        assert_eq!(details(leaf).key.unwrap(), [7; 32]);
        assert_eq!(details(leaf).issuer_serial, details(between).serial);
        assert_eq!(details(between).issuer_serial, Some(ROOT_SERIAL));
    }

    #[test]
    fn another_emulators_root_does_not_vouch_for_it() {
        let chain = issue(&[7; 32]).unwrap();
        let decoded = CertChain::decode_from_slice(&chain.encoded).unwrap();
        let other = issue(&[7; 32]).unwrap();
        assert!(!vouches(&other.root, decoded.intermediate.as_option().unwrap()));
    }
}
