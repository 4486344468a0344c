//! Cursor pages.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The most rows one page may hold.
pub const MAX_LIMIT: u32 = 200;
/// The rows of a page when the caller names no limit.
pub const DEFAULT_LIMIT: u32 = 50;

/// One page of a list, and where the next one starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The rows of this page.
    pub data: Vec<T>,
    /// Pass it as `after` to get the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// The same page with every row turned into something else.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Page<U> {
        Page { data: self.data.into_iter().map(f).collect(), next: self.next }
    }
}
