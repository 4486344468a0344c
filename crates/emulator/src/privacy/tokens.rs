//! Trusted-contact tokens: an account issues one to a contact, who shows it when it writes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use whatsapp_rust::wacore::iq::tctoken::{TcTokenConfig, is_tc_token_expired_with_at};
use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::node::Node;

use crate::account::Account;
use crate::delivery;
use crate::notifications::notification;
use crate::server::Server;
use crate::stanza::child_bytes;

/// Tokens of one contact that are good at the same time: a newer one may still be under way.
const MOST_OF_ONE: usize = 4;

/// The tokens that an account issued, by the contact's number.
#[derive(Default)]
pub(crate) struct Tokens {
    by_contact: BTreeMap<String, VecDeque<Token>>,
}

struct Token {
    bytes: Vec<u8>,
    /// In seconds since 1970.
    issued_at: i64,
}

impl Tokens {
    fn keep(&mut self, contact: &str, token: Token) {
        let tokens = self.by_contact.entry(contact.to_owned()).or_default();
        if tokens.len() >= MOST_OF_ONE {
            tokens.pop_front();
        }
        tokens.push_back(token);
    }

    fn accept(&self, contact: &str, shown: &[u8], now: i64) -> bool {
        let config = TcTokenConfig::default();
        self.by_contact
            .get(contact)
            .into_iter()
            .flatten()
            .any(|token| token.bytes == shown && !is_tc_token_expired_with_at(token.issued_at, &config, now))
    }
}

/// `account` trusts `contact`, whose companions get a token dated `at` (seconds since 1970).
pub(crate) fn issue(server: &Server, account: &Arc<Account>, contact: &Arc<Account>, at: i64) {
    if account.number == contact.number {
        return;
    }
    let bytes = blazz_domain::random::bytes::<16>().to_vec();
    account.state().tokens.keep(&contact.number, Token { bytes: bytes.clone(), issued_at: at });
    let token = NodeBuilder::new("token").attr("type", "trusted_contact").attr("t", at).bytes(bytes).build();
    let stanza = notification(server, "privacy_token")
        .attr("from", account.number_jid(0))
        .attr("sender_lid", account.lid_jid(0))
        .children([NodeBuilder::new("tokens").children([token]).build()])
        .build();
    delivery::deliver_to_own(contact, 0, &stanza);
}

/// Does `recipient` take this message of `sender`? One that refuses strangers wants a token, or to have written to them.
pub(crate) fn trusts(server: &Server, recipient: &Account, sender: &Account, message: &Node) -> bool {
    let state = recipient.state();
    let is_known = recipient.number == sender.number || state.contacts.contains(&sender.number);
    if !state.refuses_strangers || is_known {
        return true;
    }
    state.tokens.accept(&sender.number, &child_bytes(message, "tctoken"), server.seconds())
}
