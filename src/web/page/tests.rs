//! What holds for every page in every state.

mod gallery;

use crate::authz::Challenge;
use crate::web::page::asset::{Accent, STYLE, script, style};
use crate::web::page::error::Problem;
use crate::web::page::tests::gallery::{SECRET, Texts, URI, USUAL, form, frame, gallery};
use crate::web::page::words::{ago, span};
use crate::web::page::{Direction, Document, Frame, backup_codes, enrol, login, qr, unsent};
use http::StatusCode;
use std::collections::BTreeSet;
use std::time::Duration;

const EVIL: &str = "\"><script>alert(1)</script><b x='&amp;\u{202e}";

const HOSTILE: Texts<'_> = Texts {
    title: EVIL,
    site: EVIL,
    name: EVIL,
    url: EVIL,
    code: EVIL,
};

fn usual() -> Vec<(String, Document)> {
    gallery(&frame(&USUAL), &USUAL)
}

/// One start tag: its name, and its attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    fn get(&self, attribute: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(name, _)| name == attribute);
        found.map(|(_, value)| value.as_str())
    }
}

/// Every start tag; enough of a parser for HTML that Maud wrote.
fn tags(html: &str) -> Vec<Tag> {
    html.split('<').skip(1).filter_map(tag).collect()
}

fn tag(text: &str) -> Option<Tag> {
    let text = text
        .strip_prefix(|first: char| first.is_ascii_alphabetic())
        .map(|_| text)?;
    let end = text.find([' ', '>'])?;
    let (name, mut rest) = text.split_at(end);
    let mut attributes = vec![];
    while let Some(more) = rest.strip_prefix(' ') {
        let end = more.find(['=', ' ', '>'])?;
        let (attribute, after) = more.split_at(end);
        let (value, after) = match after.strip_prefix("=\"") {
            Some(quoted) => quoted.split_once('"')?,
            None => ("", after),
        };
        attributes.push((attribute.to_owned(), value.to_owned()));
        rest = after;
    }
    assert!(rest.starts_with('>'), "{text}");
    let name = name.to_owned();
    Some(Tag { name, attributes })
}

fn skeleton(html: &str) -> Vec<(String, Vec<String>)> {
    let names = |tag: Tag| {
        (
            tag.name,
            tag.attributes.into_iter().map(|(name, _)| name).collect(),
        )
    };
    tags(html).into_iter().map(names).collect()
}

#[test]
fn hostile_values_add_no_tag_and_no_attribute_anywhere() {
    let hostile_frame = Frame {
        lang: EVIL,
        ..frame(&HOSTILE)
    };
    let hostile = gallery(&hostile_frame, &HOSTILE);
    assert_eq!(hostile.len(), usual().len());
    for ((name, hostile), (_, usual)) in hostile.iter().zip(usual()) {
        assert!(
            hostile.html.contains("&lt;script&gt;"),
            "{name} shows nothing of it"
        );
        assert_eq!(skeleton(&hostile.html), skeleton(&usual.html), "{name}");
    }
}

#[test]
fn no_page_has_an_inline_style_an_inline_script_or_a_handler() {
    for (name, document) in usual() {
        let end_of_script = document.html.matches("</script>").count();
        assert_eq!(
            end_of_script,
            document.html.matches("></script>").count(),
            "{name}"
        );
        for tag in tags(&document.html) {
            assert_ne!(tag.name, "style", "{name}");
            assert!(tag.name != "script" || tag.get("src").is_some(), "{name}");
            for (attribute, value) in &tag.attributes {
                assert!(
                    attribute != "style" && !attribute.starts_with("on"),
                    "{name}: {attribute}"
                );
                assert!(!value.starts_with("javascript:"), "{name}: {value}");
            }
        }
    }
}

#[test]
fn a_script_is_allowed_on_the_two_pages_that_load_it_and_on_no_other() {
    let strict = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; \
                  base-uri 'none'; frame-ancestors 'none'";
    let enhanced = "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; \
                    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    let mut with_script = BTreeSet::new();
    for (name, document) in usual() {
        let loads = tags(&document.html).iter().any(|tag| tag.name == "script");
        assert_eq!(
            document.policy,
            if loads { enhanced } else { strict },
            "{name}"
        );
        if loads {
            with_script.insert(name);
        }
    }
    let expected = [
        "backup-codes-fresh",
        "enrol-busy",
        "enrol-fresh",
        "enrol-malformed",
        "enrol-too-many",
        "enrol-wrong",
    ];
    assert_eq!(with_script, expected.map(str::to_owned).into());
}

#[test]
fn what_needs_a_script_is_hidden_until_there_is_one() {
    for (name, document) in usual() {
        for tag in tags(&document.html) {
            let needs = tag.get("data-copy").is_some() || tag.get("data-print").is_some();
            assert_eq!(tag.get("hidden").is_some(), needs, "{name}: {tag:?}");
        }
    }
}

#[test]
fn every_page_has_one_title_one_heading_and_at_most_one_main_action() {
    for (name, document) in usual() {
        let tags = tags(&document.html);
        let count = |wanted: &str| tags.iter().filter(|tag| tag.name == wanted).count();
        assert!(
            document
                .html
                .starts_with("<!DOCTYPE html><html lang=\"en\" dir=\"ltr\">"),
            "{name}"
        );
        assert!(document.html.contains(" - Harbour Tools</title>"), "{name}");
        assert_eq!(
            ["title", "h1", "main", "header", "footer"].map(count),
            [1; 5],
            "{name}"
        );
        let is_main = |tag: &&Tag| {
            tag.get("class")
                .is_some_and(|class| class.contains("primary"))
        };
        assert!(tags.iter().filter(is_main).count() <= 1, "{name}");
        assert!(
            tags.iter()
                .filter(|tag| tag.get("autofocus").is_some())
                .count()
                <= 1,
            "{name}"
        );
    }
}

#[test]
fn every_reference_points_to_exactly_one_element() {
    for (name, document) in usual() {
        let tags = tags(&document.html);
        let ids: Vec<&str> = tags.iter().filter_map(|tag| tag.get("id")).collect();
        let references = ["aria-describedby", "for", "data-copy"];
        let wanted = tags
            .iter()
            .flat_map(|tag| references.map(|name| tag.get(name)));
        for id in wanted.flatten().flat_map(|ids| ids.split(' ')) {
            assert_eq!(
                ids.iter().filter(|known| **known == id).count(),
                1,
                "{name}: {id}"
            );
        }
        assert_eq!(
            ids.len(),
            ids.iter().collect::<BTreeSet<_>>().len(),
            "{name}"
        );
    }
}

#[test]
fn every_form_is_posted_and_carries_its_token_and_its_target() {
    for (name, document) in usual() {
        for form in document.html.split("<form ").skip(1) {
            let form = form.split("</form>").next().unwrap();
            assert!(
                form.starts_with("method=\"post\" action=\"/_vestibule/here\">"),
                "{name}"
            );
            let token = "<input type=\"hidden\" name=\"csrf\" value=\"7K2M-Q9XD-4RTA\">";
            let target = "<input type=\"hidden\" name=\"rd\" value=\"/_vestibule/here\">";
            assert!(form.contains(token) && form.contains(target), "{name}");
        }
    }
}

/// Name, type and autocomplete of the fields that a person fills in.
fn fields(page: &str) -> Vec<[String; 3]> {
    let (_, document) = usual().into_iter().find(|(name, _)| name == page).unwrap();
    let fields = tags(&document.html).into_iter().filter(|tag| {
        let hidden = tag.get("type") == Some("hidden");
        (tag.name == "input" && !hidden) || (tag.name == "button" && tag.get("name").is_some())
    });
    let row =
        |tag: Tag| ["name", "type", "autocomplete"].map(|at| tag.get(at).unwrap_or("-").to_owned());
    fields.map(row).collect()
}

#[test]
fn fields_have_the_names_and_the_completion_that_browsers_and_programs_rely_on() {
    let username = ["username", "text", "username"];
    let table: [(&str, &[[&str; 3]]); 9] = [
        (
            "login-refused",
            &[username, ["password", "password", "current-password"]],
        ),
        ("second-factor-app", &[["code", "text", "one-time-code"]]),
        ("second-factor-backup", &[["code", "text", "off"]]),
        (
            "invitation-fresh",
            &[
                username,
                ["new_password", "password", "new-password"],
                ["new_password_again", "password", "new-password"],
            ],
        ),
        ("enrol-fresh", &[["code", "text", "one-time-code"]]),
        ("enrol-expired", &[["do", "submit", "-"]]),
        ("backup-codes-fresh", &[["kept", "checkbox", "-"]]),
        (
            "backup-codes-not-ticked",
            &[["kept", "checkbox", "-"], ["do", "submit", "-"]],
        ),
        ("logout", &[]),
    ];
    for (page, expected) in table {
        assert_eq!(fields(page), expected, "{page}");
    }
}

#[test]
fn keyboards_of_phones_fit_the_code_that_is_asked_for() {
    let code_field = |page: &str| {
        let (_, document) = usual().into_iter().find(|(name, _)| name == page).unwrap();
        let tag = tags(&document.html)
            .into_iter()
            .find(|tag| tag.get("name") == Some("code"))
            .unwrap();
        ["inputmode", "autocapitalize", "spellcheck"].map(|at| tag.get(at).map(str::to_owned))
    };
    let yes = |value: &str| Some(value.to_owned());
    assert_eq!(
        code_field("second-factor-app"),
        [yes("numeric"), None, yes("false")]
    );
    assert_eq!(
        code_field("enrol-fresh"),
        [yes("numeric"), None, yes("false")]
    );
    assert_eq!(
        code_field("second-factor-backup"),
        [None, yes("characters"), yes("false")]
    );
}

#[test]
fn a_refused_login_keeps_the_name_and_asks_for_the_password_again() {
    let model = login::Model {
        frame: &frame(&USUAL),
        destination: USUAL.site,
        form: form(&USUAL),
        username: "maria",
        notice: Some(login::Notice::Refused),
    };
    let tags = tags(&login::view(&model).html);
    let field = |id: &str| tags.iter().find(|tag| tag.get("id") == Some(id)).unwrap();
    let facts = |id: &str| {
        ["value", "autofocus", "aria-invalid", "aria-describedby"].map(|at| field(id).get(at))
    };
    assert_eq!(
        facts("username"),
        [Some("maria"), None, Some("true"), Some("message")]
    );
    assert_eq!(
        facts("password"),
        [None, Some(""), Some("true"), Some("message")]
    );
    assert_eq!(field("message").get("role"), Some("alert"));
}

#[test]
fn whoever_has_to_wait_is_not_told_that_a_field_is_wrong() {
    for (name, document) in usual() {
        let waits = name.ends_with("busy") || name.ends_with("too-many");
        let wrong = document.html.contains("aria-invalid");
        assert!(!(waits && wrong), "{name}");
        assert_eq!(waits, document.html.contains("90 seconds"), "{name}");
    }
}

#[test]
fn a_form_that_was_not_passed_on_is_told_what_is_missing_and_how_to_send_it_again() {
    for (challenge, reason, way) in [
        (
            Challenge::SignIn,
            "You are not signed in any more",
            "Sign in, ",
        ),
        (
            Challenge::SecondFactor,
            "A one-time code is needed first",
            "Enter a code, ",
        ),
        (
            Challenge::FreshSecondFactor,
            "A fresh one-time code is needed first",
            "Enter a code, ",
        ),
    ] {
        let html = unsent::view(&unsent::Model {
            frame: &frame(&USUAL),
            challenge,
            page: USUAL.url,
            request_id: USUAL.code,
        })
        .html;
        let link = format!("href=\"{}\" target=\"_blank\">{way}", USUAL.url);
        for part in [reason, &link, "load it again", USUAL.code] {
            assert!(html.contains(part), "{challenge:?}, {part}: {html}");
        }
    }
}

#[test]
fn a_lost_form_leads_to_the_login_page_and_names_its_request() {
    for (name, document) in usual() {
        if name.starts_with("form-lost-") {
            let link = format!("href=\"{}\">Go to the sign-in page", USUAL.url);
            for part in [&link, USUAL.code] {
                assert!(document.html.contains(part), "{name}: {}", document.html);
            }
        }
    }
}

#[test]
fn the_portals_title_is_not_said_twice() {
    let frame = Frame {
        title: "Sign in",
        ..frame(&USUAL)
    };
    let pages = gallery(&frame, &USUAL);
    let (_, login) = pages
        .into_iter()
        .find(|(name, _)| name == "login-fresh")
        .unwrap();
    assert!(login.html.contains("<title>Sign in</title>"));
    assert_eq!(
        login.html.matches("Sign in").count(),
        2,
        "title and heading"
    );
}

#[test]
fn help_is_offered_by_links_that_lead_to_people_only() {
    let offered = |link| {
        let frame = Frame {
            support_link: Some(link),
            ..frame(&USUAL)
        };
        gallery(&frame, &USUAL)
            .iter()
            .all(|(_, page)| page.html.contains("Get help"))
    };
    let links = [
        "https://a.example/",
        "mailto:a@a.example",
        "tel:+123",
        "javascript:alert(1)",
        "data:,x",
        "",
    ];
    assert_eq!(links.map(offered), [true, true, true, false, false, false]);
}

#[test]
fn a_logo_takes_the_place_of_the_mark() {
    let with = |logo| {
        let frame = Frame {
            logo,
            ..frame(&USUAL)
        };
        let pages = gallery(&frame, &USUAL);
        let marks = |html: &str| ["class=\"mark\"", "<img "].map(|mark| html.matches(mark).count());
        pages
            .iter()
            .map(|(_, page)| marks(&page.html))
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(with(None), BTreeSet::from([[1, 0]]));
    assert_eq!(
        with(Some("/_vestibule/assets/logo.svg")),
        BTreeSet::from([[0, 1]])
    );
}

fn enrolment(uri: &str) -> String {
    let model = enrol::Model {
        frame: &frame(&USUAL),
        form: form(&USUAL),
        step: None,
        state: enrol::State::Waiting(enrol::Secret {
            uri,
            base32: SECRET,
            username: "maria",
            problem: None,
        }),
    };
    enrol::view(&model).html
}

#[test]
fn the_secret_can_be_typed_in_groups_of_four() {
    let grouped = ">JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP</code>";
    assert!(enrolment(URI).contains(grouped));
}

#[test]
fn an_authenticator_is_all_that_the_link_and_the_picture_can_open() {
    let html = enrolment(URI);
    assert!(html.contains(&format!("href=\"{}\"", URI.replace('&', "&amp;"))));
    assert!(html.contains("class=\"qr\"") && !html.contains("<details open"));
    for uri in [
        "javascript:alert(1)",
        "https://evil.example/",
        "OTPAUTH:x",
        "",
    ] {
        let html = enrolment(uri);
        assert!(
            !html.contains("class=\"here\"") && !html.contains("class=\"qr\""),
            "{uri}"
        );
        assert!(
            html.contains("<details open"),
            "the key is all that is left: {uri}"
        );
    }
}

#[test]
fn an_address_for_authenticators_is_escaped_too() {
    let (usual, evil) = (enrolment(URI), enrolment(&format!("otpauth://{EVIL}")));
    assert!(evil.contains("href=\"otpauth://&quot;&gt;&lt;script&gt;"));
    assert_eq!(skeleton(&evil), skeleton(&usual));
}

#[test]
fn the_picture_is_black_on_white_with_a_quiet_zone() {
    let svg = qr::svg("otpauth://totp/a?secret=A", "x")
        .unwrap()
        .into_string();
    let tags = tags(&svg);
    let of = |at: usize, names: [&str; 3]| {
        names.map(|name| tags[at].get(name).unwrap_or("-").to_owned())
    };
    assert_eq!(
        of(0, ["viewBox", "role", "aria-label"]),
        ["0 0 33 33", "img", "x"]
    );
    assert_eq!(of(1, ["width", "height", "fill"]), ["33", "33", "#fff"]);
    // The top edge of the finder pattern: seven dark modules, four modules from the corner.
    assert!(tags[2].get("d").unwrap().starts_with("M4 4h7v1h-7z"));
    assert_eq!(tags[2].get("fill"), Some("#000"));
}

#[test]
fn a_text_too_long_for_a_picture_has_none() {
    assert!(qr::svg(&"a".repeat(2_953), "x").is_some());
    assert!(qr::svg(&"a".repeat(2_954), "x").is_none());
}

fn download(site: &str, username: &str) -> (String, String) {
    let frame = Frame {
        site,
        ..frame(&USUAL)
    };
    let model = backup_codes::Model {
        frame: &frame,
        form: form(&USUAL),
        step: None,
        username,
        state: backup_codes::State::Fresh(&["AAAA-BBBB-CCCC", "DDDD-EEEE-FFFF"]),
    };
    let tags = tags(&backup_codes::view(&model).html);
    let link = tags
        .iter()
        .find(|tag| tag.get("download").is_some())
        .unwrap();
    let data = link
        .get("href")
        .unwrap()
        .strip_prefix("data:text/plain;charset=utf-8,")
        .unwrap();
    let text = percent_encoding::percent_decode_str(data)
        .decode_utf8()
        .unwrap();
    (link.get("download").unwrap().to_owned(), text.into_owned())
}

#[test]
fn the_download_holds_exactly_the_codes_and_whose_they_are() {
    let (name, text) = download("app.example.com", "jürgen & <co>");
    assert_eq!(name, "backup-codes-app.example.com.txt");
    let expected = "Backup codes for jürgen & <co> at app.example.com\r\nEach code works once.\r\n\r\n\
                    AAAA-BBBB-CCCC\r\nDDDD-EEEE-FFFF\r\n";
    assert_eq!(text, expected);
}

#[test]
fn the_downloads_name_stays_in_its_folder() {
    let (name, _) = download("../..\\[::1]:8080/\u{202e}txt", "maria");
    assert_eq!(name, "backup-codes-....18080txt.txt");
}

#[test]
fn a_warning_comes_with_the_last_three_backup_codes() {
    let warned = |page: &str| {
        let (_, document) = usual().into_iter().find(|(name, _)| name == page).unwrap();
        let start = document.html.split("<strong>You have ").nth(1)?;
        start.split("</strong>").next().map(str::to_owned)
    };
    let words = |text: &str| Some(text.to_owned());
    assert_eq!(warned("account-ten"), None);
    assert_eq!(warned("account-four"), None);
    assert_eq!(warned("account-three"), words("3 backup codes left."));
    assert_eq!(warned("account-one"), words("one backup code left."));
    assert_eq!(warned("account-none-left"), words("no backup codes left."));
    assert_eq!(warned("account-bare"), None);
}

#[test]
fn every_error_has_its_status() {
    let statuses = Problem::ALL.map(|problem| problem.status().as_u16());
    let expected = [
        400, 403, 403, 403, 403, 404, 404, 405, 408, 413, 415, 421, 429, 429, 425, 431, 500, 502,
        503, 503, 504,
    ];
    assert_eq!(statuses, expected);
    assert_eq!(Problem::WrongHost.status(), StatusCode::MISDIRECTED_REQUEST);
}

#[test]
fn waits_are_rounded_up_and_ages_down() {
    let spans =
        [0, 1, 30, 90, 91, 5_400, 5_401, 7_201].map(|seconds| span(Duration::from_secs(seconds)));
    let expected = [
        "1 second",
        "1 second",
        "30 seconds",
        "90 seconds",
        "2 minutes",
        "90 minutes",
        "2 hours",
        "3 hours",
    ];
    assert_eq!(spans, expected);
    let ages = [0, 59, 60, 3_599, 3_600, 86_399, 86_400, 200_000]
        .map(|seconds| ago(Duration::from_secs(seconds)));
    let expected = [
        "just now",
        "just now",
        "1 minute ago",
        "59 minutes ago",
        "1 hour ago",
        "23 hours ago",
        "1 day ago",
        "2 days ago",
    ];
    assert_eq!(ages, expected);
}

#[test]
fn an_assets_name_follows_its_content() {
    let (plain, green) = (style(Accent::default()), style(Accent([0, 128, 0])));
    assert_ne!(plain.name, green.name);
    assert_eq!(plain, style(Accent([0x24, 0x55, 0xc3])));
    for (asset, stem, extension) in [(plain, "style-", ".css"), (script(), "enhance-", ".js")] {
        let digest = asset
            .name
            .strip_prefix(stem)
            .unwrap()
            .strip_suffix(extension)
            .unwrap();
        assert!(digest.len() == 16 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
}

#[test]
fn the_style_has_no_left_and_no_right() {
    for line in STYLE.lines() {
        let property = line.trim().split(':').next().unwrap_or_default();
        let physical = ["-left", "-right", "-top", "-bottom"]
            .iter()
            .any(|side| property.ends_with(side));
        assert!(
            !physical && !["left", "right", "top", "bottom"].contains(&property),
            "{line}"
        );
    }
}

/// For eyes and other programs: `PAGES=/tmp/pages cargo test --lib web::page -- --ignored`.
#[test]
#[ignore = "writes files"]
fn every_page_is_written_to_a_folder() {
    let folder = std::path::PathBuf::from(std::env::var_os("PAGES").unwrap());
    std::fs::create_dir_all(&folder).unwrap();
    let (style, script) = (style(Accent::default()), script());
    for asset in [&style, &script] {
        std::fs::write(folder.join(&asset.name), &asset.text).unwrap();
    }
    for dir in [Direction::LeftToRight, Direction::RightToLeft] {
        let frame = Frame {
            dir,
            stylesheet_url: &style.name,
            script_url: &script.name,
            ..frame(&USUAL)
        };
        for (name, document) in gallery(&frame, &USUAL) {
            let name = format!("{name}-{dir:?}.html").to_lowercase();
            std::fs::write(folder.join(name), document.html).unwrap();
        }
    }
}
