//! Two session cookies of one name in one browser: neither counts, and nobody signs in without end.

use crate::harness::app::App;
use crate::harness::browser::{Browser, Reply};
use crate::harness::crowd::LENIENT;
use crate::harness::gate::Gate;
use crate::harness::person::{PORTAL, Person, signed_in};

const WIKI: &str = "wiki.team.localhost";
const SHOP: &str = "shop.team.localhost";
const DOMAIN: &str = "team.localhost";
const SHARED: &str = "[session]\ncookie_domain = \"team.localhost\"\n";
const NAME: &str = "vestibule";

struct Scene {
    gate: Gate,
    wiki: App,
    shop: App,
}

impl Scene {
    fn new(session: &str) -> Self {
        let (wiki, shop) = (App::start(), App::start());
        let gate = Gate::start(&format!(
            "public_url = \"http://{WIKI}\"\n{}host = \"{WIKI}\"\n{}host = \"{SHOP}\"\n{LENIENT}{session}",
            wiki.upstream(),
            shop.upstream(),
        ));
        Self { gate, wiki, shop }
    }

    fn enrolled(&self) -> (Browser, Person) {
        let mut browser = Browser::new(self.gate.address(), WIKI);
        let alice = Person::enrol(&mut browser, "alice", &self.gate.invite("alice"));
        (browser, alice)
    }
}

/// How many session cookies the browser would send.
fn number(browser: &Browser) -> usize {
    let header = browser.cookie_header();
    let pairs = header.split("; ");
    pairs.filter(|pair| pair.starts_with("vestibule=")).count()
}

fn is_explained(reply: &Reply) {
    let text = reply.visible_text();
    assert_eq!(reply.status, 508, "{text}");
    assert!(!reply.text().contains("<form"), "a form without end");
    for part in [
        "two sign-in cookies",
        "Clear the cookies",
        DOMAIN,
        NAME,
        "session.cookie_name",
        "session.cookie_domain",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_cookie_from_before_the_sign_in_was_shared_is_forgotten_on_the_way() {
    let scene = Scene::new(SHARED);
    let (browser, _) = scene.enrolled();
    for (seen, path) in ["/page", &format!("{PORTAL}/login?rd=/page")]
        .into_iter()
        .enumerate()
    {
        let mut browser = browser.clone();
        browser.plant(NAME, "older", None);
        assert!(!signed_in(&mut browser.clone()), "which one is ours?");
        let reply = browser.visit(path);
        assert_eq!((reply.status, reply.path.as_str()), (200, "/page"));
        assert_eq!(scene.wiki.seen().len(), seen + 1);
        assert_eq!(number(&browser), 1);
    }
}

#[test]
fn an_app_has_a_cookie_of_its_host_forgotten_too() {
    let scene = Scene::new(SHARED);
    let (mut wiki, _) = scene.enrolled();
    let mut shop = wiki.elsewhere(SHOP, DOMAIN);
    shop.plant(NAME, "older", None);
    let challenge = shop.get("/cart");
    let login = challenge.header("location").expect("a login page");
    let login = login
        .strip_prefix(&format!("http://{WIKI}"))
        .expect("at the wiki");
    let back = wiki.get(login);
    let expected = format!("http://{SHOP}/cart");
    assert_eq!(back.header("location"), Some(expected.as_str()));
    assert_eq!(shop.get("/cart").status, 200);
    assert_eq!(scene.shop.seen().len(), 1);
}

#[test]
fn a_sign_in_from_before_it_was_shared_reaches_the_other_hosts() {
    let scene = Scene::new(SHARED);
    let (mut wiki, _) = scene.enrolled();
    let session = wiki.cookie(NAME).expect("a session");
    wiki.set_cookie(NAME, &session);
    assert!(wiki.elsewhere(SHOP, DOMAIN).cookie(NAME).is_none());
    let back = wiki.get(&format!("{PORTAL}/login?rd=http://{SHOP}/cart"));
    assert_eq!(back.status, 303);
    assert_eq!(number(&wiki), 1);
    assert_eq!(wiki.elsewhere(SHOP, DOMAIN).get("/cart").status, 200);
    assert_eq!(scene.shop.seen().len(), 1);
}

#[test]
fn signing_in_and_out_leave_no_second_cookie() {
    let scene = Scene::new(SHARED);
    let (_, alice) = scene.enrolled();
    let mut browser = Browser::new(scene.gate.address(), WIKI);
    browser.plant(NAME, "older", None);
    browser.plant("vestibule-device", "older", None);
    assert!(alice.sign_in(&mut browser, &alice.backup_codes[0]));
    assert_eq!(number(&browser), 1);
    assert_eq!(
        browser.cookie_header().matches("vestibule-device=").count(),
        1
    );
    assert!(signed_in(&mut browser));
    browser.plant(NAME, "older", None);
    browser.get(&format!("{PORTAL}/logout"));
    assert_eq!(number(&browser), 0);
}

#[test]
fn a_cookie_that_we_cannot_take_back_is_explained_in_place_of_the_form() {
    let scene = Scene::new("");
    let (mut browser, alice) = scene.enrolled();
    let planted = browser.cookie(NAME).expect("a session");
    Person::sign_out(&mut browser);
    for (value, code) in ["x", "", &planted].into_iter().zip(&alice.backup_codes) {
        let mut browser = browser.clone();
        // Alone it looks like an old session.
        browser.plant(NAME, value, Some(DOMAIN));
        assert!(alice.sign_in(&mut browser, code));
        assert!(!signed_in(&mut browser.clone()));
        is_explained(&browser.visit("/page"));
        is_explained(&browser.visit(&format!("{PORTAL}/login")));
        assert_eq!(scene.wiki.seen(), []);
    }
}

#[test]
fn a_shared_cookie_that_comes_twice_all_the_same_is_explained() {
    let scene = Scene::new(SHARED);
    let (mut browser, _) = scene.enrolled();
    // As one with a longer path, which no answer of ours takes back.
    browser.plant(NAME, "x", Some("localhost"));
    is_explained(&browser.visit("/page"));
    is_explained(&browser.visit(&format!("{PORTAL}/login?rd=/page")));
    assert_eq!(scene.wiki.seen(), []);
    browser.set_cookie(NAME, "");
    assert_eq!(browser.visit(&format!("{PORTAL}/login")).status, 200);
}
