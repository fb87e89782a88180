//! A person who walks through the pages: accepts an invitation, enrols, signs in and out.

use super::authenticator::Authenticator;
use super::browser::{Browser, Reply, without_tags};

/// Where our own pages live by default.
pub(crate) const PORTAL: &str = "/_vestibule";

/// Someone with an account, a password, an authenticator and backup codes.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) password: String,
    pub(crate) authenticator: Authenticator,
    pub(crate) backup_codes: Vec<String>,
}

impl Person {
    /// Walks from an invitation to the app behind; the browser is signed in afterwards.
    pub(crate) fn enrol(browser: &mut Browser, name: &str, invitation: &str) -> Self {
        let (person, page) = Self::enrol_to_codes(browser, name, invitation);
        Self::keep_codes(browser, &page);
        person
    }

    /// Walks from an invitation to the page with the backup codes.
    pub(crate) fn enrol_to_codes(
        browser: &mut Browser,
        name: &str,
        invitation: &str,
    ) -> (Self, Reply) {
        let password = format!("correct horse battery {name}");
        let page = browser.visit(invitation);
        let twice = [
            ("new_password", password.as_str()),
            ("new_password_again", &password),
        ];
        let answer = browser.submit(&page, &twice);
        let page = browser.follow(answer);
        let mut authenticator = Authenticator::new(&shown_secret(&page));
        let page = connect(browser, &page, &mut authenticator);
        let person = Self {
            name: name.to_owned(),
            password,
            authenticator,
            backup_codes: shown_backup_codes(&page),
        };
        (person, page)
    }

    /// Says that the backup codes are kept, which signs in.
    pub(crate) fn keep_codes(browser: &mut Browser, page: &Reply) {
        let answer = browser.submit(page, &[("kept", "yes")]);
        assert!((300..400).contains(&answer.status), "{}", answer.text());
    }

    /// Gives user name and password; the answer is that of the gate, redirects followed.
    pub(crate) fn give_password(&self, browser: &mut Browser) -> Reply {
        let page = browser.visit(&format!("{PORTAL}/login"));
        let fields = [
            ("username", self.name.as_str()),
            ("password", &self.password),
        ];
        let answer = browser.submit(&page, &fields);
        browser.follow(answer)
    }

    /// Signs in with password and `code`, and tells whether the gate let the person in.
    pub(crate) fn sign_in(&self, browser: &mut Browser, code: &str) -> bool {
        let page = self.give_password(browser);
        let answer = browser.submit(&page, &[("code", code)]);
        (300..400).contains(&answer.status) && answer.begins_a_session()
    }

    /// Ends the session of this browser.
    pub(crate) fn sign_out(browser: &mut Browser) {
        let page = browser.visit(&format!("{PORTAL}/logout"));
        let answer = browser.submit(&page, &[]);
        assert!(
            answer.status < 400,
            "sign-out answered {}: {}",
            answer.status,
            answer.text()
        );
    }
}

/// Whether the gate knows who this browser is.
pub(crate) fn signed_in(browser: &mut Browser) -> bool {
    let reply = browser.send(
        "GET",
        &format!("{PORTAL}/whoami"),
        &[("Accept", "application/json")],
        b"",
    );
    assert!(
        [200, 401].contains(&reply.status),
        "whoami answered {}",
        reply.status
    );
    reply.status == 200
}

/// Gives a code of the new authenticator; another one when the machine was slower than the first one lasts, or had too
/// much to do.
fn connect(browser: &mut Browser, page: &Reply, authenticator: &mut Authenticator) -> Reply {
    let mut page = page.clone();
    for _ in 0..10 {
        let code = authenticator.code();
        let answer = browser.submit(&page, &[("code", &code)]);
        let is_late = answer.status == 403 && !authenticator.is_timely(&code);
        if !is_late && answer.status != 503 {
            return browser.follow(answer);
        }
        page = answer;
    }
    page
}

/// The secret in the `otpauth://` link of the enrolment page.
fn shown_secret(page: &Reply) -> String {
    let text = page.text();
    let (_, rest) = text
        .split_once("otpauth://")
        .unwrap_or_else(|| panic!("no otpauth link in {text}"));
    let (_, rest) = rest
        .split_once("secret=")
        .expect("the link carries the secret");
    rest.chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect()
}

/// The ten backup codes of the page, the only ones of their kind in a list.
pub(crate) fn shown_backup_codes(page: &Reply) -> Vec<String> {
    let text = page.text();
    let items = text
        .split("<li")
        .skip(1)
        .filter_map(|item| item.split("</li").next());
    let codes: Vec<String> = items
        .map(|item| without_tags(&format!("<li{item}")).trim().to_owned())
        .filter(|text| {
            text.len() >= 10 && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        })
        .collect();
    assert_eq!(codes.len(), 10, "ten backup codes in {text}");
    codes
}
