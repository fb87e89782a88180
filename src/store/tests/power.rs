//! A power cut at any acknowledged moment leaves a store that opens and has what was acknowledged.
//!
//! Every system call of a writing child is recorded by `strace`. Then the folder is rebuilt as it may
//! be after a cut: of each file only what a finished `fsync` or `fdatasync` had covered, of each folder
//! only the names that its own `fsync` had. Needs strace: runs when `VESTIBULE_TEST_THIRD_PARTY=1`.

use crate::secret::random;
use crate::store::tests::crash::{verify, writing};
use std::collections::{BTreeMap, HashMap};
use std::env;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Calls that change files, make them durable, or acknowledge.
const CALLS: &str = "trace=openat,write,pwrite64,fsync,fdatasync,sync_file_range,rename,ftruncate,fallocate,unlink,unlinkat,mkdir";

fn is_set(name: &str) -> bool {
    env::var_os(name).is_some_and(|value| value == "1")
}

#[test]
fn a_power_cut_at_any_moment_keeps_what_was_acknowledged() {
    if !is_set("VESTIBULE_TEST_THIRD_PARTY") {
        let _ = writeln!(
            std::io::stderr(),
            "left out: a power cut needs strace (tests/run)"
        );
        return;
    }
    let (acks, points) = if is_set("VESTIBULE_TEST_SOAK") {
        (600, 40)
    } else {
        (60, 6)
    };
    let parent = TempDir::new().unwrap();
    let folder = parent.path().join("data");
    // A first start is another matter: it is completed by the next one.
    verify(&folder, &BTreeMap::new());
    let mut disk = Disk::read(&folder);
    let trace = parent.path().join("trace");
    record(&folder, &trace, acks);
    let lines = BufReader::new(File::open(&trace).unwrap()).lines();
    let lines: Vec<String> = lines.map(Result::unwrap).collect();
    let moments: Vec<usize> = (0..lines.len())
        .filter(|at| ack(&lines[*at]).is_some())
        .collect();
    assert!(moments.len() >= acks, "{} acknowledged", moments.len());
    let mut cuts: Vec<usize> = (0..points)
        .map(|_| moments[usize::from(u16::from_be_bytes(random())) % moments.len()])
        .collect();
    cuts.sort_unstable();
    let (mut acknowledged, mut at) = (BTreeMap::new(), 0);
    for cut in cuts {
        for line in &lines[at..=cut.max(at)] {
            disk.replay(line);
            acknowledged.extend(ack(line));
        }
        at = cut + 1;
        let after = parent.path().join("after");
        disk.write_durable(&folder, &after);
        verify(&after, &acknowledged);
        fs::remove_dir_all(&after).unwrap();
    }
    assert!(!acknowledged.is_empty());
}

/// Lets a child write below `folder` until it acknowledged often enough, and kills it.
fn record(folder: &Path, trace: &Path, acks: usize) {
    let mut strace = Command::new("strace");
    // As a grandchild, so that the child is the one that is killed.
    strace
        .args(["-D", "-f", "-y", "-xx", "-s", "16777216", "-e", CALLS, "-o"])
        .arg(trace)
        .arg(env::current_exe().unwrap());
    let mut child = writing(strace, folder).spawn().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let mut lines = output.lines().map(Result::unwrap);
    let seen = lines
        .by_ref()
        .filter(|line| line.contains("ack "))
        .take(acks);
    assert_eq!(seen.count(), acks);
    child.kill().unwrap();
    child.wait().unwrap();
    // The recorder ends after the child.
    let begun = Instant::now();
    let ended = || {
        fs::read_to_string(trace)
            .unwrap()
            .contains("+++ killed by SIGKILL +++")
    };
    while !ended() {
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The count that a line of the trace acknowledges.
fn ack(line: &str) -> Option<(u64, u64)> {
    if !line.contains(" write(1<") {
        return None;
    }
    let text = String::from_utf8(bytes(line)?).ok()?;
    let (_, numbers) = text.split_once("ack ")?;
    let (writer, count) = numbers.trim().split_once(' ')?;
    Some((writer.parse().ok()?, count.parse().ok()?))
}

/// The first quoted argument.
fn bytes(line: &str) -> Option<Vec<u8>> {
    let (_, rest) = line.split_once('"')?;
    let (hex, _) = rest.split_once('"')?;
    unhex(hex)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    data_encoding::HEXLOWER
        .decode(text.replace("\\x", "").as_bytes())
        .ok()
}

fn path(hex: &str) -> Option<PathBuf> {
    Some(PathBuf::from(String::from_utf8(unhex(hex)?).ok()?))
}

/// What the first descriptor of a call stands for.
fn opened(call: &str) -> Option<PathBuf> {
    let (_, rest) = call.split_once('<')?;
    path(rest.split_once('>')?.0)
}

/// All quoted arguments, as paths.
fn quoted_paths(call: &str) -> Vec<PathBuf> {
    call.split('"')
        .skip(1)
        .step_by(2)
        .filter_map(path)
        .collect()
}

#[derive(Clone, Debug, Default)]
struct Content {
    live: Vec<u8>,
    durable: Vec<u8>,
    /// How often it was written, and how many of these writes are durable.
    writes: u64,
    synced: u64,
    /// By thread: what its sync covers, once it has finished.
    syncing: HashMap<String, (u64, Vec<u8>)>,
}

/// What is on the disk, and what may be there after a cut. Files are numbered; names lead to them.
#[derive(Debug, Default)]
struct Disk {
    files: Vec<Content>,
    live: BTreeMap<PathBuf, usize>,
    durable: BTreeMap<PathBuf, usize>,
    /// Calls that have not finished, by thread.
    unfinished: HashMap<String, String>,
}

impl Disk {
    /// Everything below `folder` as it is, which is taken as durable.
    fn read(folder: &Path) -> Self {
        let mut disk = Self::default();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let inside = if path.is_dir() {
                Self::read(&path)
            } else {
                Self::default()
            };
            for (path, at) in inside.live {
                disk.add(path, inside.files[at].live.clone());
            }
            if path.is_file() {
                let content = fs::read(&path).unwrap();
                disk.add(path, content);
            }
        }
        disk.durable = disk.live.clone();
        disk
    }

    fn add(&mut self, path: PathBuf, content: Vec<u8>) {
        self.live.insert(path, self.files.len());
        self.files.push(Content {
            durable: content.clone(),
            live: content,
            ..Content::default()
        });
    }

    fn replay(&mut self, line: &str) {
        let (thread, call) = line.split_once(' ').unwrap_or((line, ""));
        let call = call.trim_start();
        if let Some(begun) = call.strip_suffix(" <unfinished ...>") {
            self.begin(thread, begun);
            self.unfinished.insert(thread.to_owned(), begun.to_owned());
        } else if call.starts_with("<... ") {
            if let Some(begun) = self.unfinished.remove(thread) {
                self.finish(thread, &begun, call);
            }
        } else {
            self.begin(thread, call);
            self.finish(thread, call, call);
        }
    }

    fn file(&mut self, call: &str) -> Option<&mut Content> {
        let at = *self.live.get(&opened(call)?)?;
        self.files.get_mut(at)
    }

    /// What takes effect when a call begins: writes, and what a sync will cover.
    fn begin(&mut self, thread: &str, call: &str) {
        let name = call.split('(').next().unwrap_or_default();
        match name {
            "write" | "pwrite64" => {
                let Some(new) = bytes(call) else { return };
                let offset = call.rsplit(", ").next().and_then(|last| {
                    last.split(')')
                        .next()
                        .and_then(|text| text.parse::<usize>().ok())
                });
                let Some(file) = self.file(call) else { return };
                // All files but the database are written in one go from their beginning.
                let at = if name == "write" {
                    file.live.len()
                } else {
                    offset.unwrap()
                };
                let end = at + new.len();
                file.writes += 1;
                file.live.resize(file.live.len().max(end), 0);
                file.live[at..end].copy_from_slice(&new);
            }
            "fsync" | "fdatasync" => {
                if let Some(file) = self.file(call) {
                    let covered = (file.writes, file.live.clone());
                    file.syncing.insert(thread.to_owned(), covered);
                }
            }
            "ftruncate" => {
                let length = call
                    .rsplit(", ")
                    .next()
                    .and_then(|last| last.split(')').next());
                let length = length.and_then(|text| text.parse().ok());
                if let (Some(file), Some(length)) = (self.file(call), length) {
                    file.writes += 1;
                    file.live.resize(length, 0);
                }
            }
            _ => {}
        }
    }

    /// What takes effect when a call has succeeded.
    fn finish(&mut self, thread: &str, call: &str, end: &str) {
        if end.contains("= -1 ") || end.contains("= ?") {
            return;
        }
        match call.split('(').next().unwrap_or_default() {
            "fsync" | "fdatasync" => self.synced(thread, call),
            "openat" if call.contains("O_CREAT") => {
                for path in quoted_paths(call) {
                    if let Some(at) = self.live.get(&path) {
                        if call.contains("O_TRUNC") {
                            self.files[*at].writes += 1;
                            self.files[*at].live.clear();
                        }
                    } else {
                        self.live.insert(path, self.files.len());
                        self.files.push(Content::default());
                    }
                }
            }
            "rename" => {
                if let [from, to] = &quoted_paths(call)[..]
                    && let Some(file) = self.live.remove(from)
                {
                    self.live.insert(to.clone(), file);
                }
            }
            "unlink" | "unlinkat" => {
                for path in quoted_paths(call) {
                    self.live.remove(&path);
                }
            }
            _ => {}
        }
    }

    fn synced(&mut self, thread: &str, call: &str) {
        if let Some(file) = self.file(call) {
            // A sync that began earlier and ended later takes nothing back.
            if let Some((writes, covered)) = file.syncing.remove(thread)
                && writes >= file.synced
            {
                (file.synced, file.durable) = (writes, covered);
            }
            return;
        }
        let Some(folder) = opened(call) else { return };
        let inside = |path: &Path| path.parent() == Some(folder.as_path());
        self.durable.retain(|path, _| !inside(path));
        for (path, at) in &self.live {
            if inside(path) {
                self.durable.insert(path.clone(), *at);
            }
        }
    }

    /// Writes below `to` what a cut would have left of `from`.
    fn write_durable(&self, from: &Path, to: &Path) {
        for (path, at) in &self.durable {
            let Ok(path) = path.strip_prefix(from) else {
                continue;
            };
            let target = to.join(path);
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::write(&target, &self.files[*at].durable).unwrap();
            if path.ends_with("master.key") {
                use std::os::unix::fs::PermissionsExt;
                fs::set_permissions(&target, fs::Permissions::from_mode(0o600)).unwrap();
            }
        }
    }
}
