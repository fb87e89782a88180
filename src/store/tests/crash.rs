//! Killed at any moment, the store keeps what it acknowledged.
//!
//! The test runs its own binary again as a child that writes and acknowledges, and kills it with
//! SIGKILL. `VESTIBULE_CRASH_ROUNDS` says how often (default 6).

use crate::clock::SystemClock;
use crate::secret::random;
use crate::store::data_folder::DataFolder;
use crate::store::rows::{UpdateError, atomically};
use crate::store::table::{Record, Table};
use crate::store::{Durability, Store, Swap, Tree};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;
use tempfile::TempDir;

const FOLDER: &str = "VESTIBULE_CRASH_FOLDER";
const WRITERS: u64 = 4;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Count(u64);

impl Record for Count {
    const TREE: Tree = Tree::Accounts;
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Mirror(u64);

impl Record for Mirror {
    const TREE: Tree = Tree::Usernames;
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Ticket;

impl Record for Ticket {
    const TREE: Tree = Tree::FirstFactorSessions;
}

async fn open(folder: &Path) -> Arc<dyn Store> {
    let opened = DataFolder::open(
        folder,
        &crate::store::master_key::default_path(folder),
        Arc::new(SystemClock),
    )
    .await;
    Arc::new(opened.unwrap().store)
}

#[test]
fn a_killed_process_loses_no_acknowledged_write() {
    let rounds = env::var("VESTIBULE_CRASH_ROUNDS").map_or(6, |rounds| rounds.parse().unwrap());
    let folder = TempDir::new().unwrap();
    let mut acknowledged = BTreeMap::new();
    for _ in 0..rounds {
        let mut child = writer(folder.path());
        let [high, low] = random::<2>();
        let acks = usize::from(u16::from_be_bytes([high % 2, low]));
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut lines = output.lines().map(Result::unwrap);
        let mut seen: Vec<String> = lines
            .by_ref()
            .filter(|line| line.starts_with("ack "))
            .take(acks)
            .collect();
        child.kill().unwrap();
        seen.extend(lines);
        child.wait().unwrap();
        for line in seen {
            let Some(numbers) = line.strip_prefix("ack ") else {
                continue;
            };
            let (writer, count) = numbers.split_once(' ').unwrap();
            acknowledged.insert(writer.parse().unwrap(), count.parse().unwrap());
        }
        verify(folder.path(), &acknowledged);
    }
    assert!(
        !acknowledged.is_empty(),
        "no child lived long enough to write"
    );
}

#[test]
fn a_first_start_that_was_killed_is_completed_by_the_next() {
    for _ in 0..6 {
        let folder = TempDir::new().unwrap();
        let mut child = writer(folder.path());
        // Not a synchronisation: the moment is meant to be any.
        let [moment] = random::<1>();
        sleep(Duration::from_micros(u64::from(moment) * 200));
        child.kill().unwrap();
        child.wait().unwrap();
        verify(folder.path(), &BTreeMap::new());
    }
}

fn writer(folder: &Path) -> Child {
    writing(Command::new(env::current_exe().unwrap()), folder)
        .spawn()
        .unwrap()
}

/// Gives `program`, which is or runs this binary, what makes it the child that writes.
pub(in crate::store::tests) fn writing(mut program: Command, folder: &Path) -> Command {
    program
        .args([
            "--exact",
            "store::tests::crash::child",
            "--ignored",
            "--nocapture",
        ])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    program
}

/// Every acknowledged count is there or was passed, its mirror agrees, and its ticket is spent.
#[tokio::main]
pub(in crate::store::tests) async fn verify(folder: &Path, acknowledged: &BTreeMap<u64, u64>) {
    let store = open(folder).await;
    let counts = Table::<Count>::new(Arc::clone(&store));
    let mirrors = Table::<Mirror>::new(Arc::clone(&store));
    let tickets = Table::<Ticket>::new(Arc::clone(&store));
    for writer in 0..WRITERS {
        let least = acknowledged.get(&writer).copied().unwrap_or_default();
        let key = writer.to_be_bytes();
        let Count(count) = counts.get(&key).await.unwrap().unwrap_or_default();
        let Mirror(mirror) = mirrors.get(&key).await.unwrap().unwrap_or_default();
        assert!(count >= least, "writer {writer}: {count} of {least}");
        assert_eq!(mirror, count, "writer {writer}");
        for spent in 1..=least {
            assert!(tickets.get(&ticket(writer, spent)).await.unwrap().is_none());
        }
    }
}

fn ticket(writer: u64, count: u64) -> Vec<u8> {
    [writer.to_be_bytes(), count.to_be_bytes()].concat()
}

#[test]
#[ignore = "the body of the child process"]
fn child() {
    if let Ok(folder) = env::var(FOLDER) {
        write_for_ever(Path::new(&folder));
    }
}

#[tokio::main]
async fn write_for_ever(folder: &Path) {
    let store = open(folder).await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..WRITERS {
        writers.spawn(write(Arc::clone(&store), writer));
    }
    writers.join_all().await;
}

/// Issues a ticket, spends it, counts it in two rows at once, and only then says so.
async fn write(store: Arc<dyn Store>, writer: u64) {
    let key = writer.to_be_bytes();
    let tickets = Table::<Ticket>::new(Arc::clone(&store));
    loop {
        let at: [(Tree, &[u8]); 2] = [(Count::TREE, &key), (Mirror::TREE, &key)];
        let next = Table::<Count>::new(Arc::clone(&store))
            .get(&key)
            .await
            .unwrap()
            .unwrap_or_default()
            .0
            + 1;
        let ticket = ticket(writer, next);
        let (Swap::Done | Swap::Conflict) = tickets.insert(&ticket, &Ticket).await.unwrap();
        tickets.take(&ticket).await.unwrap().unwrap();
        let counted = atomically(&*store, Durability::Synced, &at, |rows| {
            rows.put(&key, &Count(next))?;
            rows.put(&key, &Mirror(next))?;
            Ok::<_, UpdateError<Infallible>>(next)
        });
        let line = format!("ack {writer} {}\n", counted.await.unwrap());
        std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
    }
}
