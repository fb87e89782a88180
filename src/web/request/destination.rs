//! `Destination`: where the app shall move or copy what was asked for (RFC 4918, 9.8, 9.9, 10.3).
//!
//! It is a second path that the app acts on, so it is read as strictly as the first and judged with it. Any method may
//! carry it: which ones an app heeds, nobody knows.

use crate::authz::target::Target;
use crate::web::request::Refusal;
use http::header::{HeaderMap, HeaderName};

const DESTINATION: HeaderName = HeaderName::from_static("destination");

/// The destination of a request for `target`; `portal` is where our pages are, and nothing of the app's.
///
/// A scheme and a port other than those of the request count for nothing, as with rules: the app may stand behind
/// proxies that see others than the browser.
///
/// # Errors
/// [`Refusal::Destination`] where it is not one URL or path, or has a query; for another host, and for our pages.
pub(crate) fn read(
    headers: &HeaderMap,
    target: &Target,
    portal: &str,
) -> Result<Option<Target>, Refusal> {
    let mut lines = headers.get_all(DESTINATION).iter();
    let line = match (lines.next(), lines.next()) {
        (None, _) => return Ok(None),
        (Some(line), None) => line.to_str().map_err(|_| Refusal::Destination)?,
        (Some(_), Some(_)) => return Err(Refusal::Destination),
    };
    // Two lines that a proxy has joined (RFC 9110, 5.3): one app takes the first for its path, another the second.
    let is_joined = line.contains(",/");
    let read = if line.starts_with('/') && !line.starts_with("//") {
        Target::parse(target.scheme().as_str(), target.authority(), line)
    } else {
        Target::parse_url(line)
    };
    let is_good = |there: &Target| {
        // Servers that look for no query take it for a part of the path.
        let is_path = there.query().is_none() && !is_joined;
        is_path && there.host() == target.host() && !there.resembles(portal)
    };
    match read.ok().filter(is_good) {
        Some(there) => Ok(Some(there)),
        None => Err(Refusal::Destination),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    /// What is read for a request on `app.example.com`.
    fn destination(lines: &[&str]) -> Result<Option<String>, Refusal> {
        let target = Target::parse("https", "app.example.com", "/a").unwrap();
        let mut headers = HeaderMap::new();
        for line in lines {
            let value = HeaderValue::from_bytes(line.as_bytes()).unwrap();
            headers.append(DESTINATION, value);
        }
        let read = read(&headers, &target, "/_vestibule")?;
        Ok(read.map(|there| there.path().to_owned()))
    }

    #[test]
    fn a_destination_is_a_url_or_a_path_of_the_same_host() {
        assert_eq!(destination(&[]), Ok(None));
        for (line, path) in [
            ("/b/c", "/b/c"),
            ("/b/../c,d%2Fe", "/b/../c,d%2Fe"),
            ("https://app.example.com/b", "/b"),
            ("http://app.example.com/b", "/b"),
            ("HTTPS://APP.example.com./b", "/b"),
            ("http://app.example.com:8080/b", "/b"),
            ("http://app.example.com", "/"),
        ] {
            assert_eq!(destination(&[line]), Ok(Some(path.to_owned())), "{line}");
        }
    }

    #[test]
    fn a_destination_that_apps_could_read_in_two_ways_is_refused() {
        for lines in [
            &["/b", "/b"][..],
            &["/b", "/c"],
            &["/b,/c"],
            &["/b, /c"],
            &[""],
            &["b"],
            &["../b"],
            &["//app.example.com/b"],
            &["/b?c"],
            &["/b#c"],
            &["/b%00"],
            &["/b%zz"],
            &["/\u{e9}"],
            &["https:/b"],
            &["ftp://app.example.com/b"],
            &["https://u@app.example.com/b"],
            &["https://app.example.com?/b"],
            &["https://app.example.com\\b"],
        ] {
            assert_eq!(destination(lines), Err(Refusal::Destination), "{lines:?}");
        }
    }

    #[test]
    fn a_destination_on_another_host_or_among_our_pages_is_refused() {
        for line in [
            "https://other.example.com/b",
            "https://app.example.com.example.net/b",
            "/_vestibule",
            "/_vestibule/login",
            "/%5fvestibule/login",
            "https://app.example.com/b/../_VESTIBULE/login",
        ] {
            assert_eq!(destination(&[line]), Err(Refusal::Destination), "{line}");
        }
    }
}
