//! The tables of a store. Their numbers never change.

/// Addresses → identity keys.
pub(super) const IDENTITIES: u8 = 1;
/// Addresses → Signal sessions.
pub(super) const SESSIONS: u8 = 2;
/// Ids → one-time prekeys; the stamp is the id.
pub(super) const PREKEYS: u8 = 3;
/// Ids → signed prekeys; the stamp is the id.
pub(super) const SIGNED_PREKEYS: u8 = 4;
/// Groups and senders → sender keys.
pub(super) const SENDER_KEYS: u8 = 5;
/// Ids → keys of the app state.
pub(super) const SYNC_KEYS: u8 = 6;
/// Collections → where their app state stands.
pub(super) const VERSIONS: u8 = 7;
/// Collections and index MACs → value MACs.
pub(super) const MUTATION_MACS: u8 = 8;
/// Groups → which devices have our sender key.
pub(super) const SENDER_KEY_DEVICES: u8 = 9;
/// LIDs → what is known of them.
pub(super) const LIDS: u8 = 10;
/// Phone numbers → their latest LID.
pub(super) const PHONES: u8 = 11;
/// Addresses and messages → base keys.
pub(super) const BASE_KEYS: u8 = 12;
/// Users → their devices.
pub(super) const DEVICE_LISTS: u8 = 13;
/// Groups → what the engine remembers of them.
pub(super) const GROUPS: u8 = 14;
/// Contacts → their privacy tokens.
pub(super) const TC_TOKENS: u8 = 15;
/// Chats and ids → messages that were sent; the stamp is when.
pub(super) const SENT_MESSAGES: u8 = 16;
/// Chats, senders and ids → messages that nobody has taken yet; the stamp is since when.
pub(super) const PENDING_INBOUND: u8 = 17;
/// Chats, senders and ids → message secrets; the stamp is until when.
pub(super) const MESSAGE_SECRETS: u8 = 18;
/// What there is one of.
pub(super) const SINGLES: u8 = 19;

/// The device.
pub(super) const DEVICE: &[u8] = b"device";
/// The id of the key of the app state that came last.
pub(super) const LATEST_SYNC_KEY: &[u8] = b"latest sync key";
