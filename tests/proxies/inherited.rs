//! What people set for all of nginx does not hold for the check: an error page of theirs, or an answer that is kept,
//! would be a yes.

use crate::harness::browser::exchange;
use crate::harness::gate::Gate;
use crate::harness::third_party;
use crate::layout::Layout;
use crate::proxy::{Edit, Proxy, Running, Setup, answers};
use crate::recorder::Recorder;
use crate::scene::APP_HOST;

/// Lines in `http`, and a page that they lead to.
const CARELESS: [Edit; 2] = [
    Edit {
        file: "nginx/vestibule.conf",
        from: "upstream vestibule {",
        to: "proxy_intercept_errors on;
error_page 401 403 500 502 503 504 = @back_soon;
upstream vestibule {",
    },
    Edit {
        file: "nginx/vestibule.conf",
        from: "    location / {",
        to: "    location @back_soon {
        return 200 'Back soon';
    }
    location / {",
    },
];

#[test]
fn no_error_page_for_all_of_nginx_opens_the_app() {
    if !third_party() {
        return;
    }
    for layout in [Layout::Apart, Layout::Together] {
        let mut gate = Gate::start(&layout.plain_config());
        let app = Recorder::start();
        let setup = Setup {
            layout,
            gate: gate.address(),
            app: app.address(),
            tls: None,
            edits: &CARELESS,
            is_ready: answers,
        };
        let running = Running::start_with(Proxy::Nginx, setup);
        let reaching = |path: &str| {
            let request =
                format!("GET {path} HTTP/1.1\r\nHost: {APP_HOST}\r\nConnection: close\r\n\r\n");
            // Whatever the answer is, none at all too: the app is asked what it saw.
            let _ = exchange(running.address, request.as_bytes());
            !app.take().is_empty()
        };
        assert!(reaching("/open/x"), "{layout:?}");
        // 401 and 403 of a gate that is well, and 502.
        assert!(!reaching("/page") && !reaching("/internal/x"), "{layout:?}");
        gate.kill_9();
        assert!(!reaching("/page") && !reaching("/open/x"), "{layout:?}");
    }
}
