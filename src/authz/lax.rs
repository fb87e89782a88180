//! How lax servers read a path: without regard for case, percent codes, a slash at the end, and blanks and
//! dots around a segment.
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

/// White space, control characters, and what HFS+ drops from names because nobody sees it (CVE-2014-9390).
fn is_blank(c: char) -> bool {
    let is_unseen = matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    is_unseen || c.is_whitespace() || c.is_control()
}

/// A part of a segment.
pub(in crate::authz) fn text(text: &str) -> String {
    let decoded = percent_decode_str(text).decode_utf8_lossy();
    decoded.nfkc().collect::<String>().to_lowercase()
}
