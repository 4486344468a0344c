//! A QR code drawn with the characters of a terminal: two modules above one another make one character.

use anyhow::Context as _;
use qrcode::{Color, EcLevel, QrCode};

/// Light modules around the code. The standard asks for four; phones read codes with two, and rows of a terminal are dear.
const QUIET: usize = 2;
/// White ink on black, whatever colours the terminal has.
const COLOURS: (&str, &str) = ("\x1b[97;40m", "\x1b[0m");

/// The code, a line for each two rows of it. Light modules are inked, as it is right on a dark terminal; with `colours` on any.
///
/// # Errors
/// When the text is longer than a QR code can carry.
pub(crate) fn draw(text: &str, colours: bool) -> anyhow::Result<String> {
    let code =
        QrCode::with_error_correction_level(text, EcLevel::L).context("the code is too long to draw")?;
    let (width, modules) = (code.width(), code.to_colors());
    let side = width + 2 * QUIET;
    let is_light = |x: usize, y: usize| {
        let inside = x.checked_sub(QUIET).zip(y.checked_sub(QUIET)).filter(|(x, y)| *x < width && *y < width);
        inside.is_none_or(|(x, y)| modules.get(y * width + x) != Some(&Color::Dark))
    };
    let line = |y: usize| {
        let inked: String =
            (0..side).map(|x| character(is_light(x, y), y + 1 < side && is_light(x, y + 1))).collect();
        if colours { format!("{}{inked}{}", COLOURS.0, COLOURS.1) } else { inked }
    };
    Ok((0..side).step_by(2).map(line).collect::<Vec<_>>().join("\n"))
}

const fn character(upper: bool, lower: bool) -> char {
    match (upper, lower) {
        (true, true) => '█',
        (true, false) => '▀',
        (false, true) => '▄',
        (false, false) => ' ',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The inked modules of a picture, row by row.
    fn rows(picture: &str) -> Vec<Vec<bool>> {
        let inked = |line: &str, upper: bool| {
            let is_inked = move |c: char| c == '█' || c == if upper { '▀' } else { '▄' };
            line.chars().map(is_inked).collect::<Vec<_>>()
        };
        picture.lines().flat_map(|line| [inked(line, true), inked(line, false)]).collect()
    }

    #[test]
    fn every_module_is_drawn_where_it_belongs() {
        for text in ["2@abc", &"2@ref,noise,identity,adv".repeat(9)] {
            let code = QrCode::with_error_correction_level(text, EcLevel::L).unwrap();
            let rows = rows(&draw(text, false).unwrap());
            assert!(rows.iter().all(|row| row.len() == code.width() + 2 * QUIET));
            for y in 0..code.width() {
                for x in 0..code.width() {
                    assert_eq!(rows[y + QUIET][x + QUIET], code[(x, y)] == Color::Light, "{x},{y}");
                }
            }
            assert!(rows[0].iter().chain(&rows[1]).all(|inked| *inked), "the quiet zone");
        }
    }

    #[test]
    fn colours_change_no_character_and_too_much_text_is_refused() {
        let plain = draw("2@abc", false).unwrap();
        let coloured = draw("2@abc", true).unwrap();
        assert_eq!(coloured.replace(COLOURS.0, "").replace(COLOURS.1, ""), plain);
        assert!(draw(&"x".repeat(8000), true).is_err());
    }
}
