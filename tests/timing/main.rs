//! How long a refusal takes tells nothing: not whether a name exists, nor how its account stands.
//!
//! A statistic of time is no test for a busy machine: `tests/run timing` runs this, or `VESTIBULE_TEST_TIMING=1`.
//! Hashes are as cheap as they may be configured, so that nothing hides in their noise.

#[expect(dead_code, reason = "this crate uses a part of the harness")]
#[path = "../harness/mod.rs"]
mod harness;

mod mann_whitney;

use std::hash::{BuildHasher, RandomState};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use harness::authenticator::Authenticator;
use harness::crowd::LENIENT;
use harness::gate::Gate;
use harness::person::{PORTAL, Person};
use harness::{DEADLINE, HOST};
use mann_whitney::p_value;

/// Samples of each class; before them some that do not count.
const SAMPLES: usize = 500;
const WARM_UP: usize = 40;

/// Accounts of each class, so that none comes to a limit.
const ACCOUNTS: usize = 6;

/// Two classes are told apart where equal ones would be so far apart once in a hundred times, twice in a row.
const LIKELY: f64 = 0.01;

/// One class of attempts: what is posted, in turn.
struct Class {
    name: &'static str,
    requests: Vec<Vec<u8>>,
}

/// Whether this run measures time, and not only the measure.
fn is_wanted() -> bool {
    std::env::var_os("VESTIBULE_TEST_TIMING").is_some_and(|value| value == "1")
}

fn gate() -> Gate {
    let config = LENIENT.replace("codes_per_hour = 100", "codes_per_hour = 1000");
    Gate::start(&format!("{config}max_code_failures = 100\n"))
}

/// Sends one request and returns the seconds to the end of its answer, and the answer.
fn time(stream: &mut TcpStream, request: &[u8]) -> (f64, Vec<u8>) {
    let begun = Instant::now();
    stream.write_all(request).expect("the gate reads");
    let mut answer = vec![];
    let mut piece = [0; 16 * 1024];
    loop {
        let read = stream.read(&mut piece).expect("the gate answers");
        answer.extend_from_slice(&piece[..read]);
        if read == 0 || is_whole(&answer) {
            return (begun.elapsed().as_secs_f64(), answer);
        }
    }
}

fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        let length = value.parse::<usize>().ok()?;
        name.eq_ignore_ascii_case("content-length")
            .then_some(length)
    });
    length == Some(body.len())
}

/// Posts a form on a connection that stays open.
fn post(path: &str, cookies: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    format!(
        "POST {PORTAL}/{path} HTTP/1.1\r\nHost: {HOST}\r\nCookie: {cookies}\r\nAccept: text/html\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Takes the samples of all classes in random order; every answer of all of them is 403 and equally long.
fn sample(gate: &Gate, classes: &[Class]) -> Vec<Vec<f64>> {
    let mut stream = TcpStream::connect(gate.address()).expect("the gate listens");
    stream.set_nodelay(true).expect("a socket has this option");
    stream
        .set_read_timeout(Some(DEADLINE))
        .expect("a deadline can be set");
    let order = RandomState::new();
    let mut plan: Vec<(usize, usize)> = (0..classes.len())
        .flat_map(|class| (WARM_UP..WARM_UP + SAMPLES).map(move |at| (at, class)))
        .collect();
    plan.sort_by_key(|slot| order.hash_one(slot));
    let warm_up = (0..WARM_UP).flat_map(|at| (0..classes.len()).map(move |class| (at, class)));
    let mut lengths = vec![];
    let mut samples = vec![vec![]; classes.len()];
    for (at, class) in warm_up.chain(plan) {
        let (seconds, answer) = time(&mut stream, &classes[class].requests[at]);
        let text = String::from_utf8_lossy(&answer);
        assert!(
            text.starts_with("HTTP/1.1 403"),
            "{}: {text}",
            classes[class].name
        );
        lengths.push(answer.len());
        if at >= WARM_UP {
            samples[class].push(seconds);
        }
    }
    lengths.sort_unstable();
    lengths.dedup();
    assert_eq!(lengths.len(), 1, "answers of different length");
    samples
}

/// The pairs of classes that time tells apart.
fn told_apart(classes: &[Class], samples: &[Vec<f64>]) -> Vec<(&'static str, &'static str)> {
    let mut found = vec![];
    for (at, one) in classes.iter().enumerate() {
        eprintln!(
            "median {:8.3} ms  {}",
            1_000.0 * median(&samples[at]),
            one.name
        );
        for (other_at, other) in classes.iter().enumerate().skip(at + 1) {
            let p = p_value(&samples[at], &samples[other_at]);
            eprintln!("p = {p:.4}  {} / {}", one.name, other.name);
            if p <= LIKELY {
                found.push((one.name, other.name));
            }
        }
    }
    found
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// Measures, and once more where chance may have spoken.
fn assert_alike(mut measure: impl FnMut() -> Vec<(&'static str, &'static str)>) {
    let first = measure();
    if first.is_empty() {
        return;
    }
    let second = measure();
    let both: Vec<_> = first.iter().filter(|pair| second.contains(pair)).collect();
    assert!(both.is_empty(), "time tells apart: {both:?}");
}

/// Names of equal length, a few for each class.
fn names(stem: &str) -> Vec<String> {
    (0..ACCOUNTS).map(|n| format!("{stem}{n}")).collect()
}

fn enrol(gate: &Gate, stem: &str) -> Vec<Person> {
    let names = names(stem).into_iter();
    names
        .map(|name| Person::enrol(&mut gate.browser(), &name, &gate.invite(&name)))
        .collect()
}

fn command(gate: &Gate, arguments: &[&str], input: &str) {
    let outcome = gate.commands().run(arguments, input);
    assert_eq!(outcome.code, Some(0), "{arguments:?}: {outcome:?}");
}

/// Sign-ins with these names and one password.
fn sign_ins(gate: &Gate, name: &'static str, stem: &str, password: &str) -> Class {
    let mut browser = gate.browser();
    let page = browser.get(&format!("{PORTAL}/login"));
    let csrf = page.form(&["username"]).filled[0].1.clone();
    let cookies = browser.cookie_header();
    let request = |at: usize| {
        let name = &names(stem)[at % ACCOUNTS];
        post(
            "login",
            &cookies,
            &[("csrf", &csrf), ("username", name), ("password", password)],
        )
    };
    Class {
        name,
        requests: (0..WARM_UP + SAMPLES).map(request).collect(),
    }
}

#[test]
fn a_refused_password_takes_as_long_whoever_has_the_name() {
    if !is_wanted() {
        return;
    }
    let password = "some password that is long";
    assert_alike(|| {
        let mut gate = gate();
        enrol(&gate, "known");
        enrol(&gate, "shuta");
        enrol(&gate, "locka");
        for (shut, invited) in names("shuta").iter().zip(names("invit")) {
            command(&gate, &["user", "disable", shut], "");
            gate.invite(&invited);
        }
        for name in names("nofac") {
            command(&gate, &["user", "add", &name, "--password-stdin"], password);
        }
        let mut stream = TcpStream::connect(gate.address()).expect("the gate listens");
        let lock = sign_ins(&gate, "", "locka", "wrong");
        for request in lock.requests.iter().cycle().take(100 * ACCOUNTS) {
            time(&mut stream, request);
        }
        // What is counted in memory begins anew.
        gate.restart();
        let classes = [
            sign_ins(&gate, "nobody", "nobod", password),
            sign_ins(&gate, "a wrong password", "known", password),
            sign_ins(&gate, "disabled", "shuta", password),
            sign_ins(&gate, "locked", "locka", password),
            sign_ins(&gate, "only invited", "invit", password),
            sign_ins(
                &gate,
                "the right password without a second factor",
                "nofac",
                password,
            ),
        ];
        told_apart(&classes, &sample(&gate, &classes))
    });
}

/// At least so many posts of this code in logins of these people, five in each.
fn posts(
    gate: &Gate,
    number: usize,
    people: &[Person],
    code: impl Fn(&Authenticator) -> String,
) -> Vec<Vec<u8>> {
    let mut requests = vec![];
    for person in people.iter().cycle() {
        if requests.len() >= number {
            break;
        }
        let mut browser = gate.browser();
        let page = person.give_password(&mut browser);
        let csrf = page.form(&["code"]).filled[0].1.clone();
        let code = code(&person.authenticator);
        let fields = [("csrf", csrf.as_str()), ("code", &code)];
        let request = post("second-factor", &browser.cookie_header(), &fields);
        requests.extend(vec![request; 5]);
    }
    requests
}

fn codes(
    gate: &Gate,
    name: &'static str,
    people: &[Person],
    code: impl Fn(&Authenticator) -> String,
) -> Class {
    let requests = posts(gate, WARM_UP + SAMPLES, people, code);
    Class { name, requests }
}

/// Six digits that are no code for a long time around now.
fn wrong_code(authenticator: &Authenticator) -> String {
    let mut candidates = (0..10).map(|n| format!("00000{n}"));
    let is_near = |code: &String| {
        (0..20).any(|step| authenticator.code_of(authenticator.newest_step() + step) == *code)
    };
    candidates
        .find(|code| !is_near(code) && !authenticator.is_timely(code))
        .expect("most of ten are wrong")
}

/// People with all backup codes, with none, and with an authenticator that is locked.
fn three_kinds(gate: &Gate) -> [Vec<Person>; 3] {
    let [full, empty, locked] = ["fulla", "empty", "locka"].map(|stem| enrol(gate, stem));
    for person in &empty {
        for code in &person.backup_codes {
            assert!(person.sign_in(&mut gate.browser(), code));
        }
    }
    let mut stream = TcpStream::connect(gate.address()).expect("the gate listens");
    for person in &locked {
        for request in posts(gate, 100, std::slice::from_ref(person), wrong_code) {
            time(&mut stream, &request);
        }
    }
    [full, empty, locked]
}

#[test]
fn a_refused_code_takes_as_long_however_the_account_stands() {
    if !is_wanted() {
        return;
    }
    assert_alike(|| {
        let mut gate = gate();
        let [full, empty, locked] = three_kinds(&gate);
        gate.restart();
        let classes = [
            codes(&gate, "with backup codes", &full, wrong_code),
            codes(&gate, "without backup codes", &empty, wrong_code),
            codes(&gate, "locked", &locked, wrong_code),
        ];
        told_apart(&classes, &sample(&gate, &classes))
    });
}

#[test]
fn a_refused_backup_code_takes_as_long_however_the_account_stands() {
    if !is_wanted() {
        return;
    }
    let code = |_: &Authenticator| "ZZZZ-ZZZZ-ZZZZ".to_owned();
    assert_alike(|| {
        let mut gate = gate();
        let [full, empty, locked] = three_kinds(&gate);
        gate.restart();
        let classes = [
            codes(&gate, "with backup codes", &full, code),
            codes(&gate, "without backup codes", &empty, code),
            codes(&gate, "locked", &locked, code),
        ];
        told_apart(&classes, &sample(&gate, &classes))
    });
}
