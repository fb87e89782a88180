//! A visitor, a proxy, the gate and an app behind; and what came of a request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::harness::app::{App, Seen, UNREADABLE};
use crate::harness::browser::{Browser, Reply, exchange};
use crate::harness::crowd::LENIENT;
use crate::harness::gate::{Gate, invitation_path};
use crate::harness::person::Person;
use crate::harness::websocket::WebSocket;
use crate::layout::Layout;
use crate::proxy::{Proxy, Running, example, replaced};

/// The host of the app.
pub(crate) const APP_HOST: &str = "app.example.com";

/// What nobody may be.
pub(crate) const FORGED: &str = "mallory";

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Visitor {
    Nobody,
    /// With a cookie that is none of ours by its value.
    Stale,
    /// Alice, who has given her password and no code.
    Half,
    /// Alice, who was let in with her password alone, where that is enough.
    OneFactor,
    /// Of the group `staff`.
    Alice,
    /// Of no group.
    Bob,
    /// Alice, whose session cookie stands twice.
    Twice,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The app saw it, from this person.
    As(&'static str),
    /// The app saw it, from nobody.
    AsNobody,
    /// To the page that asks for more.
    Login,
    /// A page of ours, or the way to one.
    Page,
    /// 401.
    Unauthorized,
    /// 403.
    Forbidden,
    /// 400 or another of its kind.
    Refused,
    /// The app saw this target in place of the one that was sent, from this person or nobody.
    Rewritten(Option<&'static str>, &'static str),
    /// Nothing that has a name here.
    Strange,
}

/// A request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) visitor: Visitor,
    pub(crate) method: &'static str,
    pub(crate) target: &'static str,
    pub(crate) lines: &'static [(&'static str, &'static str)],
    pub(crate) body: usize,
}

impl Asked {
    pub(crate) fn get(visitor: Visitor, target: &'static str) -> Self {
        Self {
            visitor,
            method: "GET",
            target,
            lines: &[],
            body: 0,
        }
    }
}

/// An answer, and what the app saw.
#[derive(Debug)]
pub(crate) struct Answer {
    asked: Asked,
    proxy: Proxy,
    layout: Layout,
    pub(crate) reply: Option<Reply>,
    pub(crate) seen: Option<Seen>,
}

/// The gate that proxies ask, and the app behind them.
pub(crate) struct Place {
    layout: Layout,
    gate: Gate,
    app: Arc<App>,
    cookies: Cookies,
}

/// What each visitor sends to the app: all cookies that our pages set, or those that browsers share between the
/// hosts of a domain.
#[derive(Clone, Debug)]
struct Cookies {
    person: Person,
    alice: String,
    bob: String,
    half: String,
    one_factor: String,
}

/// One way through.
pub(crate) struct Scene {
    pub(crate) proxy: Proxy,
    pub(crate) layout: Layout,
    pub(crate) address: SocketAddr,
    app: Arc<App>,
    cookies: Cookies,
    number: AtomicUsize,
    _running: Option<Running>,
    _gate: Option<Gate>,
}

/// The recipes are run with the configuration of one of them.
#[test]
fn the_recipes_have_the_same_rules() {
    let rules = |name: &str| {
        let text = example(&format!("{name}/vestibule.toml"));
        text.split_once("[session]")
            .map(|(_, rules)| rules.to_owned())
    };
    for other in ["caddy", "haproxy", "traefik", "envoy"] {
        assert_eq!(rules(other), rules("nginx"), "{other}");
    }
}

/// Starts a gate that serves its pages and answers proxies, and an app.
pub(crate) fn asked_by_proxies(layout: Layout) -> Place {
    let gate = Gate::start(&format!("{}\n{LENIENT}", layout.plain_config()));
    Place {
        layout,
        cookies: Cookies::of(&gate, layout),
        app: Arc::new(App::start()),
        gate,
    }
}

impl Place {
    pub(crate) fn kill(mut self) {
        self.gate.kill_9();
    }

    /// Nobody's session can be looked up any more.
    pub(crate) fn lose_store(&self) {
        // Changed, so that what is in memory of her counts no more.
        let changed = self.gate.cli(&["user", "set", "alice", "--group", "staff"]);
        assert_eq!(changed.code, Some(0), "{changed:?}");
        self.gate.lose_store();
    }
}

impl Cookies {
    /// Everybody comes in.
    fn of(gate: &Gate, layout: Layout) -> Self {
        let enrol = |browser: &mut Browser, name: &str, more: &[&str]| {
            let added = gate.cli(&[&["user", "add", name], more].concat());
            Person::enrol(browser, name, &invitation_path(&added.stdout))
        };
        let browser = || Browser::new(gate.address(), layout.pages());
        let (mut alice, mut bob, mut half, mut one) = (browser(), browser(), browser(), browser());
        let person = enrol(&mut alice, "alice", &["--group", "staff"]);
        enrol(&mut bob, "bob", &[]);
        person.give_password(&mut half);
        let page = one.visit(&format!("/_vestibule/login?rd=http://{APP_HOST}/feed/x"));
        let fields = [
            ("username", "alice"),
            ("password", person.password.as_str()),
        ];
        let answer = one.submit(&page, &fields);
        assert!(answer.begins_a_session(), "{answer:?}");
        let carried = |browser: &Browser| match layout {
            Layout::Apart => shared(browser),
            Layout::Together => browser.cookie_header(),
        };
        Self {
            person,
            alice: match layout {
                Layout::Apart => shared(&alice),
                Layout::Together => every_cookie(&mut alice, &half),
            },
            bob: carried(&bob),
            // On two hosts, what is under way belongs to the one of the login page, and counts for nothing elsewhere.
            half: half.cookie_header(),
            one_factor: carried(&one),
        }
    }
}

/// Those for the whole domain.
fn shared(browser: &Browser) -> String {
    let pairs = ["vestibule", "vestibule-device"]
        .map(|name| browser.cookie(name).map(|value| format!("{name}={value}")));
    pairs.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// As many as there can be: somebody who is signed in has a login under way.
fn every_cookie(browser: &mut Browser, half: &Browser) -> String {
    let login = half
        .cookie("vestibule-login")
        .expect("a login is under way");
    browser.set_cookie("vestibule-login", &login);
    let all = browser.cookie_header();
    assert_eq!(all.matches("vestibule").count(), 4, "{all}");
    all
}

impl Scene {
    /// The gate directly in front.
    pub(crate) fn in_line(layout: Layout) -> Self {
        let app = Arc::new(App::start());
        let trusting = "trusted_proxies = [\"127.0.0.1\"]";
        let config = replaced(&layout.plain_config(), &[(trusting, "")]);
        let gate = Gate::start(&format!("{config}\n{}{LENIENT}", app.upstream()));
        Self {
            proxy: Proxy::InLine,
            layout,
            address: gate.address(),
            app,
            cookies: Cookies::of(&gate, layout),
            number: AtomicUsize::default(),
            _running: None,
            _gate: Some(gate),
        }
    }

    /// With this proxy in front, which asks the gate.
    pub(crate) fn behind(place: &Place, proxy: Proxy) -> Self {
        let layout = place.layout;
        let running = Running::start(proxy, layout, place.gate.address(), place.app.address());
        Self {
            proxy,
            layout,
            address: running.address,
            app: Arc::clone(&place.app),
            cookies: place.cookies.clone(),
            number: AtomicUsize::default(),
            _running: Some(running),
            _gate: None,
        }
    }

    /// The `Cookie` of a visitor; the app has one of its own.
    pub(crate) fn cookie(&self, visitor: Visitor) -> String {
        let Cookies {
            alice,
            bob,
            half,
            one_factor,
            person: _,
        } = &self.cookies;
        match visitor {
            Visitor::Nobody => "theme=dark".to_owned(),
            Visitor::Stale => "theme=dark; vestibule=bm90LWEtc2Vzc2lvbg".to_owned(),
            Visitor::Half => format!("theme=dark; {half}"),
            Visitor::OneFactor => format!("theme=dark; {one_factor}"),
            Visitor::Alice => format!("{alice}; theme=dark"),
            Visitor::Bob => format!("theme=dark; {bob}"),
            Visitor::Twice => format!("{bob}; theme=dark; {alice}"),
        }
    }

    pub(crate) fn ask(&self, asked: &Asked) -> Answer {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let mark = format!("{:?}-{number}", self.proxy);
        let mut head = format!(
            "{} {} HTTP/1.1\r\nHost: {APP_HOST}\r\nX-Case: {mark}\r\nCookie: {}\r\n",
            asked.method,
            asked.target,
            self.cookie(asked.visitor)
        );
        let nominates = asked.lines.iter().any(|(name, _)| *name == "Connection");
        if !nominates {
            head.push_str("Connection: close\r\n");
        }
        for (name, value) in asked.lines {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if asked.body > 0 {
            head.push_str(&format!("Content-Length: {}\r\n", asked.body));
        }
        let message = [head.as_bytes(), b"\r\n", &vec![b'x'; asked.body]].concat();
        let reply = exchange(self.address, &message).ok();
        let mut requests = self.app.seen().into_iter();
        let seen = requests.rfind(|seen| seen.all("x-case") == [mark.as_str()]);
        Answer {
            asked: *asked,
            proxy: self.proxy,
            layout: self.layout,
            reply: reply
                .filter(|bytes| !bytes.is_empty())
                .map(|bytes| Reply::parse(asked.target, &bytes)),
            seen,
        }
    }

    /// Whether the app got a request that it refused by itself, which looks as if another had.
    pub(crate) fn app_was_misused(&self) -> bool {
        let seen = self.app.seen();
        seen.iter().any(|seen| seen.method == UNREADABLE)
    }

    /// Whether the app sees what a stranger asks for under this host.
    pub(crate) fn reaches_app(&self, target: &str, host: &str) -> bool {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let mark = format!("{:?}-{number}", self.proxy);
        let message = format!(
            "GET {target} HTTP/1.1\r\nHost: {host}\r\nX-Case: {mark}\r\nConnection: close\r\n\r\n"
        );
        // Whatever the answer is, none at all too: the app is asked whom it saw.
        let _ = exchange(self.address, message.as_bytes());
        let seen = self.app.seen();
        seen.iter()
            .any(|seen| seen.all("x-case") == [mark.as_str()])
    }

    /// What the app saw of a handshake for a WebSocket and another protocol at once.
    pub(crate) fn wish_beside_a_handshake(&self) -> Option<String> {
        let mark = format!("{:?}-handshake", self.proxy);
        let lines = [("X-Case", mark.as_str()), ("Upgrade", "h2c")];
        // Whatever the answer is: the app is asked what it saw.
        let _ = WebSocket::open(self.address, APP_HOST, "/open/socket", &lines);
        let mut requests = self.app.seen().into_iter();
        let seen = requests.rfind(|seen| seen.all("x-case") == [mark.as_str()]);
        seen.and_then(|seen| seen_wish(&seen))
    }

    /// The page that follows on Alice's password, given through the proxy.
    pub(crate) fn give_password(&self) -> Reply {
        let mut browser = Browser::new(self.address, self.layout.pages());
        self.cookies.person.give_password(&mut browser)
    }

    /// The status of a page of the gate, for Alice and with every header that a check believes.
    pub(crate) fn ask_portal(&self, target: &str) -> Option<u16> {
        self.ask_portal_whole(target).map(|reply| reply.status)
    }

    /// The same, and all that it says.
    pub(crate) fn ask_portal_whole(&self, target: &str) -> Option<Reply> {
        let message = format!(
            "GET {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nCookie: {}\r\n\
             X-Original-URL: http://{APP_HOST}/open/x\r\nX-Original-Method: GET\r\n\
             X-Forwarded-Method: GET\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: {APP_HOST}\r\n\
             X-Forwarded-Uri: /open/x\r\n\r\n",
            self.layout.pages(),
            self.cookie(Visitor::Alice)
        );
        let answer = exchange(self.address, message.as_bytes()).ok()?;
        Some(Reply::parse(target, &answer))
    }
}

/// What the app sees of a wish for another protocol than WebSocket.
fn seen_wish(seen: &Seen) -> Option<String> {
    let wishes = [seen.all("upgrade"), seen.all("http2-settings")].concat();
    let other = wishes
        .iter()
        .any(|wish| !wish.is_empty() && !wish.eq_ignore_ascii_case("websocket"));
    other.then(|| format!("the app saw a wish for {wishes:?}"))
}

impl Answer {
    fn outcome(&self, expected: Outcome) -> Outcome {
        let Some(reply) = &self.reply else {
            return Outcome::Strange;
        };
        let origin = format!("http://{}", self.layout.pages());
        // Where the pages are on the same host, in-line mode names none.
        let page = reply.header("location").and_then(|location| {
            let path = location.strip_prefix(&origin).unwrap_or(location);
            path.strip_prefix("/_vestibule/")
        });
        let asks_for_more =
            |page: &str| page.starts_with("login?rd=") || page.starts_with("second-factor?rd=");
        match (reply.status, &self.seen) {
            (200, Some(seen)) => self.passed(seen, expected),
            (303, None) if page.is_some_and(asks_for_more) => Outcome::Login,
            (303, None) if page.is_some() => Outcome::Page,
            (200, None) => Outcome::Page,
            (401, None) => Outcome::Unauthorized,
            (403, None) => Outcome::Forbidden,
            (400 | 404 | 405 | 414 | 431 | 501, None) => Outcome::Refused,
            _ => Outcome::Strange,
        }
    }

    fn passed(&self, seen: &Seen, expected: Outcome) -> Outcome {
        let names = seen.all("remote-user");
        let name = match names.as_slice() {
            [] | [""] => None,
            ["alice"] => Some("alice"),
            ["bob"] => Some("bob"),
            _ => return Outcome::Strange,
        };
        match (name, expected) {
            (name, Outcome::Rewritten(_, target)) if seen.target == target => {
                Outcome::Rewritten(name, target)
            }
            _ if seen.target != self.asked.target => Outcome::Strange,
            (Some(name), _) => Outcome::As(name),
            (None, _) => Outcome::AsNobody,
        }
    }

    /// Where the app should write that was not judged: it sees the line that was sent, or none where that is nominated.
    fn other_destination(&self, seen: &Seen) -> Option<String> {
        let lines = self.asked.lines;
        let is_nominated = lines
            .iter()
            .any(|(name, value)| *name == "Connection" && value.contains("Destination"));
        let sent = lines
            .iter()
            .filter(|(name, _)| *name == "Destination" && !is_nominated);
        let sent: Vec<&str> = sent.map(|(_, value)| *value).collect();
        let there = seen.all("destination");
        (there != sent).then(|| format!("the app saw a destination {there:?}"))
    }

    /// What is wrong with it, whatever was expected, and what is not as expected.
    pub(crate) fn complaints(&self, expected: Outcome) -> Vec<String> {
        let mut complaints = vec![];
        let outcome = self.outcome(expected);
        if outcome != expected {
            let status = self
                .reply
                .as_ref()
                .map(|reply| (reply.status, reply.all("location")));
            let target = self.seen.as_ref().map(|seen| seen.target.clone());
            complaints.push(format!(
                "{outcome:?} ({status:?}, app saw {target:?}), not {expected:?}"
            ));
        }
        let unnamed = self
            .reply
            .as_ref()
            .is_some_and(|reply| reply.status == 401 && reply.all("www-authenticate").len() != 1);
        if unnamed {
            // RFC 9110, 11.6.1.
            complaints.push("401 does not say how to sign in".to_owned());
        }
        let Some(seen) = &self.seen else {
            return complaints;
        };
        for (name, value) in &seen.headers {
            let ours = name.contains("remote") || name.contains("vestibule");
            if value.contains(FORGED) || ours && name.contains('_') {
                complaints.push(format!("the app saw {name}: {value}"));
            }
        }
        complaints.extend(seen_wish(seen));
        complaints.extend(self.other_destination(seen));
        let assertions = seen
            .all("x-vestibule-assertion")
            .iter()
            .filter(|value| !value.is_empty())
            .count();
        let named = matches!(outcome, Outcome::As(_) | Outcome::Rewritten(Some(_), _));
        if assertions != usize::from(named) {
            complaints.push(format!("{assertions} assertions"));
        }
        let cookie = seen.all("cookie").join(";");
        if self.proxy.keeps_our_cookies_back() && cookie.contains("vestibule") {
            complaints.push(format!("the app saw our cookies: {cookie}"));
        }
        if !cookie.contains("theme=dark") && self.asked.visitor != Visitor::Twice {
            complaints.push(format!("the app lost its own cookie: {cookie:?}"));
        }
        if seen.body_length != self.asked.body || seen.method != self.asked.method {
            complaints.push(format!(
                "the app saw {} with {} bytes",
                seen.method, seen.body_length
            ));
        }
        complaints
    }
}
