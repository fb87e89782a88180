//! What the app behind learns of a visitor, and that nobody else can say it.

#[expect(dead_code, reason = "this crate uses a part of the harness")]
mod harness;

use std::time::{SystemTime, UNIX_EPOCH};

use harness::HOST;
use harness::app::{App, Seen};
use harness::assertion::Assertion;
use harness::browser::{Browser, exchange};
use harness::crowd::LENIENT;
use harness::gate::Gate;
use harness::person::{PORTAL, Person};
use harness::websocket::{HANDSHAKE, WebSocket};
use serde_json::{Value, json};

const NAMES: [&str; 5] = [
    "remote-user",
    "remote-name",
    "remote-email",
    "remote-groups",
    "x-vestibule-assertion",
];

/// A gate before an app, and somebody who is signed in.
struct Scene {
    app: App,
    gate: Gate,
    browser: Browser,
}

impl Scene {
    /// With more configuration; it begins with a table.
    fn with(config: &str) -> Self {
        let app = App::start();
        let gate = Gate::start(&format!("{}{LENIENT}{config}", app.upstream()));
        let mut browser = gate.browser();
        Person::enrol(&mut browser, "alice", &gate.invite("alice"));
        Self { app, gate, browser }
    }

    fn command(&self, arguments: &[&str]) {
        let outcome = self.gate.cli(arguments);
        assert_eq!(outcome.code, Some(0), "{arguments:?}: {outcome:?}");
    }

    /// What the app sees of the next request.
    fn seen(&self) -> Seen {
        let reply = self.browser.clone().get("/");
        assert_eq!(reply.status, 200, "{}", reply.text());
        serde_json::from_value(reply.json()).expect("the app answers what it saw")
    }

    /// The public keys.
    fn keys(&self) -> Value {
        self.gate
            .browser()
            .get(&format!("{PORTAL}/jwks.json"))
            .json()
    }

    /// The verified assertion of a request that the app saw.
    fn assertion(&self, seen: &Seen) -> Assertion {
        let lines = seen.all("x-vestibule-assertion");
        assert_eq!(lines.len(), 1, "{lines:?}");
        Assertion::verify(lines[0], &self.keys()).expect("a genuine assertion")
    }
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("the clock is past 1970").as_secs()
}

/// The lines that carry an identity.
fn identity(seen: &Seen) -> Vec<(&str, &str)> {
    let lines = seen.headers.iter();
    let lines = lines.map(|(name, value)| (name.as_str(), value.as_str()));
    lines.filter(|(name, _)| NAMES.contains(name)).collect()
}

#[test]
fn the_app_reads_who_is_there() {
    let scene = Scene::with("");
    scene.command(&[
        "user",
        "set",
        "alice",
        "--display-name",
        "J\u{fc}rgen, \"the\" 100%; \\o/ \u{1f512}",
        "--email",
        "alice@example.com",
        "--group",
        "staff",
        "--group",
        "wiki:edit/own@x.y-z",
    ]);
    let seen = scene.seen();
    let expected = [
        ("remote-user", "alice"),
        (
            "remote-name",
            "J%C3%BCrgen%2C %22the%22 100%25%3B %5Co/ %F0%9F%94%92",
        ),
        ("remote-email", "alice@example.com"),
        ("remote-groups", "staff,wiki:edit/own@x.y-z"),
    ];
    for (name, value) in expected {
        assert_eq!(seen.all(name), [value], "{name}");
    }
    let claims = scene.assertion(&seen).claims;
    assert_eq!(claims["name"], "J\u{fc}rgen, \"the\" 100%; \\o/ \u{1f512}");
    assert_eq!(claims["groups"], json!(["staff", "wiki:edit/own@x.y-z"]));
}

#[test]
fn what_nobody_said_of_somebody_is_empty() {
    let scene = Scene::with("");
    let seen = scene.seen();
    for (name, value) in [
        ("remote-user", "alice"),
        ("remote-name", ""),
        ("remote-email", ""),
        ("remote-groups", ""),
    ] {
        assert_eq!(seen.all(name), [value], "{name}");
    }
}

#[test]
fn nobody_gets_a_line_of_their_own_into_a_header() {
    let scene = Scene::with("");
    let long = "g".repeat(65);
    for (option, value) in [
        ("--display-name", "a\r\nRemote-User: root"),
        ("--display-name", "a\nb"),
        ("--display-name", "a\u{202e}b"),
        ("--display-name", "a\u{2028}b"),
        ("--email", "a@example.com\r\nX: y"),
        ("--email", "a@b@example.com"),
        ("--email", "a b@example.com"),
        ("--email", "a@example.com,root@example.com"),
        ("--group", "a,admin"),
        ("--group", "a admin"),
        ("--group", "a;b"),
        ("--group", "\u{430}dmin"),
        ("--group", &long),
    ] {
        let outcome = scene.gate.cli(&["user", "set", "alice", option, value]);
        assert_ne!(outcome.code, Some(0), "{option} {value:?}");
    }
    assert_eq!(identity(&scene.seen()).len(), 5);
}

#[test]
fn too_many_groups_are_refused_and_never_cut() {
    let scene = Scene::with("");
    let groups: Vec<String> = (0..40)
        .map(|n| format!("{}{n:04}", "g".repeat(60)))
        .collect();
    let mut arguments = vec!["user", "set", "alice"];
    arguments.extend(groups.iter().flat_map(|group| ["--group", group.as_str()]));
    assert_eq!(scene.gate.cli(&arguments).code, Some(1));
    let few: Vec<&str> = arguments.into_iter().take(3 + 2 * 14).collect();
    scene.command(&few);
    let seen = scene.seen();
    let size: usize = identity(&seen)
        .iter()
        .map(|(n, v)| n.len() + v.len() + 4)
        .sum();
    assert!(size <= 3072, "{size} bytes of identity");
    assert_eq!(
        scene.assertion(&seen).claims["groups"]
            .as_array()
            .map(Vec::len),
        Some(14)
    );
}

/// Spellings under which some server reads one of our five names.
fn spellings() -> Vec<String> {
    let mut all = vec![];
    for name in [
        "Remote-User",
        "Remote-Name",
        "Remote-Email",
        "Remote-Groups",
        "X-Vestibule-Assertion",
    ] {
        all.extend([
            name.to_owned(),
            name.to_lowercase(),
            name.to_uppercase(),
            name.replace('-', "_"),
            name.to_lowercase().replace('-', "_"),
            name.to_uppercase().replace('-', "_"),
            name.replacen('-', "_", 1),
            name.replace('-', "."),
            name.replacen('-', "~", 1),
            name.replacen('-', "!", 1),
        ]);
    }
    all.extend(
        [
            "X-Vestibule-User",
            "X_Vestibule_Anything",
            "x-vestibule-",
            "X-Remote-User",
            "X_Remote_User",
            "X-Forwarded-User",
            "X_Forwarded_User",
            "X-Forwarded-Email",
            "X-Forwarded-Groups",
            "X-Forwarded-Preferred-Username",
            "X-Auth-Request-User",
            "X-Auth-Request-Access-Token",
            "X-WEBAUTH-USER",
            "X_WEBAUTH_USER",
            "X-Authenticated-User",
            "X-User",
            "X-User-Id",
            "X-Email",
            "X-Authentik-Username",
            "X-Pomerium-Jwt-Assertion",
            "X-Goog-Authenticated-User-Email",
            "X-Goog-Iap-Jwt-Assertion",
            "Cf-Access-Jwt-Assertion",
            "X-Ms-Client-Principal-Name",
            "X-Amzn-Oidc-Data",
            "Ssl-Client-S-Dn",
            "SSL_CLIENT_VERIFY",
            "X-Ssl-Client-Cn",
        ]
        .map(str::to_owned),
    );
    all
}

/// Sends a GET whose head has these lines, and returns what the app saw of it.
fn forge(
    scene: &Scene,
    path: &str,
    cookies: &str,
    lines: &[String],
    handshake: bool,
) -> Option<Seen> {
    let before = scene.app.seen().len();
    if handshake {
        let lines: Vec<(&str, &str)> = lines
            .iter()
            .map(|line| (line.as_str(), "forged"))
            .chain([("Cookie", cookies)])
            .collect();
        let opened = WebSocket::open(scene.gate.address(), HOST, path, &lines);
        assert!(opened.is_ok(), "{opened:?}");
    } else {
        let mut message = format!(
            "GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\nCookie: {cookies}\r\n"
        );
        for line in lines {
            message.push_str(&format!("{line}: forged\r\n{line}:forged2\r\n"));
        }
        let answer =
            exchange(scene.gate.address(), (message + "\r\n").as_bytes()).expect("an answer");
        assert!(
            answer.starts_with(b"HTTP/1.1 200"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    }
    scene.app.seen().get(before).cloned()
}

const BYPASS: &str = "[[access.rule]]\npath = [\"/open\", \"/open/**\"]\npolicy = \"bypass\"\n";

#[test]
fn forged_identities_never_arrive() {
    let config = format!("{BYPASS}[proxy]\nunderscore_headers = \"keep\"\nmax_headers = 500\n");
    for config in [BYPASS, config.as_str()] {
        let scene = Scene::with(config);
        let signed_in = scene.browser.cookie_header();
        let real = scene.seen();
        for handshake in [false, true] {
            for (path, cookies) in [
                ("/", signed_in.as_str()),
                ("/open/x", &signed_in),
                ("/open/x", "a=b"),
            ] {
                // Within the default of a hundred lines.
                for lines in spellings().chunks(30) {
                    let seen = forge(&scene, path, cookies, lines, handshake).expect("it arrived");
                    let text = format!("{:?}", seen.headers);
                    assert!(!text.contains("forged"), "{path}: {text}");
                    let expected = if cookies == "a=b" {
                        vec![]
                    } else {
                        identity(&real)
                    };
                    assert_eq!(identity(&seen), expected, "{path}, handshake {handshake}");
                }
            }
        }
        let event = "event=\"identity_header_spoofed\"";
        assert!(scene.gate.output().contains(event), "it was recorded");
    }
}

#[test]
fn nobody_strikes_out_what_we_say() {
    let scene = Scene::with(BYPASS);
    let cookies = scene.browser.cookie_header();
    for name in [
        "Remote-User",
        "X-Vestibule-Assertion",
        "Cookie",
        "Host",
        "X-Forwarded-For",
        "Authorization",
    ] {
        let message = format!(
            "GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close, {name}\r\nCookie: {cookies}\r\n\r\n"
        );
        let before = scene.app.seen().len();
        exchange(scene.gate.address(), message.as_bytes()).expect("an answer");
        for seen in &scene.app.seen()[before..] {
            assert_eq!(identity(seen).len(), 5, "{name}: {seen:?}");
            assert_eq!(seen.all("x-forwarded-for"), ["127.0.0.1"], "{name}");
        }
    }
}

#[test]
fn our_cookies_stay_here_and_others_keep_their_bytes() {
    let scene = Scene::with(BYPASS);
    let value = |name: &str| scene.browser.cookie(name).expect("a cookie of ours");
    let (session, device, csrf) = (
        value("vestibule"),
        value("vestibule-device"),
        value("vestibule-csrf"),
    );
    let line = format!(
        "a=b; vestibule={session};c=\"d e\"; vestibule-device={device}; f=%20=; vestibule-csrf={csrf};  g; vestibule-login=x; h=i"
    );
    let expected = "a=b;c=\"d e\"; f=%20=;  g; h=i";
    let ask = |line: &str, path: &str| {
        let reply = scene
            .gate
            .browser()
            .send("GET", path, &[("Cookie", line)], b"");
        let seen: Seen = serde_json::from_value(reply.json()).expect("the app answers");
        seen
    };
    for path in ["/", "/open/x"] {
        assert_eq!(ask(&line, path).all("cookie"), [expected], "{path}");
    }
    for alike in [
        "Vestibule=x",
        "VESTIBULE-device=x",
        "=vestibule=x",
        "vestibule",
        "__Host-Vestibule=x",
    ] {
        let seen = ask(&format!("a=b; {alike}; c=d"), "/open/x");
        let expected = if alike.starts_with("__") {
            "a=b; __Host-Vestibule=x; c=d"
        } else {
            "a=b; c=d"
        };
        assert_eq!(seen.all("cookie"), [expected], "{alike}");
    }
    let only_ours = ask(&format!("vestibule={session}"), "/");
    assert_eq!(only_ours.all("cookie"), Vec::<&str>::new());
}

/// Somebody of whom everything is known, signed in at a gate that signs with `algorithm`.
fn well_known(algorithm: &str) -> Scene {
    let scene = Scene::with(&format!(
        "[identity]\nalgorithm = \"{algorithm}\"\naudience = \"https://wiki.example\"\nlifetime = \"30s\"\n"
    ));
    let profile = ["--email", "alice@example.com", "--group", "staff"];
    scene.command(&[&["user", "set", "alice"], &profile[..]].concat());
    scene
}

fn assert_complete(algorithm: &str) {
    let scene = well_known(algorithm);
    let before = now();
    let seen = scene.seen();
    let assertion = scene.assertion(&seen);
    let kid = scene.keys()["keys"][0]["kid"].clone();
    assert_eq!(
        assertion.header,
        json!({"alg": algorithm, "kid": kid, "typ": "JWT"})
    );
    let (iat, claims) = (assertion.number("iat"), &assertion.claims);
    assert!((before..=now()).contains(&iat), "issued at {iat}");
    let me = scene
        .browser
        .clone()
        .get(&format!("{PORTAL}/whoami"))
        .json();
    let expected = json!({
        "iss": format!("http://{HOST}"),
        "aud": "https://wiki.example",
        "sub": me["sub"],
        "iat": iat,
        "nbf": iat - 5,
        "exp": iat + 30,
        "sid": me["sid"],
        "preferred_username": "alice",
        "name": "alice",
        "email": "alice@example.com",
        "groups": ["staff"],
        "auth_time": me["auth_time"],
        "amr": ["pwd", "otp", "mfa"],
        "acr": "urn:vestibule:two-factor",
        "jti": claims["jti"],
    });
    assert_eq!(claims, &expected);
    let since = iat - assertion.number("auth_time");
    assert!(since < 60, "signed in {since} s ago");
    assert_ne!(assertion.text("sub"), "alice");
    let cookie = scene.browser.cookie("vestibule").expect("signed in");
    for public in ["sid", "jti"].map(|claim| assertion.text(claim)) {
        assert!(public.len() > 20 && !cookie.contains(public), "{public}");
    }
    assert_tampering_shows(&scene, seen.all("x-vestibule-assertion")[0]);
}

/// The judge of these tests is no yes-man.
fn assert_tampering_shows(scene: &Scene, good: &str) {
    let keys = scene.keys();
    let parts: Vec<&str> = good.split('.').collect();
    let root = data_encoding::BASE64URL_NOPAD.encode(br#"{"sub":"root"}"#);
    let none = data_encoding::BASE64URL_NOPAD.encode(br#"{"alg":"none"}"#);
    for bad in [
        format!("{}.{root}.{}", parts[0], parts[2]),
        format!("{none}.{}.", parts[1]),
        format!("{}.{}.", parts[0], parts[1]),
    ] {
        assert!(Assertion::verify(&bad, &keys).is_err(), "{bad}");
    }
}

#[test]
fn an_assertion_says_everything_and_verifies_with_es256() {
    assert_complete("ES256");
}

#[test]
fn an_assertion_says_everything_and_verifies_with_eddsa() {
    assert_complete("EdDSA");
}

#[test]
fn an_assertion_is_renewed_before_it_expires() {
    let scene = Scene::with("[identity]\nlifetime = \"15s\"\n");
    let first = scene.assertion(&scene.seen());
    let again = scene.assertion(&scene.seen());
    assert_eq!(
        first.text("jti"),
        again.text("jti"),
        "one is enough for a while"
    );
    let renewed = loop {
        let asked = now();
        let assertion = scene.assertion(&scene.seen());
        let left = assertion.number("exp").saturating_sub(asked);
        assert!(left >= 15 / 2, "only {left} s are left");
        if assertion.text("jti") != first.text("jti") {
            break assertion;
        }
    };
    assert!(renewed.number("iat") < first.number("exp"));
    for same in ["sub", "sid", "auth_time", "iss", "aud"] {
        assert_eq!(renewed.claims[same], first.claims[same], "{same}");
    }
}

#[test]
fn a_change_shows_with_the_next_request() {
    let scene = Scene::with("");
    let groups = |scene: &Scene| {
        let seen = scene.seen();
        let claimed = scene.assertion(&seen).claims["groups"].clone();
        (seen.all("remote-groups")[0].to_owned(), claimed)
    };
    assert_eq!(groups(&scene), (String::new(), json!([])));
    for names in [&["staff"][..], &["staff", "wiki"], &["wiki"]] {
        let mut arguments = vec!["user", "set", "alice"];
        arguments.extend(names.iter().flat_map(|name| ["--group", *name]));
        scene.command(&arguments);
        assert_eq!(groups(&scene), (names.join(","), json!(names)));
    }
    scene.command(&["user", "set", "alice", "--display-name", "Alice L."]);
    assert_eq!(scene.seen().all("remote-name"), ["Alice L."]);
}

#[test]
fn whoever_is_turned_off_is_nobody_with_the_next_request() {
    for arguments in [
        ["user", "sign-out"],
        ["user", "disable"],
        ["user", "remove"],
    ] {
        let scene = Scene::with("");
        scene.seen();
        scene.command(&[arguments[0], arguments[1], "alice"]);
        assert_eq!(scene.browser.clone().get("/").status, 303, "{arguments:?}");
        let mut program = scene.browser.clone().with_header("Sec-Fetch-Mode", "");
        assert_eq!(
            program.send("POST", "/", &[], b"").status,
            401,
            "{arguments:?}"
        );
        let opened = WebSocket::open(
            scene.gate.address(),
            HOST,
            "/",
            &[("Cookie", scene.browser.cookie_header().as_str())],
        );
        assert_eq!(
            opened.err().map(|reply| reply.status),
            Some(401),
            "{arguments:?}"
        );
        assert_eq!(scene.app.seen().len(), 1, "{arguments:?}");
    }
}

#[test]
fn the_public_keys_are_public_and_nothing_else_is() {
    for (algorithm, members) in [
        ("ES256", &["alg", "crv", "kid", "kty", "use", "x", "y"][..]),
        ("EdDSA", &["alg", "crv", "kid", "kty", "use", "x"]),
    ] {
        let mut gate = Gate::start(&format!("[identity]\nalgorithm = \"{algorithm}\"\n"));
        let path = format!("{PORTAL}/jwks.json");
        let reply = gate.browser().get(&path);
        assert_eq!(
            reply.header("content-type"),
            Some("application/jwk-set+json")
        );
        assert_eq!(reply.header("cache-control"), Some("public, max-age=300"));
        assert_eq!(reply.all("set-cookie").len(), 0);
        let keys = reply.json();
        assert_eq!(keys.as_object().map(|set| set.len()), Some(1));
        let set = keys["keys"].as_array().expect("an array of keys");
        assert_eq!(set.len(), 1);
        let names: Vec<&String> = set[0].as_object().expect("a key").keys().collect();
        assert_eq!(names, members);
        assert_eq!(
            (&set[0]["alg"], &set[0]["use"]),
            (&json!(algorithm), &json!("sig"))
        );
        gate.restart();
        assert_eq!(
            gate.browser().get(&path).json(),
            keys,
            "the keys outlive a restart"
        );
    }
}

#[test]
fn unchanged_keys_are_not_sent_again() {
    let gate = Gate::start("");
    let path = format!("{PORTAL}/jwks.json");
    let first = gate.browser().get(&path);
    let tag = first.header("etag").expect("an entity tag").to_owned();
    let ask = |tag: &str| {
        gate.browser()
            .send("GET", &path, &[("If-None-Match", tag)], b"")
    };
    for known in [
        tag.clone(),
        format!("W/{tag}"),
        format!("\"x\", {tag}"),
        "*".to_owned(),
    ] {
        let reply = ask(&known);
        assert_eq!((reply.status, reply.body.len()), (304, 0), "{known}");
        assert_eq!(reply.header("etag"), Some(tag.as_str()));
        assert_eq!(reply.header("cache-control"), first.header("cache-control"));
    }
    for other in ["\"x\"", tag.trim_matches('"'), ""] {
        assert_eq!(ask(other).status, 200, "{other}");
    }
}

#[test]
fn a_handshake_carries_the_identity() {
    let scene = Scene::with("");
    let cookies = scene.browser.cookie_header();
    let mut socket = WebSocket::open(scene.gate.address(), HOST, "/chat", &[("Cookie", &cookies)])
        .expect("the handshake succeeds");
    assert_eq!(socket.echo("hello").expect("an echo"), "hello");
    let seen = scene.app.seen().pop().expect("the app saw it");
    assert_eq!(seen.all("remote-user"), ["alice"]);
    assert_eq!(scene.assertion(&seen).text("preferred_username"), "alice");
    assert_eq!(seen.all("cookie"), Vec::<&str>::new());
    let key = HANDSHAKE[3].1;
    assert_eq!(seen.all("sec-websocket-key"), [key]);
}
