//! What is shown while a number is being linked.

use std::io::{IsTerminal as _, Write as _, stdout};

/// Standard output, and what stands on it.
#[derive(Debug)]
pub(crate) struct Screen {
    is_terminal: bool,
    wants_json: bool,
    /// How many lines the last drawing has, when nothing was said since.
    drawn: usize,
    /// What was noted last: it is said once.
    noted: Option<String>,
}

impl Screen {
    /// For people, or for a program that reads JSON.
    pub(crate) fn new(wants_json: bool) -> Self {
        Self { is_terminal: stdout().is_terminal(), wants_json, drawn: 0, noted: None }
    }

    /// Whether somebody looks at it.
    pub(crate) const fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Whether a program reads it.
    pub(crate) const fn wants_json(&self) -> bool {
        self.wants_json
    }

    /// Draws, in the place of the last drawing.
    pub(crate) fn draw(&mut self, text: &str) {
        let back = if self.is_terminal && self.drawn > 0 {
            format!("\x1b[{}A\x1b[J", self.drawn)
        } else {
            String::new()
        };
        print(&format!("{back}{text}"));
        self.drawn = text.lines().count();
        self.noted = None;
    }

    /// Says something that stays.
    pub(crate) fn say(&mut self, text: &str) {
        if !self.wants_json {
            print(text);
        }
        self.drawn = 0;
    }

    /// Says it, unless it was the last thing to be noted.
    pub(crate) fn note(&mut self, text: &str) {
        if self.noted.as_deref() != Some(text) {
            self.noted = Some(text.to_owned());
            self.say(text);
        }
    }
}

/// Nobody may read it any more; what is being done is done all the same.
fn print(text: &str) {
    let mut out = stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
