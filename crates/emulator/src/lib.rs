//! The server side of WhatsApp Web with scripted phones: real protocol, real cryptography, on loopback only.
//!
//! Clients connect to [`Emulator::ws_url`]; phones are scripted by the methods of [`Emulator`] or over the admin API
//! (`docs/emulator.md`). All state is in memory: when the process ends, its phones are gone, and companions that were
//! linked to them get 401 from the next one.

mod account;
mod admin;
mod app_state;
mod blocking;
mod certificates;
mod chat;
mod chatstate;
mod compose;
mod config;
mod connection;
mod contact;
mod delivery;
#[cfg(feature = "bench")]
pub mod direct;
mod dispatch;
mod emulator;
mod entropy;
mod error;
mod fanout;
mod faults;
mod groups;
mod iq;
mod link_code;
mod login;
mod media;
mod messages;
mod newsletters;
mod noise;
mod notifications;
mod pairing;
mod phone;
mod prekeys;
mod presence;
mod privacy;
mod profile;
mod receipts;
mod removal;
mod script;
mod server;
mod socket;
mod sockets;
mod stanza;
mod stats;
mod status;
mod usync;
mod version;

pub use app_state::{PhoneSetting, SettingChange};
pub use compose::{Content, ContentKind, FileToSend, Image, ReactionTo};
pub use config::{EmulatorConfig, SETTINGS};
pub use contact::{Activity, Availability};
pub use emulator::Emulator;
pub use error::EmulatorError;
pub use faults::{Fault, FaultRequest};
pub use groups::{GroupAction, GroupChange, GroupInfo, GroupMember, NewGroup, Role};
pub use phone::{
    Attachment, PastMessage, PhoneMessage, PhoneReceipt, PhoneSignal, Reaction, ReceiptKind, Times,
};
pub use profile::PhoneChange;
pub use script::{DeviceInfo, PhoneInfo};
pub use sockets::{LateStanza, SocketInfo, SocketLog};
pub use stats::{Overlap, StatsSnapshot};
pub use version::{VersionChange, VersionInfo};
