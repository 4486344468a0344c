//! Reading and building stanzas: the few shapes that every namespace uses.

use whatsapp_rust::Jid;
use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::node::{Node, NodeContent};

/// The server's own address.
pub(crate) const SERVER: &str = "s.whatsapp.net";

/// An attribute as text.
pub(crate) fn attr(node: &Node, key: &str) -> Option<String> {
    node.attrs.get(key).map(|value| value.as_str().into_owned())
}

/// An attribute as text; empty when it is missing.
pub(crate) fn attr_or_empty(node: &Node, key: &str) -> String {
    attr(node, key).unwrap_or_default()
}

/// An attribute as an address.
pub(crate) fn jid_attr(node: &Node, key: &str) -> Option<Jid> {
    node.attrs.get(key).and_then(|value| value.to_jid())
}

/// The content of a leaf.
pub(crate) fn bytes(node: &Node) -> Vec<u8> {
    match &node.content {
        Some(NodeContent::Bytes(bytes)) => bytes.to_vec(),
        Some(NodeContent::String(text)) => text.as_bytes().to_vec(),
        _ => Vec::new(),
    }
}

/// The content of a child leaf; empty when there is none.
pub(crate) fn child_bytes(node: &Node, tag: &str) -> Vec<u8> {
    node.get_optional_child(tag).map(bytes).unwrap_or_default()
}

/// The children; empty for a leaf.
pub(crate) fn children(node: &Node) -> &[Node] {
    node.children().unwrap_or_default()
}

/// A big-endian number of at most four bytes, as key ids and registration ids are written.
pub(crate) fn number(bytes: &[u8]) -> u32 {
    bytes.iter().rev().take(4).rev().fold(0, |sum, byte| (sum << 8) | u32::from(*byte))
}

/// `<iq type="result">`.
pub(crate) fn result(id: &str, children: Vec<Node>) -> Node {
    NodeBuilder::new("iq")
        .attr("from", SERVER)
        .attr("id", id)
        .attr("type", "result")
        .children(children)
        .build()
}

/// `<iq type="error">`.
pub(crate) fn error(id: &str, code: u16, text: &str) -> Node {
    let error = NodeBuilder::new("error").attr("code", code).attr("text", text).build();
    NodeBuilder::new("iq").attr("from", SERVER).attr("id", id).attr("type", "error").children([error]).build()
}

/// `<stream:error code="…">`, after which the server closes the stream.
pub(crate) fn stream_error(code: u16) -> Node {
    NodeBuilder::new("stream:error").attr("code", code).build()
}

/// `<stream:error><conflict type="…"/></stream:error>`.
pub(crate) fn conflict(code: Option<u16>, kind: &'static str) -> Node {
    let conflict = NodeBuilder::new("conflict").attr("type", kind).build();
    let error = NodeBuilder::new("stream:error").children([conflict]);
    match code {
        Some(code) => error.attr("code", code).build(),
        None => error.build(),
    }
}

/// What a log line may say of a stanza: tag, kind and namespace, never an address or a body.
pub(crate) fn brief(node: &Node) -> String {
    let mut text = node.tag.to_string();
    for key in ["class", "type", "xmlns"] {
        if let Some(value) = attr(node, key) {
            text.push_str(&format!(" {key}={value}"));
        }
    }
    for child in children(node).iter().take(4) {
        text.push_str(&format!(" <{}>", child.tag));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_big_endian_and_never_overflow() {
        assert_eq!(number(&[]), 0);
        assert_eq!(number(&[1, 0]), 256);
        assert_eq!(number(&[9, 0xff, 0xff, 0xff, 0xff]), u32::MAX);
    }

    #[test]
    fn a_log_line_names_no_address_and_no_body() {
        let node = NodeBuilder::new("message")
            .attr("to", "15550000001@s.whatsapp.net")
            .attr("type", "text")
            .children([NodeBuilder::new("enc").bytes(b"secret".to_vec()).build()])
            .build();
        assert_eq!(brief(&node), "message type=text <enc>");
    }
}
