//! Files.

mod content;
mod create;
mod delete;
mod get;

pub(crate) use content::get_media_content;
pub(crate) use create::create_media;
pub(crate) use delete::delete_media;
pub(crate) use get::get_media;
