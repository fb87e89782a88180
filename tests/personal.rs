//! Answers of the app to somebody who signed in: no shared cache keeps them, and a stream of them ends with
//! the right to have it.

#[expect(dead_code, reason = "this crate uses a part of the harness")]
mod harness;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use harness::browser::Browser;
use harness::crowd::LENIENT;
use harness::gate::Gate;
use harness::person::Person;
use harness::{DEADLINE, HOST};

/// An app of three answers: `/events` goes on for ever, `/file` says how long it is and waits in its midst
/// until `may_end`, and every other has the lines that `X-Answer` asks for.
struct App {
    config: String,
    may_end: Arc<AtomicBool>,
}

impl App {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let may_end = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&may_end);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let end = Arc::clone(&end);
                // Whoever reads may leave at any moment.
                thread::spawn(move || answer(stream, &end).unwrap_or_default());
            }
        });
        Self {
            config: format!("[[upstream]]\nurl = \"http://{address}\"\n{LENIENT}"),
            may_end,
        }
    }
}

fn answer(mut stream: TcpStream, may_end: &AtomicBool) -> std::io::Result<()> {
    let lines = BufReader::new(stream.try_clone()?).lines();
    let head: Vec<String> = lines
        .map_while(|line| line.ok().filter(|line| !line.is_empty()))
        .collect();
    let mut say = |text: &str| stream.write_all(text.as_bytes());
    let is_over = Instant::now() + DEADLINE;
    let wait = || thread::sleep(Duration::from_millis(20));
    if head[0].contains(" /events ") {
        say(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
        )?;
        while Instant::now() < is_over {
            say("9\r\ndata: x\n\n\r\n")?;
            wait();
        }
        // Nobody ended it: it ends as a whole one.
        return say("0\r\n\r\n");
    }
    if head[0].contains(" /file ") {
        say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbegin")?;
        while !may_end.load(Ordering::Relaxed) && Instant::now() < is_over {
            wait();
        }
        return say(" end");
    }
    let asked = head.iter().filter_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("x-answer").then_some(value)
    });
    let lines: String = asked.map(|line| format!("{line}\r\n")).collect();
    say(&format!(
        "HTTP/1.1 200 OK\r\n{lines}Connection: close\r\nContent-Length: 2\r\n\r\nok"
    ))
}

/// Asks with the cookies of `browser`, and returns once the head is there and the body has begun.
fn open(gate: &Gate, browser: &Browser, path: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(gate.address()).expect("the gate listens");
    stream
        .set_read_timeout(Some(DEADLINE))
        .expect("a deadline can be set");
    let cookies = browser.cookie_header();
    let head = format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\nCookie: {cookies}\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("the gate reads");
    let mut answer = BufReader::new(stream);
    let (mut line, mut head) = (String::new(), String::new());
    while line != "\r\n" {
        head.push_str(&line);
        line.clear();
        answer.read_line(&mut line).expect("a head");
    }
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let mut first = [0];
    answer.read_exact(&mut first).expect("the body begins");
    answer
}

/// Reads to the end of the connection.
fn rest(mut answer: BufReader<TcpStream>) -> String {
    let mut rest = vec![];
    // A broken-off answer may end with a reset.
    let end = answer.read_to_end(&mut rest);
    let timed_out = end.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
    assert!(!timed_out, "it goes on");
    String::from_utf8(rest).expect("text")
}

#[test]
fn an_event_stream_ends_with_its_session_and_a_file_comes_whole() {
    let app = App::start();
    let gate = Gate::start(&app.config);
    let (mut leaving, mut staying) = (gate.browser(), gate.browser());
    let alice = Person::enrol(&mut leaving, "alice", &gate.invite("alice"));
    assert!(alice.sign_in(&mut staying, &alice.backup_codes[0]));
    let events = open(&gate, &leaving, "/events");
    let mut others = open(&gate, &staying, "/events");
    let mut file = open(&gate, &leaving, "/file");
    Person::sign_out(&mut leaving);
    // Broken off, not ended: what stands there is not the whole.
    assert!(!rest(events).ends_with("0\r\n\r\n"));
    app.may_end.store(true, Ordering::Relaxed);
    let mut whole = [0; 8];
    file.read_exact(&mut whole).expect("the rest of the file");
    assert_eq!(&whole, b"egin end");
    let mut line = String::new();
    for _ in 0..200 {
        line.clear();
        others
            .read_line(&mut line)
            .expect("another session's goes on");
    }
}

#[test]
fn a_stream_ends_when_its_user_may_no_longer_have_it() {
    let app = App::start();
    let rules = "[[access.rule]]\npath = \"/events\"\ngroups = [\"staff\"]\npolicy = \"two-factor\"\n\
                 [[access.rule]]\npath = \"/events\"\npolicy = \"deny\"\n";
    let gate = Gate::start(&format!("{}{rules}", app.config));
    for (name, command) in [
        ("gina", &["set", "gina", "--group", ""][..]),
        ("dirk", &["disable", "dirk"]),
    ] {
        let added = gate.cli(&["user", "add", name, "--group", "staff"]);
        let mut browser = gate.browser();
        let invitation = harness::gate::invitation_path(&added.stdout);
        Person::enrol(&mut browser, name, &invitation);
        let events = open(&gate, &browser, "/events");
        assert_eq!(gate.cli(&[&["user"], command].concat()).code, Some(0));
        assert!(!rest(events).ends_with("0\r\n\r\n"), "{name}");
    }
}

#[test]
fn shared_caches_keep_nothing_that_is_for_a_visitor() {
    let app = App::start();
    let rule = "[[access.rule]]\npath = \"/open/**\"\npolicy = \"bypass\"\n";
    let gate = Gate::start(&format!("{}{rule}", app.config));
    let mut browser = gate.browser();
    Person::enrol(&mut browser, "alice", &gate.invite("alice"));
    let lines = [
        (
            "X-Answer",
            "Cache-Control: public, s-maxage=600, max-age=60",
        ),
        ("X-Answer", "CDN-Cache-Control: max-age=600"),
    ];
    for path in ["/style.css", "/open/style.css"] {
        let reply = browser.send("GET", path, &lines, b"");
        let said = reply.header("cache-control");
        assert_eq!(said, Some("max-age=60, private"), "{path}");
        assert_eq!(reply.header("cdn-cache-control"), None, "{path}");
    }
    // What is open to everybody is the app's to share.
    let mut stranger = gate.browser();
    let reply = stranger.send("GET", "/open/style.css", &lines, b"");
    assert_eq!(
        reply.all("cache-control"),
        [lines[0].1["Cache-Control: ".len()..].to_owned()]
    );
    assert_eq!(reply.header("cdn-cache-control"), Some("max-age=600"));
    let silent = browser.send("GET", "/style.css", &[], b"");
    assert_eq!(silent.header("cache-control"), Some("private"));
}

#[test]
fn shared_caches_keep_nothing_that_is_open_to_some_networks_alone() {
    let app = App::start();
    let rules = "[access]\nrule = [\n\
        { path = \"/open/**\", policy = \"bypass\" },\n\
        { path = \"/**\", networks = [\"127.0.0.0/8\"], policy = \"bypass\" },\n]\n";
    let gate = Gate::start(&format!("{}{rules}", app.config));
    let lines = [("X-Answer", "Cache-Control: public, max-age=60")];
    for (path, said) in [
        ("/open/style.css", "public, max-age=60"),
        ("/style.css", "max-age=60, private"),
    ] {
        let reply = gate.browser().send("GET", path, &lines, b"");
        assert_eq!(reply.header("cache-control"), Some(said), "{path}");
    }
}
