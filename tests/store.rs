//! Full disks, broken disks, lost rows: the gate promises nothing that it cannot keep, and goes on by
//! itself once it can.

#[expect(dead_code, reason = "this crate uses a part of the harness")]
mod harness;

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use harness::app::App;
use harness::browser::Browser;
use harness::gate::Gate;
use harness::person::{Person, signed_in};
use harness::program::Program;
use harness::{DEADLINE, HOST, third_party};
use rustix::process::Signal;

/// Tries on end are what is tested here, so nothing may stop them.
const CONFIG: &str = "[throttle]
free_attempts = 100
logins_per_minute = 1000
logins_per_hour = 1000
codes_per_hour = 1000
backup_codes_per_hour = 1000
";

/// Asks until `holds`, and fails when it never does.
fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < DEADLINE, "never: {what}");
        sleep(Duration::from_millis(50));
    }
}

fn is_ready(gate: &Gate) -> bool {
    Browser::new(gate.ops_address(), HOST).get("/readyz").status == 200
}

/// What a sign-in with a code came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SignIn {
    In,
    Refused,
    Unavailable,
}

fn sign_in(address: SocketAddr, person: &Person, code: &str) -> SignIn {
    let mut browser = Browser::new(address, HOST);
    let page = person.give_password(&mut browser);
    if page.status == 503 {
        return SignIn::Unavailable;
    }
    let answer = browser.submit(&page, &[("code", code)]);
    match answer.status {
        503 => SignIn::Unavailable,
        300..400 if answer.begins_a_session() => SignIn::In,
        _ => SignIn::Refused,
    }
}

/// A person with two sessions, one to keep and one to end.
struct Visit {
    gate: Gate,
    person: Person,
    stays: Browser,
    leaves: Browser,
    /// The id of the session to end.
    leaving: String,
    spent: Vec<String>,
    _app: App,
}

impl Visit {
    fn begin(mut gate: Gate, app: App) -> Self {
        gate.spawn();
        let mut stays = gate.browser();
        let person = Person::enrol(&mut stays, "ann", &gate.invite("ann"));
        let before = sessions(&gate);
        let mut leaves = gate.browser();
        let first = person.backup_codes[0].clone();
        assert!(person.sign_in(&mut leaves, &first));
        let mut after = sessions(&gate).into_iter();
        let leaving = after.find(|id| !before.contains(id));
        Self {
            gate,
            person,
            stays,
            leaves,
            leaving: leaving.expect("a session has begun"),
            spent: vec![first],
            _app: app,
        }
    }

    /// The store takes no write; tells which code was on its way when that began.
    fn while_nothing_can_be_written(&mut self) -> String {
        let (gate, person) = (&self.gate, &self.person);
        // Uses up what room the database has left in its file.
        wait_until("a command that cannot be kept", || {
            gate.cli(&["user", "invite", "admin"]).code != Some(0)
        });
        let (mut unspent, mut under_way) = (person.backup_codes[1..8].iter(), None);
        wait_until("a sign-in that cannot be kept", || {
            let code = under_way.get_or_insert_with(|| {
                let next = unspent.next();
                next.expect("the store fails before all codes are spent")
                    .clone()
            });
            match sign_in(gate.address(), person, code) {
                SignIn::In => {
                    self.spent.extend(under_way.take());
                    false
                }
                SignIn::Refused => false,
                SignIn::Unavailable => true,
            }
        });
        wait_until("readiness is red", || !is_ready(gate));
        assert_eq!(
            sign_in(gate.address(), person, "000000"),
            SignIn::Unavailable
        );
        let page = self.stays.get("/");
        assert_eq!(page.status, 200, "{}", page.text());
        self.sign_out_unkept();
        under_way.expect("a code was under way")
    }

    /// A sign-out that cannot be written down holds all the same.
    fn sign_out_unkept(&mut self) {
        assert!(signed_in(&mut self.leaves.clone()));
        let mut leaves = self.leaves.clone();
        let page = leaves.visit("/_vestibule/logout");
        assert_eq!(leaves.submit(&page, &[]).status, 503);
        assert!(!signed_in(&mut self.leaves.clone()));
    }

    /// The store takes writes again, without a restart.
    fn after_it_healed(mut self, under_way: &str) {
        wait_until("readiness is green", || is_ready(&self.gate));
        let address = self.gate.address();
        assert!(signed_in(&mut self.stays));
        assert_eq!(
            sign_in(address, &self.person, &self.person.backup_codes[9]),
            SignIn::In
        );
        // Whether this one was spent nobody was told; but not twice.
        if sign_in(address, &self.person, under_way) == SignIn::In {
            self.spent.push(under_way.to_owned());
        }
        self.spent.push(self.person.backup_codes[9].clone());
        wait_until("the sign-out is kept", || {
            !sessions(&self.gate).contains(&self.leaving)
        });
        self.gate.restart();
        let address = self.gate.address();
        for code in &self.spent {
            let again = sign_in(address, &self.person, code);
            assert_eq!(again, SignIn::Refused, "{code} works twice");
        }
        assert!(signed_in(&mut self.stays.moved_to(address)));
        assert!(!signed_in(&mut self.leaves.moved_to(address)));
    }
}

/// The ids of ann's sessions.
fn sessions(gate: &Gate) -> Vec<String> {
    let listed = done(gate, &["session", "list", "ann", "--json"]);
    let answer: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
    let sessions = answer["sessions"].as_array().expect("a list");
    let ids = sessions.iter().map(|session| session["id"].to_string());
    ids.collect()
}

/// A small file system in memory, unmounted in the end.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None`, and a word about it, where this user may not mount.
    fn mount(folder: &Path) -> Option<Self> {
        fs::create_dir(folder).expect("the parent is writable");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=40m,mode=0700", "tmpfs"]);
        let mounted = mount
            .arg(folder)
            .output()
            .is_ok_and(|done| done.status.success());
        if !mounted {
            let _ = writeln!(
                std::io::stderr(),
                "left out: a small disk needs the right to mount"
            );
        }
        mounted.then(|| Self(folder.to_owned()))
    }

    fn fill(&self) {
        let mut file = File::create(self.0.join("filler")).expect("there is room");
        for size in [64 * 1024, 4096, 1] {
            let part = vec![0xa5; size];
            let full = loop {
                if let Err(error) = file.write_all(&part) {
                    break error;
                }
            };
            assert_eq!(full.kind(), ErrorKind::StorageFull, "{full}");
        }
    }

    fn free(&self) {
        fs::remove_file(self.0.join("filler")).expect("it was filled");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the gate may have it open still.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_sign_out_that_could_not_be_written_is_written_at_the_end() {
    let parent = tempfile::tempdir().expect("a temporary folder");
    let place = parent.path().join("small");
    let Some(disk) = SmallDisk::mount(&place) else {
        return;
    };
    let app = App::start();
    let data = place.join("data").display().to_string();
    let config = format!("data_dir = \"{data}\"\n{CONFIG}{}", app.upstream());
    let mut visit = Visit::begin(Gate::prepared(&config), app);
    disk.fill();
    visit.while_nothing_can_be_written();
    visit.gate.held_still(|| {
        disk.free();
        visit.gate.ask_to_stop();
    });
    assert!(visit.gate.wait_for_end().success());
    visit.gate.spawn();
    let address = visit.gate.address();
    assert!(!signed_in(&mut visit.leaves.moved_to(address)));
    assert!(signed_in(&mut visit.stays.moved_to(address)));
    assert!(!sessions(&visit.gate).contains(&visit.leaving));
}

#[test]
fn a_sign_out_that_is_lost_at_an_end_in_haste_is_told_of() {
    let parent = tempfile::tempdir().expect("a temporary folder");
    let place = parent.path().join("small");
    let Some(disk) = SmallDisk::mount(&place) else {
        return;
    };
    let app = App::start();
    let data = place.join("data").display().to_string();
    let config = format!("data_dir = \"{data}\"\n{CONFIG}{}", app.upstream());
    let mut visit = Visit::begin(Gate::prepared(&config), app);
    disk.fill();
    visit.while_nothing_can_be_written();
    visit.gate.held_still(|| {
        visit.gate.signal(Signal::TERM);
        visit.gate.signal(Signal::INT);
    });
    let lost = "sessions that were ended go on after the next start";
    visit.gate.wait_for(lost);
    assert!(visit.gate.wait_for_end().success());
}

#[test]
fn a_full_disk_stops_sign_ins_and_nothing_else_until_there_is_room() {
    let parent = tempfile::tempdir().expect("a temporary folder");
    let place = parent.path().join("small");
    let Some(disk) = SmallDisk::mount(&place) else {
        return;
    };
    let app = App::start();
    let data = place.join("data").display().to_string();
    let config = format!("data_dir = \"{data}\"\n{CONFIG}{}", app.upstream());
    let mut visit = Visit::begin(Gate::prepared(&config), app);
    disk.fill();
    let under_way = visit.while_nothing_can_be_written();
    disk.free();
    visit.after_it_healed(&under_way);
}

#[test]
fn a_disk_that_fails_to_sync_stops_sign_ins_and_nothing_else_until_it_works() {
    if !third_party() {
        return;
    }
    let app = App::start();
    let config = format!("{CONFIG}{}", app.upstream());
    let mut visit = Visit::begin(Gate::prepared(&config), app);
    let pid = visit.gate.pid().to_string();
    let mut strace = Command::new("strace");
    strace.args(["-f", "-e", "trace=fsync,fdatasync", "-p", &pid]);
    strace.args(["-e", "inject=fsync,fdatasync:error=EIO"]);
    let broken = Program::start(&mut strace);
    broken.wait_for("attached");
    let under_way = visit.while_nothing_can_be_written();
    broken.end(Signal::TERM);
    visit.after_it_healed(&under_way);
}

/// A gate that has stopped, with an account in its store.
fn stopped() -> Gate {
    let mut gate = Gate::start("");
    let mut browser = gate.browser();
    for name in ["ann", "ben"] {
        Person::enrol(&mut browser, name, &gate.invite(name));
        browser = gate.browser();
    }
    assert!(gate.stop().success());
    gate
}

fn refused(gate: &Gate, arguments: &[&str]) -> String {
    let outcome = gate.cli(arguments);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    outcome.stdout + &outcome.stderr
}

fn done(gate: &Gate, arguments: &[&str]) -> String {
    let outcome = gate.cli(arguments);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    outcome.stdout
}

#[test]
fn a_whole_store_is_verified_with_the_server_running_or_not() {
    let mut gate = stopped();
    let offline = done(&gate, &["store", "verify", "--json"]);
    gate.spawn();
    let online = done(&gate, &["store", "verify", "--json"]);
    let [offline, online] =
        [offline, online].map(|text| serde_json::from_str::<serde_json::Value>(&text));
    let (offline, online) = (offline.expect("JSON"), online.expect("JSON"));
    assert_eq!(offline["trees"], online["trees"]);
    assert_eq!(online["problems"], serde_json::json!([]));
    // The first administrator as well.
    assert_eq!(online["trees"][0]["rows"], 3);
    let text = done(&gate, &["store", "verify"]);
    assert!(text.contains("Every row is there"), "{text}");
    let text = refused(&gate, &["store", "verify", "--accept-loss"]);
    assert!(text.contains("a server has the store open"), "{text}");
}

#[test]
fn an_older_database_is_refused_and_taken_only_when_that_is_said() {
    let mut gate = stopped();
    let data = gate.folder().join("data");
    let database = data.join("store/db");
    let older = fs::read(&database).expect("the database is readable");
    gate.spawn();
    gate.invite("cid");
    assert!(gate.stop().success());
    fs::write(&database, older).expect("the database is writable");
    for snapshot in fs::read_dir(data.join("store")).expect("a folder") {
        let path = snapshot.expect("an entry").path();
        if path.display().to_string().contains("snap.") {
            fs::remove_file(path).expect("it can be removed");
        }
    }
    let said = refused(&gate, &["serve"]);
    assert!(said.contains("is an older state"), "{said}");
    assert!(said.contains("vestibule restore FILE"), "{said}");
    assert!(said.contains("vestibule store verify"), "{said}");
    let said = refused(&gate, &["store", "verify"]);
    assert!(said.contains("Wrong: the database in"), "{said}");
    assert!(said.contains("--accept-loss"), "{said}");
    refused(&gate, &["user", "list"]);
    done(&gate, &["store", "verify", "--accept-loss"]);
    done(&gate, &["store", "verify"]);
    gate.spawn();
    let users = done(&gate, &["user", "list"]);
    assert!(users.contains("ann") && !users.contains("cid"), "{users}");
}

#[test]
fn a_missing_anchor_is_refused_and_made_anew_only_when_that_is_said() {
    let gate = stopped();
    let anchor = gate.folder().join("data/store.anchor");
    fs::remove_file(&anchor).expect("there is an anchor");
    assert!(refused(&gate, &["serve"]).contains("store.anchor is missing"));
    assert!(refused(&gate, &["store", "verify"]).contains("store.anchor is missing"));
    assert!(!anchor.exists());
    done(&gate, &["store", "verify", "--accept-loss"]);
    done(&gate, &["store", "verify"]);
}

#[test]
fn an_emptied_store_cannot_be_accepted() {
    let gate = stopped();
    let database = gate.folder().join("data/store");
    fs::remove_dir_all(&database).expect("there is a database");
    fs::create_dir(&database).expect("the folder is writable");
    File::create(database.join("db")).expect("the folder is writable");
    for arguments in [
        ["serve"].as_slice(),
        &["store", "verify", "--accept-loss"],
        &["user", "list"],
    ] {
        let said = refused(&gate, arguments);
        assert!(said.contains("has lost its content"), "{said}");
    }
}

#[test]
fn a_damaged_database_never_starts_with_fewer_accounts() {
    let gate = stopped();
    let data = gate.folder().join("data");
    let database = data.join("store/db");
    let whole = fs::read(&database).expect("the database is readable");
    let used = whole
        .iter()
        .rposition(|byte| *byte != 0)
        .unwrap_or_default() as u64;
    for part in 1..12 {
        let file = OpenOptions::new()
            .write(true)
            .open(&database)
            .expect("it is writable");
        file.write_all_at(&whole, 0).expect("it is writable");
        file.write_all_at(&[0; 512], used * part / 12)
            .expect("it is writable");
        drop(file);
        let outcome = gate.cli(&["user", "list"]);
        match outcome.code {
            Some(0) => {
                let names = ["admin", "ann", "ben"];
                assert!(
                    names.iter().all(|name| outcome.stdout.contains(name)),
                    "{outcome:?}"
                );
            }
            _ => assert!(outcome.stderr.contains("hint: "), "{outcome:?}"),
        }
    }
}

/// Requests whose answer promises something for good.
const PROMISES: [&str; 6] = [
    "POST /_vestibule/account",
    "POST /_vestibule/enrol",
    "POST /_vestibule/invite",
    "POST /_vestibule/logout",
    "POST /_vestibule/second-factor",
    "POST /v1/commands",
];

#[test]
fn every_promise_is_on_disk_before_it_is_made() {
    if !third_party() {
        return;
    }
    let app = App::start();
    let mut gate = Gate::start(&format!("{CONFIG}{}", app.upstream()));
    let trace = gate.folder().join("trace");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-s", "200", "-p", &gate.pid().to_string(), "-o"]);
    strace.arg(&trace).args([
        "-e",
        "trace=network,read,readv,write,writev,pwrite64,fdatasync",
    ]);
    let recorder = Program::start(&mut strace);
    recorder.wait_for("attached");
    let mut browser = gate.browser();
    let mut person = Person::enrol(&mut browser, "ann", &gate.invite("ann"));
    let mut other = gate.browser();
    assert!(person.sign_in(&mut other, &person.backup_codes[0].clone()));
    let code = person.authenticator.code();
    assert!(person.sign_in(&mut gate.browser(), &code));
    Person::sign_out(&mut other);
    for command in [["user", "sign-out", "ann"], ["user", "disable", "ann"]] {
        done(&gate, &command);
    }
    recorder.end(Signal::TERM);
    let text = fs::read_to_string(&trace).expect("strace wrote a trace");
    let promised = promises(&text);
    // Invitation, enrolment, two codes, sign-out, three commands.
    assert!(promised.len() >= 8, "{promised:#?}");
    assert!(promised.iter().all(|promise| promise.kept), "{promised:#?}");
    assert!(gate.stop().success());
}

/// A request that changed the database, and whether the change was synced before the answer.
#[derive(Debug)]
struct Promise {
    #[expect(dead_code, reason = "printed when a test fails")]
    request: String,
    kept: bool,
}

/// One request comes after the other, so what happens between a request and its answer is its own.
fn promises(trace: &str) -> Vec<Promise> {
    let (mut promised, mut asked) = (vec![], None);
    let (mut written, mut syncing, mut synced, mut anchored) = (false, false, false, false);
    for line in trace.lines() {
        if let Some(request) = PROMISES.iter().find(|request| line.contains(*request)) {
            asked = Some((*request).to_owned());
            (written, syncing, synced, anchored) = (false, false, false, false);
        } else if line.contains("pwrite64(") && line.contains("/store/db>") {
            (written, synced) = (true, false);
        } else if line.contains("fdatasync(") && line.contains("/store/db>") {
            syncing = written;
            synced = syncing && line.ends_with("= 0");
        } else if line.contains("fdatasync resumed") && syncing {
            synced = true;
        } else if line.contains("pwrite64(") && line.contains("store.anchor>") {
            anchored = synced;
        } else if line.contains("\"HTTP/1.1 ")
            && let Some(request) = asked.take()
            && !line.contains("\"HTTP/1.1 4")
        {
            let kept = written && synced && anchored;
            promised.push(Promise { request, kept });
        }
    }
    promised
}
