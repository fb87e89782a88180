//! The list of common passwords: lower-case ASCII, one entry per line, sorted by bytes.
//!
//! Where it comes from, its licence and how to make it again: `password/README.md`.

/// 359 KB of text; about half of the entries have 12 characters or more.
const LIST: &str = include_str!("common.txt");

/// Whether `entry`, in lower case, is on the list.
pub(crate) fn contains(entry: &str) -> bool {
    let mut rest = LIST.as_bytes();
    while !rest.is_empty() {
        let (start, end) = line_around(rest, rest.len() / 2);
        match rest[start..end].cmp(entry.as_bytes()) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => rest = rest.get(end + 1..).unwrap_or_default(),
            std::cmp::Ordering::Greater => rest = &rest[..start],
        }
    }
    false
}

/// Where the line that covers byte `at` starts and ends, without its line feed.
fn line_around(text: &[u8], at: usize) -> (usize, usize) {
    let is_feed = |byte: &u8| *byte == b'\n';
    let start = text[..at]
        .iter()
        .rposition(is_feed)
        .map_or(0, |feed| feed + 1);
    let length = text[start..].iter().position(is_feed);
    (start, length.map_or(text.len(), |length| start + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_long_sorted_and_in_lower_case() {
        let entries: Vec<_> = LIST.lines().collect();
        assert!(entries.is_sorted_by(|a, b| a < b));
        assert_eq!(LIST.to_ascii_lowercase(), LIST);
        assert!(
            LIST.bytes()
                .all(|byte| byte.is_ascii_graphic() || byte == b'\n')
        );
        assert_eq!(entries.len(), 32_491);
        let long = entries.iter().filter(|entry| entry.len() >= 12).count();
        assert_eq!(long, 15_542);
    }

    #[test]
    fn every_entry_is_found_and_its_neighbours_are_not() {
        for entry in LIST.lines() {
            assert!(contains(entry), "{entry}");
            assert!(!contains(&format!("{entry}\u{1}")), "{entry}");
        }
        for absent in ["", "\n", "password\n", "~~~~~~~~~", "Password"] {
            assert!(!contains(absent), "{absent:?}");
        }
    }
}
