//! Files of workspaces: stored by tenants to be sent, or by nodes when they came with a message.
//!
//! A row says what a file is, the media store has its bytes under the workspace and their hash. Rows with the same bytes share them. Whoever changes
//! which bytes are there holds the workspace's lock meanwhile, so that nobody deletes what another is about to point to. A crash in between
//! leaves bytes without a row, never a row without bytes.

mod content;
mod create;
mod delete;
mod kind;
mod node;

pub use content::{Content, content, get};
pub use create::{NewFile, begin, create};
pub use delete::delete;
pub use node::{fetch, offer, put};

pub(crate) use content::find_stored;
