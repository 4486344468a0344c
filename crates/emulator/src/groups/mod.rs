//! Groups: their members and settings, who may change what, and who is told.
//!
//! Every group is LID-addressed, as new groups are: members appear by their LID, with the number beside it.

mod admit;
mod change;
pub(crate) mod community;
mod directory;
mod message;
mod node;
mod notify;
mod script;
mod state;

pub(crate) use admit::{Added, accept_request, add, cancel_requests, decide, join_by_code, leave, remove};
pub(crate) use change::{
    Description, Toggle, invite_code, set_description, set_mode, set_picture, set_role, set_subject,
};
pub(crate) use directory::{Creation, Groups, create};
pub(crate) use message::route;
pub(crate) use node::describe;
pub(crate) use notify::{audience, companions};
pub use script::{GroupAction, GroupChange, GroupInfo, GroupMember, NewGroup};
pub(crate) use script::{act, change, create_by_phone, find, info, join, list};
pub use state::Role;
pub(crate) use state::{Group, GroupState, Member};

/// The longest subject, in characters: WhatsApp's own limit.
pub(crate) const LONGEST_SUBJECT: usize = 100;
/// The longest description, in characters: WhatsApp's own limit.
pub(crate) const LONGEST_DESCRIPTION: usize = 2048;
/// Members of one group: WhatsApp's own limit.
pub(crate) const MOST_MEMBERS: usize = 1024;
/// Groups of one emulator.
const MOST_GROUPS: usize = 10_000;

/// Why the server refuses: the code of an answer, and its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal(pub(crate) u16, pub(crate) &'static str);

pub(crate) const FORBIDDEN: Refusal = Refusal(403, "forbidden");
pub(crate) const NOT_FOUND: Refusal = Refusal(404, "item-not-found");
pub(crate) const NOT_ACCEPTABLE: Refusal = Refusal(406, "not-acceptable");
pub(crate) const CONFLICT: Refusal = Refusal(409, "conflict");
pub(crate) const GONE: Refusal = Refusal(410, "gone");
