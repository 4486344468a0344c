//! Files of `NAME=value` lines, as systemd and shells read them.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use blazz_program::Values;

/// The longest file, in bytes.
const MAX: u64 = 1 << 20;

/// Reads a file of `NAME=value` lines; what is empty or begins with `#` or `;` is a comment.
///
/// # Errors
/// When it cannot be read, or a line is none of these; the line's number is said, its text never.
pub(crate) fn read(path: &Path) -> anyhow::Result<Values> {
    let cannot = || format!("cannot read {}", path.display());
    let mut text = String::new();
    File::open(path).with_context(cannot)?.take(MAX).read_to_string(&mut text).with_context(cannot)?;
    parse(&text).with_context(|| path.display().to_string())
}

fn parse(text: &str) -> anyhow::Result<Values> {
    let mut values = Values::new();
    for (line, number) in text.lines().map(str::trim).zip(1..) {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        let Some((name, value)) = line.strip_prefix("export ").unwrap_or(line).split_once('=') else {
            bail!("line {number} is not NAME=value");
        };
        let is_name = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !is_name(name) || name.is_empty() {
            bail!("line {number} is not NAME=value");
        }
        values.insert(name.to_owned(), unquoted(value.trim()).to_owned());
    }
    Ok(values)
}

/// The text between quotation marks, if it stands between any.
fn unquoted(value: &str) -> &str {
    let inside = |mark: char| value.strip_prefix(mark)?.strip_suffix(mark);
    inside('"').or_else(|| inside('\'')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_systemd_and_shells_do() {
        let values = parse("# a\n; b\n\nA=1\nexport B=\"two words\"\nC='x=y'\nD=\n E = \n");
        assert!(values.is_err(), "a name holds no space");
        let values = parse("# a\n; b\n\nA=1\nexport B=\"two words\"\nC='x=y'\nD=\n").unwrap();
        let of = |name: &str| values.get(name).map(String::as_str);
        assert_eq!(
            (of("A"), of("B"), of("C"), of("D")),
            (Some("1"), Some("two words"), Some("x=y"), Some(""))
        );
    }

    #[test]
    fn a_line_that_is_none_is_named_and_not_shown() {
        let error = parse("A=1\nhunter2\n").unwrap_err().to_string();
        assert!(error.contains("line 2") && !error.contains("hunter2"), "{error}");
    }
}
