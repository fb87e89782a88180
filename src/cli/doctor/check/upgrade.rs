//! An upgrade to HTTP/2 in the midst of a connection: a tunnel for requests that nobody is asked about.

use crate::cli::doctor::check::unanswered;
use crate::cli::doctor::finding::{Finding, shown};
use crate::cli::doctor::visitor::{Letters, Visitor};
use crate::cli::doctor::walk::Step;
use http::header::{CONNECTION, HeaderName, UPGRADE};
use http::{HeaderValue, StatusCode};

const CHECK: &str = "upgrade";

/// Asks for each of these with `Upgrade: h2c` (RFC 7540, 3.2). Only an app that speaks it says yes.
pub(in crate::cli::doctor) async fn upgrade(visitor: &Visitor, steps: &[Step]) -> Finding {
    let lines = [
        (CONNECTION, "Upgrade, HTTP2-Settings"),
        (UPGRADE, "h2c"),
        (
            HeaderName::from_static("http2-settings"),
            "AAMAAABkAAQAAP__",
        ),
    ];
    let lines = lines.map(|(name, value)| (name, HeaderValue::from_static(value)));
    for step in steps {
        match visitor.ask_with(&step.place, &lines, Letters::Title).await {
            Ok(answer) if answer.status == StatusCode::SWITCHING_PROTOCOLS => {
                return tunnel(step);
            }
            Ok(_) => {}
            Err(why) => return unanswered(CHECK, "Upgrade: h2c", &why),
        }
    }
    Finding::ok(CHECK, "no tunnel for HTTP/2 opens")
}

fn tunnel(step: &Step) -> Finding {
    Finding::open(
        CHECK,
        format!(
            "{} opens a tunnel for HTTP/2: requests that go through it are not asked about",
            shown(step.place.path())
        ),
        "let the proxy pass on no Upgrade but websocket; `vestibule integrate` prints how",
    )
}
