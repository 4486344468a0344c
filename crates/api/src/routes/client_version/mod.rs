//! The version of WhatsApp Web that the fleet claims.

mod get;
mod set;
mod unset;

pub(crate) use get::get_client_version;
pub(crate) use set::set_client_version;
pub(crate) use unset::unset_client_version;
