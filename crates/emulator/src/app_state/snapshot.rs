//! `<snapshot>`: a whole collection as a file on the media host.

use whatsapp_rust::buffa::Message as _;
use whatsapp_rust::wacore::download::MediaType;
use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::node::Node;
use whatsapp_rust::waproto::whatsapp as wa;

use super::collection::Collection;
use crate::phone::attachment;
use crate::server::Server;

/// The snapshot's element; `None` when the collection is empty, or the media host is full.
pub(super) fn build(server: &Server, collection: &Collection) -> Option<Node> {
    let plain = collection.snapshot()?.encode_to_vec();
    let uploaded = attachment::seal(&server.media, &plain, MediaType::AppState).ok()?;
    let reference = wa::ExternalBlobReference {
        media_key: Some(uploaded.media_key),
        direct_path: Some(uploaded.direct_path),
        file_size_bytes: u64::try_from(plain.len()).ok(),
        file_sha256: Some(uploaded.file_sha256),
        file_enc_sha256: Some(uploaded.file_enc_sha256),
        ..Default::default()
    };
    Some(NodeBuilder::new("snapshot").bytes(reference.encode_to_vec()).build())
}
