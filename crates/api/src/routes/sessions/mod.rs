//! Sessions: the linked-device logins of accounts.

mod get;
mod list;
mod logout;
mod pairing_code;
mod qr;
mod restart;
mod start;
mod stop;

pub(crate) use get::get_session;
pub(crate) use list::list_sessions;
pub(crate) use logout::logout_session;
pub(crate) use pairing_code::create_pairing_code;
pub(crate) use qr::get_session_qr;
pub(crate) use restart::restart_session;
pub(crate) use start::start_session;
pub(crate) use stop::stop_session;
