//! Progress, for whoever watches: never worth ending anything for.

use std::io::{self, Write as _};

/// Prints a line to standard output. Nobody may read it any more; what runs runs on.
pub(crate) fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
