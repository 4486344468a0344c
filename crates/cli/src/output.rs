//! What the command prints: JSON for programs, aligned columns for people.

use std::io::{self, Write as _};

use serde_json::Value;

/// Prints `value` as indented JSON.
///
/// # Errors
/// When standard output is gone.
pub(crate) fn json(value: &Value) -> anyhow::Result<()> {
    line(&serde_json::to_string_pretty(value)?)
}

/// Prints `value` as JSON on one line.
///
/// # Errors
/// When standard output is gone.
pub(crate) fn compact(value: &Value) -> anyhow::Result<()> {
    line(&value.to_string())
}

/// Prints what came of a command: `value` for programs, `text` for people.
///
/// # Errors
/// When standard output is gone.
pub(crate) fn outcome(wants_json: bool, text: &str, value: &Value) -> anyhow::Result<()> {
    if wants_json { json(value) } else { line(text) }
}

/// Prints one line.
///
/// # Errors
/// When standard output is gone.
pub(crate) fn line(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

/// Prints the rows' `columns`, aligned, below a heading.
///
/// # Errors
/// When standard output is gone.
pub(crate) fn table(rows: &[Value], columns: &[&str]) -> anyhow::Result<()> {
    let cell = |row: &Value, column: &str| match row.get(column) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let cells: Vec<Vec<String>> = std::iter::once(columns.iter().map(|c| c.to_uppercase()).collect())
        .chain(rows.iter().map(|row| columns.iter().map(|column| cell(row, column)).collect()))
        .collect();
    let width =
        |at: usize| cells.iter().filter_map(|row| row.get(at)).map(|c| c.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    for row in &cells {
        let padded: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        line(padded.join("  ").trim_end())?;
    }
    Ok(())
}
