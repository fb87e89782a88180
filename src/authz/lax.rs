//! How lax servers read a path: without regard for case, percent codes, what nobody sees, a slash at the end, and
//! blanks and dots around a segment.
//!
//! Express and ASP.NET route so, Windows finds files so, and most frameworks decode a path before they look
//! at it. To a gate that compares bytes `/ADMIN/`, `/%40admin` and `/admin%20` are other paths than those of
//! its rules, so whoever is shut out by a rule would come in by such a spelling.

use percent_encoding::percent_decode_str;
use unicode_normalization::UnicodeNormalization;

/// A whole path, which begins with `/` and is not ambiguous; `None` when lax servers read it as it stands. A slash at
/// its end is kept: not all of them drop it.
pub(in crate::authz) fn path(path: &str) -> Option<String> {
    if is_plain(path) {
        return None;
    }
    let segments: Vec<String> = path.split('/').map(segment).collect();
    Some(segments.join("/"))
}

/// A path without the slash at its end.
pub(in crate::authz) fn without_end(path: &str) -> &str {
    let shorter = path.strip_suffix('/').filter(|path| !path.is_empty());
    shorter.unwrap_or(path)
}

fn is_plain(path: &str) -> bool {
    let changes = |b: u8| b == b'%' || b.is_ascii_uppercase();
    let has_end = path.ends_with(['/', '.']) && path != "/";
    !has_end && !path.contains("./") && !path.bytes().any(changes)
}

/// What stands between two slashes.
pub(in crate::authz) fn segment(segment: &str) -> String {
    trimmed(&text(segment)).to_owned()
}

/// A segment, decoded, without what is dropped around it.
pub(in crate::authz) fn trimmed(segment: &str) -> &str {
    let is_dropped = |c: char| c == '.' || is_blank(c);
    segment
        .trim_end_matches(is_dropped)
        .trim_start_matches(is_blank)
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control()
}

/// What nobody sees, and HFS+ and case-folding ext4 therefore drop from names, `.g\u{200c}it` for `.git` (CVE-2014-9390): the
/// default ignorable code points of Unicode (DerivedCoreProperties).
fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// A part of a segment.
pub(in crate::authz) fn text(text: &str) -> String {
    let decoded = percent_decode_str(text).decode_utf8_lossy();
    let seen = decoded.chars().filter(|c| !is_unseen(*c));
    seen.nfkc().flat_map(folded).collect()
}

/// By way of upper case, for there more letters meet: "ı" is "I" in Java and in the patterns of Python, and so is "İ".
fn folded(c: char) -> impl Iterator<Item = char> {
    let c = if c == '\u{130}' { 'i' } else { c };
    c.to_uppercase().flat_map(char::to_lowercase)
}
