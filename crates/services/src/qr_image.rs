//! QR codes as pictures.

use blazz_domain::{ErrorCode, QrCode};
use qrcode::render::svg;
use qrcode::{Color, EcLevel};

use crate::error::ServiceError;

/// Pixels per module of a PNG.
const SCALE: usize = 8;
/// Light modules around the code. Source: ISO/IEC 18004, quiet zone of four modules.
const QUIET: usize = 4;

/// The code as a black and white PNG with its quiet zone.
///
/// # Errors
/// When the text is longer than a QR code can carry.
pub fn png(code: &QrCode) -> Result<Vec<u8>, ServiceError> {
    let modules = modules(code)?;
    let side = (modules.width() + 2 * QUIET) * SCALE;
    let pixels = grey_rows(&modules, side);
    write_png(side, &pixels).map_err(ServiceError::Internal)
}

/// The code as an SVG document with its quiet zone.
///
/// # Errors
/// When the text is longer than a QR code can carry.
pub fn svg(code: &QrCode) -> Result<String, ServiceError> {
    Ok(modules(code)?.render::<svg::Color<'_>>().min_dimensions(256, 256).quiet_zone(true).build())
}

fn modules(code: &QrCode) -> Result<qrcode::QrCode, ServiceError> {
    qrcode::QrCode::with_error_correction_level(&code.text, EcLevel::L).map_err(|_| {
        ServiceError::refused(ErrorCode::QrNotAvailable, "the code's text is too long for a picture")
    })
}

fn grey_rows(modules: &qrcode::QrCode, side: usize) -> Vec<u8> {
    let width = modules.width();
    let colors = modules.to_colors();
    let dark = |x: usize, y: usize| {
        let (Some(x), Some(y)) = ((x / SCALE).checked_sub(QUIET), (y / SCALE).checked_sub(QUIET)) else {
            return false;
        };
        x < width && y < width && colors.get(y * width + x) == Some(&Color::Dark)
    };
    (0..side * side).map(|at| if dark(at % side, at / side) { 0 } else { 255 }).collect()
}

fn write_png(side: usize, pixels: &[u8]) -> anyhow::Result<Vec<u8>> {
    let side = u32::try_from(side)?;
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> QrCode {
        let at = "2026-01-02T03:04:05Z".parse().unwrap();
        QrCode { text: text.to_owned(), expires_at: at, round_ends_at: at }
    }

    #[test]
    fn the_png_holds_the_modules_inside_a_quiet_zone() {
        let code = code("2@ref,noise,identity,adv");
        let modules = modules(&code).unwrap();
        let bytes = png(&code).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let side = usize::try_from(reader.info().width).unwrap();
        assert_eq!(side, (modules.width() + 2 * QUIET) * SCALE);
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        let at = |x: usize, y: usize| pixels[y * side + x];
        assert_eq!((at(0, 0), at(side - 1, side - 1)), (255, 255));
        for y in 0..modules.width() {
            for x in 0..modules.width() {
                let expected = if modules[(x, y)] == Color::Dark { 0 } else { 255 };
                let middle = |m: usize| (m + QUIET) * SCALE + SCALE / 2;
                assert_eq!(at(middle(x), middle(y)), expected, "{x},{y}");
            }
        }
    }

    #[test]
    fn the_svg_is_a_document_and_too_much_text_is_refused() {
        assert!(svg(&code("2@abc")).unwrap().contains("<svg"));
        assert!(png(&code(&"x".repeat(8000))).is_err());
    }
}
