//! Where to go after signing in: never to a host that nobody configured, never back into the portal.

use http::HeaderValue;
use percent_encoding::percent_decode_str;
use url::Url;
use vestibule::authz::target::Target;
use vestibule::web::return_to::Allowed;

const PORTAL: &str = "/_vestibule";

const ORIGINS: [&str; 2] = ["https://app.example.com", "https://wiki.example.com:8443"];

pub(crate) fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let allowed = Allowed::new(ORIGINS.map(str::to_owned).to_vec(), None, PORTAL.to_owned());
    one(&allowed, text);
    // A second reader on the way may have decoded it once already.
    one(&allowed, &percent_decode_str(text).decode_utf8_lossy());
}

fn one(allowed: &Allowed, text: &str) {
    let kept = allowed.parse(text);
    assert!(
        kept.as_str() == text || kept.is_home(),
        "kept as it is, or not at all"
    );
    assert_eq!(allowed.parse(kept.as_str()), kept);
    assert!(kept.as_str().bytes().all(|b| b.is_ascii_graphic()));
    assert!(HeaderValue::from_str(kept.as_str()).is_ok());
    for origin in ORIGINS {
        for reading in readings(kept.as_str()) {
            let base = Url::parse(origin).expect("a constant");
            let url = base.join(&reading).expect("a browser can go there");
            let reached = url.origin().ascii_serialization();
            assert!(
                ORIGINS.contains(&reached.as_str()),
                "{reading:?} leads to {url}"
            );
            assert!(!resembles_portal(url.path()), "{reading:?} leads to {url}");
        }
    }
}

/// What browsers, old ones too, have made of a `Location`.
fn readings(kept: &str) -> [String; 3] {
    [
        kept.to_owned(),
        kept.replace('\\', "/"),
        kept.replace(['\t', '\r', '\n'], ""),
    ]
}

fn resembles_portal(path: &str) -> bool {
    Target::parse("https", "app.example.com", path).is_ok_and(|target| target.resembles(PORTAL))
}
