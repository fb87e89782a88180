//! Style sheet and script: files of our own, under names that change with their content.

use crate::secret::sha256;
use data_encoding::HEXLOWER;

/// The style of every page, without its colours of accent.
pub const STYLE: &str = include_str!("style.css");

/// Reveals the buttons that need a script; every page works without it.
pub const SCRIPT: &str = include_str!("enhance.js");

/// A file to serve, for as long as anybody likes: its name says what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset {
    /// The last segment of its URL, with sixteen hex digits of the content's SHA-256.
    pub name: String,
    /// Its `Content-Type`.
    pub media_type: &'static str,
    /// What is in it.
    pub text: String,
}

/// The style sheet with this accent.
#[must_use]
pub fn style(accent: Accent) -> Asset {
    let text = format!("{STYLE}{}", accent.rules());
    Asset {
        name: named("style", &text, "css"),
        media_type: "text/css; charset=utf-8",
        text,
    }
}

/// The script, which the pages of enrolment and backup codes load.
#[must_use]
pub fn script() -> Asset {
    Asset {
        name: named("enhance", SCRIPT, "js"),
        media_type: "text/javascript; charset=utf-8",
        text: SCRIPT.to_owned(),
    }
}

fn named(stem: &str, text: &str, extension: &str) -> String {
    let digest = HEXLOWER.encode(&sha256(text.as_bytes())[..8]);
    format!("{stem}-{digest}.{extension}")
}

/// The colour of buttons and links: red, green, blue. Default `#2455c3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accent(pub [u8; 3]);

impl Default for Accent {
    fn default() -> Self {
        Self([0x24, 0x55, 0xc3])
    }
}

/// The surface of [`STYLE`] that a text in accent colour stands out from least, light scheme.
const DARKEST_LIGHT: Accent = Accent([0xe8, 0xe4, 0xdc]);

/// The same in the dark scheme.
const LIGHTEST_DARK: Accent = Accent([0x26, 0x2a, 0x31]);

const BLACK: Accent = Accent([0, 0, 0]);
const WHITE: Accent = Accent([0xff, 0xff, 0xff]);

/// Contrast of text with its ground (WCAG 2.2, 1.4.3).
const TEXT: f64 = 4.5;

/// Contrast of a button with its ground (WCAG 2.2, 1.4.11).
const SHAPE: f64 = 3.0;

impl Accent {
    /// The custom properties that [`STYLE`] asks for, in both schemes, whatever colour was chosen.
    fn rules(self) -> String {
        let light = self.properties(DARKEST_LIGHT, BLACK);
        let dark = self.properties(LIGHTEST_DARK, WHITE);
        format!(
            ":root{{{light}}}\n@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"
        )
    }

    fn properties(self, ground: Self, towards: Self) -> String {
        let text = self.until(TEXT, ground, towards);
        let fill = self.until(SHAPE, ground, towards);
        format!(
            "--accent:{};--fill:{};--on-fill:{}",
            text.hex(),
            fill.hex(),
            fill.ink().hex()
        )
    }

    /// This colour, moved step by step until it stands out enough.
    fn until(self, contrast: f64, ground: Self, towards: Self) -> Self {
        (0..=64)
            .map(|step| self.mixed(towards, step))
            .find(|colour| colour.contrast(ground) >= contrast)
            .unwrap_or(towards)
    }

    fn mixed(self, other: Self, sixty_fourths: u32) -> Self {
        let mix = |own: u8, other: u8| {
            let sum = u32::from(own) * (64 - sixty_fourths) + u32::from(other) * sixty_fourths;
            u8::try_from(sum / 64).expect("a mean of two bytes is a byte")
        };
        let ([a, b, c], [x, y, z]) = (self.0, other.0);
        Self([mix(a, x), mix(b, y), mix(c, z)])
    }

    /// Black or white, whichever reads better on it: at least 4.58 for every colour.
    fn ink(self) -> Self {
        if self.contrast(WHITE) >= TEXT {
            WHITE
        } else {
            BLACK
        }
    }

    /// Contrast ratio of WCAG 2.2.
    fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// Relative luminance of WCAG 2.2.
    fn luminance(self) -> f64 {
        let [red, green, blue] = self.0.map(|channel| {
            let channel = f64::from(channel) / 255.0;
            if channel <= 0.040_45 {
                channel / 12.92
            } else {
                ((channel + 0.055) / 1.055).powf(2.4)
            }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    fn hex(self) -> String {
        format!("#{}", HEXLOWER.encode(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of a custom property: in the light scheme, then in the dark one.
    fn values(css: &str, property: &str) -> [Accent; 2] {
        let lines = css
            .split([';', '{'])
            .filter_map(|line| line.trim().strip_prefix(property));
        let colour = |value: &str| {
            let digits = value
                .split(['}', '\n'])
                .next()?
                .strip_prefix(':')?
                .trim()
                .strip_prefix('#')?;
            let bytes = HEXLOWER.decode(digits.as_bytes()).ok()?;
            Some(Accent(bytes.try_into().ok()?))
        };
        let found: Vec<Accent> = lines.filter_map(colour).collect();
        found.try_into().unwrap()
    }

    const SURFACES: [&str; 5] = ["--wall", "--frame", "--recess", "--door", "--note-ground"];

    fn least_contrast(css: &str, property: &str, grounds: &[&str]) -> f64 {
        let colours = values(css, property);
        let all = grounds.iter().flat_map(|ground| {
            let grounds = values(STYLE, ground);
            [0, 1].map(|scheme| colours[scheme].contrast(grounds[scheme]))
        });
        all.fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn texts_of_the_style_can_be_read_in_both_schemes() {
        for property in ["--ink", "--quiet"] {
            assert!(
                least_contrast(STYLE, property, &SURFACES) >= TEXT,
                "{property}"
            );
        }
        assert!(least_contrast(STYLE, "--problem", &["--problem-ground", "--door"]) >= TEXT);
        assert!(least_contrast(STYLE, "--warning", &["--warning-ground"]) >= TEXT);
        assert!(least_contrast(STYLE, "--ink", &["--problem-ground", "--warning-ground"]) >= TEXT);
        assert!(least_contrast(STYLE, "--edge", &["--door"]) >= SHAPE);
    }

    #[test]
    fn every_accent_can_be_read_on_every_surface_in_both_schemes() {
        let steps = [0u8, 36, 73, 109, 146, 182, 219, 255];
        for red in steps {
            for green in steps {
                for blue in steps {
                    let css = Accent([red, green, blue]).rules();
                    assert!(least_contrast(&css, "--accent", &SURFACES) >= TEXT, "{css}");
                    assert!(
                        least_contrast(&css, "--fill", &["--door"]) >= SHAPE,
                        "{css}"
                    );
                    let (fill, ink) = (values(&css, "--fill"), values(&css, "--on-fill"));
                    assert!(
                        [0, 1].iter().all(|at| fill[*at].contrast(ink[*at]) >= TEXT),
                        "{css}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_colour_that_can_be_read_is_left_as_it_is() {
        let css = Accent::default().rules();
        assert!(css.starts_with(":root{--accent:#2455c3;--fill:#2455c3;--on-fill:#ffffff}"));
    }
}
