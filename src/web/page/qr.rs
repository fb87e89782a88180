//! A QR code as inline SVG, black on white in every colour scheme.

use maud::{Markup, html};
use qrcode::{Color, EcLevel, QrCode};
use std::fmt::Write as _;

/// Modules of white that ISO/IEC 18004 wants on each side.
const QUIET: usize = 4;

/// The picture of `text`; `None` when it is too long for any QR code.
pub(crate) fn svg(text: &str, label: &str) -> Option<Markup> {
    // On a screen nothing gets dirty: the lowest level has the largest modules, which scan best.
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let side = code.width() + 2 * QUIET;
    Some(html! {
        svg.qr viewBox={ "0 0 " (side) " " (side) } role="img" aria-label=(label) shape-rendering="crispEdges" {
            rect width=(side) height=(side) fill="#fff" {}
            path d=(dark_modules(&code)) fill="#000" {}
        }
    })
}

/// One rectangle for each run of dark modules in a row.
fn dark_modules(code: &QrCode) -> String {
    let mut path = String::new();
    let modules = code.to_colors();
    for (y, row) in modules.chunks(code.width()).enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|a, b| a == b) {
            if run.first() == Some(&Color::Dark) {
                let length = run.len();
                write!(path, "M{} {}h{length}v1h-{length}z", x + QUIET, y + QUIET)
                    .expect("a String takes every text");
            }
            x += run.len();
        }
    }
    path
}
