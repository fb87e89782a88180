//! Forms of ours that lost their cookie or their way: the page names the setting that is wrong.

use crate::harness::HOST;
use crate::harness::browser::{Browser, Reply};
use crate::harness::crowd::LENIENT;
use crate::harness::gate::Gate;
use crate::{LOGIN, SECOND_FACTOR, TRANSACTION, give, lenient, person};

const SEED: &str = "vestibule-csrf";

fn over_tls() -> Gate {
    let config =
        format!("public_url = \"https://{HOST}\"\ntrusted_proxies = [\"127.0.0.1/32\"]\n{LENIENT}");
    Gate::start(&config)
}

fn says(reply: &Reply, status: u16, parts: &[&str]) {
    let text = reply.visible_text();
    assert_eq!(reply.status, status, "{text}");
    for part in parts {
        assert!(text.contains(part), "{part}: {text}");
    }
}

const FIELDS: &[(&str, &str)] = &[("username", "alice"), ("password", "whatever it is")];

#[test]
fn a_form_without_any_cookie_blames_the_browser_and_then_the_proxy() {
    let gate = lenient();
    let mut browser = gate.browser();
    let page = browser.get(LOGIN);
    browser.set_cookie(SEED, "");
    let parts = [
        "Allow cookies",
        "No cookie at all",
        "Set-Cookie",
        "public_url",
    ];
    says(&browser.submit(&page, FIELDS), 403, &parts);
}

#[test]
fn a_form_with_other_cookies_names_ours_and_what_keeps_it_away() {
    let (plain, tls) = (lenient(), over_tls());
    for (mut browser, seed, parts) in [
        (
            plain.browser(),
            SEED,
            ["vestibule-csrf", "session.cookie_name"],
        ),
        (
            tls.browser().over_tls(),
            "__Host-vestibule-csrf",
            ["__Host-vestibule-csrf", "X-Forwarded-Proto"],
        ),
    ] {
        let page = browser.get(LOGIN);
        browser.set_cookie(seed, "");
        browser.set_cookie("theme", "dark");
        says(&browser.submit(&page, FIELDS), 403, &parts);
    }
}

/// Sends the login form as if it were shown at `origin`.
fn shown_at(browser: &mut Browser, origin: &str, site: &str) -> Reply {
    let page = browser.get(LOGIN);
    let csrf = page.form(&["username"]).filled[0].1.clone();
    let body = format!("csrf={csrf}&username=alice&password=whatever");
    let lines = [
        ("Accept", "text/html"),
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("Origin", origin),
        ("Sec-Fetch-Site", site),
    ];
    browser.send("POST", LOGIN, &lines, body.as_bytes())
}

#[test]
fn a_form_at_another_address_than_public_url_says_both() {
    let (plain, tls) = (lenient(), over_tls());
    let (http, https) = (format!("http://{HOST}"), format!("https://{HOST}"));
    let far = "http://192.0.2.7:8080";
    for (browser, shown, parts) in [
        (
            tls.browser().over_tls(),
            http.as_str(),
            ["public_url", "on to https"],
        ),
        (
            plain.browser(),
            &https,
            ["trusted_proxies", "X-Forwarded-Proto"],
        ),
        (plain.browser(), far, ["public_url", "Host"]),
        (tls.browser().over_tls(), far, ["public_url", "Host"]),
    ] {
        for site in ["", "same-origin"] {
            let reply = shown_at(&mut browser.clone(), shown, site);
            says(&reply, 403, &parts);
            says(&reply, 403, &[shown, "Nothing was changed"]);
        }
        // What says itself that it is another site's is told nothing.
        for site in ["cross-site", "same-site"] {
            let reply = shown_at(&mut browser.clone(), shown, site);
            says(&reply, 403, &["no longer good"]);
        }
    }
}

#[test]
fn a_form_whose_cookies_another_site_doubled_says_so() {
    let gate = lenient();
    let alice = person(&gate, "alice");
    let mut browser = gate.browser();
    let page = browser.get(LOGIN);
    browser.plant(SEED, "x", Some("localhost"));
    let parts = ["two sign-in cookies", SEED, "session.cookie_name"];
    says(&browser.submit(&page, FIELDS), 508, &parts);
    says(&browser.get(LOGIN), 508, &parts);
    let mut browser = gate.browser();
    let answer = give(&mut browser, "alice", &alice.password);
    let page = browser.follow(answer);
    assert_eq!(page.path, SECOND_FACTOR);
    browser.plant(TRANSACTION, "x", Some("localhost"));
    let code = alice.backup_codes[0].as_str();
    let parts = ["two sign-in cookies", TRANSACTION];
    says(&browser.submit(&page, &[("code", code)]), 508, &parts);
}
