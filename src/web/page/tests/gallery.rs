//! Every page in every state.

use crate::authz::Challenge;
use crate::clock::Timestamp;
use crate::web::page::{
    Direction, Document, Form, Frame, Step, account, backup_codes, enrol, error, form_lost,
    invitation, login, logout, second_factor, sign_in_loop, signed_out, unsent,
};
use std::time::Duration;

const WAIT: Duration = Duration::from_secs(90);
const NOW: Timestamp = Timestamp(1_795_230_000);

/// What a visitor, an administrator or an app could put into a page.
#[derive(Clone, Copy)]
pub(crate) struct Texts<'a> {
    pub(crate) title: &'a str,
    pub(crate) site: &'a str,
    pub(crate) name: &'a str,
    pub(crate) url: &'a str,
    pub(crate) code: &'a str,
}

pub(crate) const USUAL: Texts<'_> = Texts {
    title: "Harbour Tools",
    site: "app.example.com",
    name: "maria.lindqvist",
    url: "/_vestibule/here",
    code: "7K2M-Q9XD-4RTA",
};

pub(crate) fn frame<'a>(texts: &Texts<'a>) -> Frame<'a> {
    Frame {
        title: texts.title,
        site: texts.site,
        lang: "en",
        dir: Direction::LeftToRight,
        logo: None,
        support_link: Some("https://help.example.com/"),
        stylesheet_url: texts.url,
        script_url: texts.url,
    }
}

pub(crate) fn form<'a>(texts: &Texts<'a>) -> Form<'a> {
    Form {
        action: texts.url,
        csrf: texts.code,
        rd: Some(texts.url),
    }
}

pub(crate) type Gallery = Vec<(String, Document)>;

/// Every page in every state.
pub(crate) fn gallery(frame: &Frame<'_>, texts: &Texts<'_>) -> Gallery {
    let mut all = vec![];
    all.extend(logins(frame, texts));
    all.extend(second_factors(frame, texts));
    all.extend(invitations(frame, texts));
    all.extend(enrolments(frame, texts));
    all.extend(backups(frame, texts));
    all.extend(accounts(frame, texts));
    all.extend(ends(frame, texts));
    all.extend(forms_unsent(frame, texts));
    all.extend(forms_lost(frame, texts));
    all.extend(errors(frame, texts));
    all
}

fn logins(frame: &Frame<'_>, texts: &Texts<'_>) -> Gallery {
    use login::Notice::{Busy, FormExpired, Incomplete, Refused, TimedOut, TooMany};
    let with = |state: &str, username, notice| {
        let model = login::Model {
            frame,
            destination: texts.site,
            form: form(texts),
            username,
            notice,
        };
        (format!("login-{state}"), login::view(&model))
    };
    vec![
        with("fresh", "", None),
        with("incomplete", "", Some(Incomplete)),
        with("refused", texts.name, Some(Refused)),
        with("timed-out", texts.name, Some(TimedOut)),
        with("form-expired", texts.name, Some(FormExpired)),
        with("busy", texts.name, Some(Busy(WAIT))),
        with("too-many", texts.name, Some(TooMany(WAIT))),
    ]
}

fn second_factors(frame: &Frame<'_>, texts: &Texts<'_>) -> Gallery {
    use second_factor::Notice::{Busy, Malformed, Refused, TooMany};
    use second_factor::Purpose::{SignIn, StepUp};
    use second_factor::Way::{App, BackupCode};
    let with = |state: &str, purpose, way, notice| {
        let model = second_factor::Model {
            frame,
            form: form(texts),
            username: texts.name,
            way,
            other_way: texts.url,
            purpose,
            give_up: texts.url,
            notice,
        };
        (
            format!("second-factor-{state}"),
            second_factor::view(&model),
        )
    };
    vec![
        with("app", SignIn, App, None),
        with("step-up", StepUp, App, None),
        with("step-up-backup", StepUp, BackupCode, None),
        with("app-malformed", SignIn, App, Some(Malformed)),
        with("app-refused", SignIn, App, Some(Refused)),
        with("app-too-many", SignIn, App, Some(TooMany(WAIT))),
        with("backup", SignIn, BackupCode, None),
        with("backup-malformed", SignIn, BackupCode, Some(Malformed)),
        with("backup-refused", SignIn, BackupCode, Some(Refused)),
        with("backup-busy", SignIn, BackupCode, Some(Busy(WAIT))),
    ]
}

fn step(number: u8) -> Option<Step> {
    Some(Step { number, of: 3 })
}

fn invitations(frame: &Frame<'_>, texts: &Texts<'_>) -> Gallery {
    use invitation::Problem::{Busy, Different, Incomplete, Weak};
    let with = |state: &str, display_name, problem| {
        let model = invitation::Model {
            frame,
            form: form(texts),
            step: step(1),
            username: texts.name,
            display_name,
            min_length: 12,
            problem,
        };
        (format!("invitation-{state}"), invitation::view(&model))
    };
    vec![
        with("fresh", "Maria Lindqvist", None),
        with("nameless", "", None),
        with("named", texts.name, None),
        with("incomplete", "Maria", Some(Incomplete)),
        with("different", "Maria", Some(Different)),
        with("weak", "Maria", Some(Weak(texts.title))),
        with("busy", "Maria", Some(Busy(WAIT))),
    ]
}

pub(crate) const SECRET: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
pub(crate) const URI: &str = "otpauth://totp/Harbour%20Tools:maria.lindqvist?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP\
                   &issuer=Harbour%20Tools&algorithm=SHA1&digits=6&period=30";

fn enrolments(frame: &Frame<'_>, texts: &Texts<'_>) -> Gallery {
    use enrol::Problem::{Busy, Malformed, TooMany, WrongCode};
    let waiting = |problem| {
        enrol::State::Waiting(enrol::Secret {
            uri: URI,
            base32: SECRET,
            username: texts.name,
            problem,
        })
    };
    let with = |state: &str, shown| {
        let model = enrol::Model {
            frame,
            form: form(texts),
            step: (!state.starts_with("done")).then(|| step(2)).flatten(),
            state: shown,
        };
        (format!("enrol-{state}"), enrol::view(&model))
    };
    vec![
        with("fresh", waiting(None)),
        with("malformed", waiting(Some(Malformed))),
        with("wrong", waiting(Some(WrongCode))),
        with("busy", waiting(Some(Busy(WAIT)))),
        with("too-many", waiting(Some(TooMany(WAIT)))),
        with("expired", enrol::State::Expired),
        with("done", enrol::State::Done { account: texts.url }),
    ]
}

fn backups(frame: &Frame<'_>, texts: &Texts<'_>) -> Gallery {
    let with = |state: &str, shown| {
        let model = backup_codes::Model {
            frame,
            form: form(texts),
            step: step(3),
            username: texts.name,
            state: shown,
        };
        (format!("backup-codes-{state}"), backup_codes::view(&model))
    };
    vec![
        with("fresh", backup_codes::State::Fresh(&[texts.code; 10])),
        with("shown-before", backup_codes::State::ShownBefore),
        with("not-ticked", backup_codes::State::NotTicked),
    ]
}

fn accounts(frame: &Frame<'_>, texts: &Texts<'_>) -> Gallery {
    let with = |state: &str, groups: &[&str], second_factor| {
        let apps = if groups.is_empty() {
            account::Apps::Within(texts.site)
        } else {
            account::Apps::Here(texts.url)
        };
        let model = account::Model {
            frame,
            sign_out: form(texts),
            apps,
            username: texts.name,
            display_name: if groups.is_empty() { "" } else { texts.name },
            email: if groups.is_empty() { "" } else { texts.name },
            groups,
            signed_in: Timestamp(NOW.0 - 720),
            now: NOW,
            second_factor,
        };
        (format!("account-{state}"), account::view(&model))
    };
    let app = |codes_left| account::SecondFactor::App {
        since: Timestamp(NOW.0 - 5_000_000),
        codes_left,
    };
    let groups = [texts.name, "harbour masters", "admin"];
    vec![
        with("ten", &groups, app(10)),
        with("four", &groups, app(4)),
        with("three", &groups, app(3)),
        with("one", &groups, app(1)),
        with("none-left", &groups, app(0)),
        with("bare", &[], account::SecondFactor::None),
    ]
}

fn ends(frame: &Frame<'_>, texts: &Texts<'_>) -> Gallery {
    let question = logout::Model {
        frame,
        form: form(texts),
        username: texts.name,
        back: texts.url,
    };
    let farewell = signed_out::Model {
        frame,
        login: texts.url,
    };
    let other = |theirs| sign_in_loop::Cause::OtherHost {
        ours: texts.site,
        theirs,
    };
    let (named, nameless) = (other(Some(texts.name)), other(None));
    let two = sign_in_loop::Cause::TwoCookies {
        name: texts.name,
        site: texts.site,
    };
    vec![
        ("logout".to_owned(), logout::view(&question)),
        ("signed-out".to_owned(), signed_out::view(&farewell)),
        ("loop-other-host".to_owned(), circles(frame, texts, named)),
        (
            "loop-nameless-host".to_owned(),
            circles(frame, texts, nameless),
        ),
        ("loop-two-cookies".to_owned(), circles(frame, texts, two)),
        (
            "loop-kept-back".to_owned(),
            circles(frame, texts, sign_in_loop::Cause::KeptBack),
        ),
    ]
}

fn circles(frame: &Frame<'_>, texts: &Texts<'_>, cause: sign_in_loop::Cause<'_>) -> Document {
    sign_in_loop::view(&sign_in_loop::Model {
        frame,
        cause,
        again: texts.url,
        logout: texts.url,
    })
}

fn forms_unsent(frame: &Frame<'_>, texts: &Texts<'_>) -> Gallery {
    let view = |challenge| {
        let model = unsent::Model {
            frame,
            challenge,
            page: texts.url,
            request_id: texts.code,
        };
        (format!("unsent-{challenge:?}"), unsent::view(&model))
    };
    let challenges = [
        Challenge::SignIn,
        Challenge::SecondFactor,
        Challenge::FreshSecondFactor,
    ];
    challenges.map(view).into()
}

fn forms_lost(frame: &Frame<'_>, texts: &Texts<'_>) -> Gallery {
    use form_lost::Cause::{NoCookies, NotOurs, OtherAddress};
    let with = |state: &str, cause, ours| {
        let model = form_lost::Model {
            frame,
            cause,
            ours,
            login: texts.url,
            request_id: texts.code,
        };
        (format!("form-lost-{state}"), form_lost::view(&model))
    };
    let (tls, plain) = ("https://app.example.com", "http://app.example.com");
    let name = texts.name;
    let other = OtherAddress { shown: texts.site };
    vec![
        with("no-cookies", NoCookies, tls),
        with("not-ours", NotOurs { name }, tls),
        with("not-ours-plain", NotOurs { name }, plain),
        with("other-host", other, texts.title),
        with("other-scheme", OtherAddress { shown: plain }, tls),
        with("other-scheme-plain", OtherAddress { shown: tls }, plain),
    ]
}

fn errors(frame: &Frame<'_>, texts: &Texts<'_>) -> Gallery {
    let view = |problem: error::Problem| {
        let model = error::Model {
            frame,
            problem,
            home: texts.url,
            login: texts.url,
            logout: texts.url,
            request_id: texts.code,
        };
        let name = format!("{problem:?}");
        let name = name.split('(').next().unwrap_or_default();
        (format!("error-{name}"), error::view(&model))
    };
    error::Problem::ALL.into_iter().map(view).collect()
}
