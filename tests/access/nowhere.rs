//! Clients whose address a trusted proxy does not know: no rule for networks opens anything to them.

use crate::harness::app::App;
use crate::harness::gate::Gate;

/// What proxies write there that is no address: Squid, nginx on a Unix socket, RFC 7239, and what is left of a list.
const NOBODY: [&str; 8] = [
    "unknown",
    "unix:",
    "_obf",
    ",",
    "8.8.8.8,",
    "127.0.0.1, unknown",
    "127.0.0.1, 8.8.8.8, unix:, 127.0.0.1",
    "\"[2001:db8::1]\"",
];

const RULES: &str = "\
trusted_proxies = [\"127.0.0.1\"]
[access]
rule = [
    { path = \"/inside/**\", networks = [\"127.0.0.0/8\", \"::1\"], policy = \"bypass\" },
    { path = \"/anywhere/**\", networks = [\"::/0\", \"0.0.0.0/0\"], policy = \"bypass\" },
    { path = \"/shut/**\", networks = [\"::ffff:192.0.2.0/120\"], policy = \"deny\" },
    { path = [\"/shut/**\", \"/open/**\"], policy = \"bypass\" },
]
";

#[test]
fn who_comes_from_nowhere_is_in_no_network_that_opens_and_in_each_that_shuts() {
    let app = App::start();
    let gate = Gate::start(&format!("{RULES}{}", app.upstream()));
    let paths = ["/inside/x", "/anywhere/x", "/shut/x", "/open/x"];
    let from = |address: &str| {
        let mut browser = gate.browser().with_header("X-Forwarded-For", address);
        paths.map(|path| browser.get(path).status)
    };
    for nobody in NOBODY {
        assert_eq!(from(nobody), [303, 303, 403, 200], "{nobody:?}");
        let seen = app.seen().pop().expect("/open/x passed");
        assert_eq!(
            seen.all("x-forwarded-for")[0].split(',').next(),
            Some("unknown")
        );
        assert_eq!(seen.all("x-real-ip"), [""; 0], "{nobody:?}");
    }
    assert_eq!(from("127.0.0.1"), [200, 200, 200, 200]);
    assert_eq!(from("8.8.8.8"), [303, 200, 200, 200]);
    assert_eq!(from("192.0.2.7"), [303, 200, 403, 200]);
}
