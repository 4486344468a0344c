//! How figures are printed: for people, for programs, for the docs.

use std::io::Write as _;

use anyhow::{Context as _, Result};
use clap::Args;
use serde::Serialize;

/// What is known of a figure before it is measured.
pub(crate) struct Figure {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its unit.
    pub(crate) unit: &'static str,
    /// What it ought to be, where somebody has said so.
    pub(crate) goal: Option<f64>,
}

/// A measured figure.
#[derive(Debug, Serialize)]
struct Measured {
    name: &'static str,
    value: f64,
    unit: &'static str,
    limit: Option<f64>,
    goal: Option<f64>,
}

/// How to print.
#[derive(Args, Debug, Clone, Copy)]
pub(crate) struct Form {
    /// One JSON object a line: `{"name","value","unit","limit","goal"}`.
    #[arg(long)]
    json: bool,
    /// A table for docs/benchmarks.md.
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
}

/// Prints figures as they come.
pub(crate) struct Report {
    figures: &'static [Figure],
    form: Form,
}

impl Report {
    /// A report of these figures.
    pub(crate) fn begin(figures: &'static [Figure], form: Form) -> Result<Self> {
        if form.markdown {
            print("| figure | value | unit | limit | goal |\n|---|---:|---|---:|---:|")?;
        } else if !form.json {
            print(&columns("figure", "value", "unit", "limit", "goal"))?;
        }
        Ok(Self { figures, form })
    }

    /// A measured value, and what is needed at the least where that is known.
    pub(crate) fn add(&self, name: &str, value: f64, limit: Option<f64>) -> Result<()> {
        let known = self.figures.iter().find(|figure| figure.name == name);
        let Figure { name, unit, goal } = known.with_context(|| format!("nobody knows the figure {name}"))?;
        let limit = limit.map(rounded);
        let measured = Measured { name, value: rounded(value), unit, limit, goal: *goal };
        print(&self.line(&measured)?)
    }

    fn line(&self, measured: &Measured) -> Result<String> {
        if self.form.json {
            return Ok(serde_json::to_string(measured)?);
        }
        let Measured { name, value, unit, .. } = measured;
        let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
        let (limit, goal) = (number(measured.limit), number(measured.goal));
        Ok(if self.form.markdown {
            format!("| `{name}` | {value} | {unit} | {limit} | {goal} |")
        } else {
            columns(name, &value.to_string(), unit, &limit, &goal)
        })
    }
}

fn columns(name: &str, value: &str, unit: &str, limit: &str, goal: &str) -> String {
    format!("{name:<38} {value:>10} {unit:<16} {limit:>10} {goal:>8}").trim_end().to_owned()
}

/// Four digits, or the whole number.
fn rounded(value: f64) -> f64 {
    let mut scale = 1.0;
    while value != 0.0 && scale < 1e6 && value.abs() * scale < 1000.0 {
        scale *= 10.0;
    }
    (value * scale).round() / scale
}

fn print(line: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// Tells whoever waits what is being done.
#[expect(clippy::print_stderr, reason = "progress is for people; figures go to standard output")]
pub(crate) fn say(what: &str) {
    eprintln!("bench: {what}");
}

#[cfg(test)]
mod tests {
    use super::*;

    static FIGURES: &[Figure] = &[Figure { name: "a.b", unit: "ms", goal: Some(30.0) }];

    fn line(json: bool, markdown: bool) -> String {
        let report = Report { figures: FIGURES, form: Form { json, markdown } };
        let measured = Measured { name: "a.b", value: 1.5, unit: "ms", limit: None, goal: Some(30.0) };
        report.line(&measured).unwrap()
    }

    #[test]
    fn a_figure_has_three_forms() {
        assert_eq!(line(true, false), r#"{"name":"a.b","value":1.5,"unit":"ms","limit":null,"goal":30.0}"#);
        assert_eq!(line(false, true), "| `a.b` | 1.5 | ms | - | 30 |");
        assert_eq!(
            line(false, false).split_whitespace().collect::<Vec<_>>(),
            ["a.b", "1.5", "ms", "-", "30"]
        );
    }

    #[test]
    fn unknown_figures_are_refused() {
        let report = Report { figures: FIGURES, form: Form { json: true, markdown: false } };
        assert!(report.add("a.c", 1.0, None).unwrap_err().to_string().contains("a.c"));
    }

    #[test]
    fn four_digits_are_kept() {
        let cases =
            [(0.0, 0.0), (1.23456, 1.235), (123.456, 123.5), (98765.4, 98765.0), (0.012_345, 0.01235)];
        for (value, kept) in cases {
            assert!((rounded(value) - kept).abs() < 1e-9, "{value} became {}", rounded(value));
        }
    }
}
