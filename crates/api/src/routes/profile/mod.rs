//! What others see of a number.

mod delete_picture;
mod get;
mod get_picture;
mod set_picture;
mod update;

pub(crate) use delete_picture::delete_profile_picture;
pub(crate) use get::get_profile;
pub(crate) use get_picture::get_profile_picture;
pub(crate) use set_picture::set_profile_picture;
pub(crate) use update::update_profile;
