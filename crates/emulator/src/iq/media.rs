//! `w:m`: where media is uploaded to and fetched from: the emulator's own HTTP listener.

use whatsapp_rust::wacore::iq::mediaconn::{HostType, MediaConnHostExtended, MediaConnResponseExtended};
use whatsapp_rust::wacore::protocol::ProtocolNode as _;

use super::{Answer, Request};

/// Seconds that the answer holds.
const TTL: u64 = 3600;

pub(super) fn answer(request: &Request<'_>) -> Answer {
    if request.operation_tag() != "media_conn" {
        return Answer::Unknown;
    }
    let mut host = MediaConnHostExtended::simple(request.server.media_host.clone(), HostType::Primary);
    host.upload = true;
    host.download = true;
    Answer::Result(vec![MediaConnResponseExtended::mock("emulator".into(), TTL, vec![host]).into_node()])
}
