//! What an app's answer that is not for everybody says to caches.
//!
//! A cache in front of us hands out what it holds without asking us, and apps do not know that their files
//! are behind a login: a style sheet, a report that is `public` for an hour.

use http::header::{CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue};

/// Lets nobody but the visitor's own browser keep the answer (RFC 9111, 5.2.2.7).
///
/// What the app said for that browser stays. What it said for shared caches goes: `public`, `s-maxage`, and
/// the fields that speak to one kind of cache (RFC 9213).
pub(crate) fn keep_private(headers: &mut HeaderMap) {
    let targeted = |name: &&HeaderName| is_targeted(name.as_str());
    let targeted: Vec<HeaderName> = headers.keys().filter(targeted).cloned().collect();
    for name in targeted {
        headers.remove(name);
    }
    let lines = headers.get_all(CACHE_CONTROL).iter();
    let lines: Vec<&[u8]> = lines.map(HeaderValue::as_bytes).collect();
    let value = HeaderValue::from_bytes(&private(&lines.join(&b',')));
    let value = value.unwrap_or(HeaderValue::from_static("private"));
    headers.insert(CACHE_CONTROL, value);
}

fn is_targeted(name: &str) -> bool {
    name.ends_with("-cache-control") || matches!(name, "surrogate-control" | "edge-control")
}

/// The directives that are left, with `private`. `no-store` does not stand for it: next to `must-understand` a
/// shared cache that knows the status passes over it (RFC 9111, 5.2.2.3).
fn private(directives: &[u8]) -> Vec<u8> {
    // A quoted text may hold a comma, or a word that looks like a directive: then nothing is taken out, and
    // the strictest that is said counts (RFC 9111, 4.2.1).
    let quoted = directives.contains(&b'"');
    let all = directives.split(|byte| *byte == b',');
    let all = all.map(<[u8]>::trim_ascii).filter(|word| !word.is_empty());
    let mut kept: Vec<&[u8]> = all.filter(|word| quoted || !is_for_shared(word)).collect();
    let mut words = kept.iter();
    if quoted || !words.any(|word| word.eq_ignore_ascii_case(b"private")) {
        kept.push(b"private");
    }
    kept.join(&b", "[..])
}

fn is_for_shared(directive: &[u8]) -> bool {
    let name = directive.split(|byte| *byte == b'=').next();
    let name = name.unwrap_or_default().trim_ascii();
    name.eq_ignore_ascii_case(b"public") || name.eq_ignore_ascii_case(b"s-maxage")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_own_browser_may_keep_an_answer() {
        for (said, kept) in [
            (&[][..], "private"),
            (&[""], "private"),
            (&["public"], "private"),
            (&["Public , max-age=60"], "max-age=60, private"),
            (&["public", "S-MaxAge=600, immutable"], "immutable, private"),
            (&["s-maxage = 5,max-age=60"], "max-age=60, private"),
            (&["max-age=60"], "max-age=60, private"),
            (&["no-cache"], "no-cache, private"),
            (&["no-store"], "no-store, private"),
            (
                &["must-understand, no-store, max-age=600"],
                "must-understand, no-store, max-age=600, private",
            ),
            (&["PRIVATE, max-age=60"], "PRIVATE, max-age=60"),
            (&["public, No-Store"], "No-Store, private"),
            // A `private` with names covers those names alone.
            (
                &["private=\"Set-Cookie\""],
                "private=\"Set-Cookie\", private",
            ),
            (
                &["no-cache=\"a, no-store, b\", public"],
                "no-cache=\"a, no-store, b\", public, private",
            ),
            (
                &["no-cache=\"a, private, b\", public"],
                "no-cache=\"a, private, b\", public, private",
            ),
            (&["\"", "public"], "\", public, private"),
        ] {
            let mut headers = HeaderMap::new();
            for line in said {
                headers.append(CACHE_CONTROL, HeaderValue::from_static(line));
            }
            keep_private(&mut headers);
            let lines: Vec<_> = headers.get_all(CACHE_CONTROL).iter().collect();
            assert_eq!(lines, [kept], "{said:?}");
        }
    }

    #[test]
    fn a_value_that_is_no_text_is_kept_and_made_private() {
        let mut headers = HeaderMap::new();
        let odd = HeaderValue::from_bytes(b"x=\xff, public").unwrap();
        headers.append(CACHE_CONTROL, odd);
        keep_private(&mut headers);
        assert_eq!(headers[CACHE_CONTROL].as_bytes(), b"x=\xff, private");
    }

    #[test]
    fn nothing_is_said_to_one_kind_of_cache_alone() {
        let mut headers = HeaderMap::new();
        for name in [
            "cdn-cache-control",
            "cloudflare-cdn-cache-control",
            "edge-control",
            "surrogate-control",
            "surrogate-key",
        ] {
            headers.insert(name, HeaderValue::from_static("max-age=600"));
        }
        keep_private(&mut headers);
        let left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(left, ["surrogate-key", "cache-control"]);
    }
}
