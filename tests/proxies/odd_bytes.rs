//! Bytes in a path that HTTP/2 takes and HTTP/1.1 does not: what is judged is what reaches the app.

use crate::harness::gate::Gate;
use crate::harness::{http2, third_party};
use crate::layout::Layout;
use crate::proxy::{Proxy, Running};
use crate::recorder::Recorder;
use crate::scene::APP_HOST;

/// Those that speak HTTP/2 without TLS.
const SPEAKERS: [Proxy; 2] = [Proxy::Envoy, Proxy::Haproxy];

#[test]
fn bytes_that_are_no_text_are_not_judged_as_others() {
    if !third_party() {
        return;
    }
    for layout in [Layout::Apart, Layout::Together] {
        let gate = Gate::start(&layout.plain_config());
        for proxy in SPEAKERS {
            let app = Recorder::start();
            let running = Running::start(proxy, layout, gate.address(), app.address());
            let reaching = |path| {
                // Whatever the answer is, none at all too: the app is asked what it saw.
                let _ = http2::get(running.address, path, &[(":authority", APP_HOST)]);
                let seen = app.take().into_iter();
                seen.map(|record| record.line).collect::<Vec<_>>()
            };
            assert_eq!(reaching(b"/open/x"), ["GET /open/x HTTP/1.1"], "{proxy:?}");
            for path in [
                &b"/open/\xc0\xae\xc0\xae/page"[..],
                b"/open/..\xc0/page",
                b"/open/\xff",
                "/open/\u{e4}".as_bytes(),
            ] {
                assert_eq!(reaching(path), [""; 0], "{proxy:?} {layout:?}");
            }
        }
    }
}
