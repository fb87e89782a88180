//! Backups by the clock.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::harness::DEADLINE;
use crate::harness::gate::Gate;
use crate::{add_users, done, names, users};

const CONFIG: &str = "[backup]\nfolder = \"kept\"\nevery = \"1s\"\nkeep = 2\n";

/// The backups in a folder, once `wanted` holds of them.
fn backups_when(folder: &Path, wanted: impl Fn(&[String]) -> bool) -> Vec<String> {
    let begun = Instant::now();
    loop {
        let all = if folder.exists() {
            names(folder)
        } else {
            vec![]
        };
        let ours: Vec<String> = all
            .into_iter()
            .filter(|name| name.starts_with("vestibule-") && name.ends_with(".backup"))
            .collect();
        if wanted(&ours) {
            return ours;
        }
        assert!(begun.elapsed() < DEADLINE, "{ours:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn there_are_as_many_as_wanted_and_nothing_else_is_touched() {
    let mut gate = Gate::prepared(CONFIG);
    let kept = gate.folder().join("kept");
    fs::create_dir(&kept).unwrap();
    let foreign = [
        "a.backup",
        "vestibule-00000000-20200101T000000Z.backup",
        "notes",
    ];
    for name in foreign {
        fs::write(kept.join(name), "mine").unwrap();
    }
    gate.spawn();
    let ours = |names: &[String]| {
        names
            .iter()
            .filter(|name| !foreign.contains(&name.as_str()))
            .count()
    };
    let first = backups_when(&kept, |names| ours(names) == 2);
    let newest = first.last().unwrap();
    backups_when(&kept, |names| {
        names.last() > Some(newest) && ours(names) == 2
    });
    backups_when(&kept, |names| !names.contains(newest) && ours(names) == 2);
    for name in foreign {
        assert_eq!(fs::read_to_string(kept.join(name)).unwrap(), "mine");
    }
    gate.wait_for("sys_backup");
}

#[test]
fn a_failure_is_recorded_and_the_gate_goes_on() {
    let mut gate = Gate::prepared(&CONFIG.replace("kept", "kept/here"));
    fs::write(gate.folder().join("kept"), "a file").unwrap();
    gate.spawn();
    gate.wait_for("NO BACKUP was made");
    gate.wait_for("sys_backup_fail");
    assert_eq!(users(&gate), ["admin"]);
    fs::remove_file(gate.folder().join("kept")).unwrap();
    backups_when(&gate.folder().join("kept/here"), |names| !names.is_empty());
}

#[test]
fn a_killed_gate_leaves_no_half_backup_and_no_rest() {
    let mut gate = Gate::start(CONFIG);
    add_users(&gate, "user", 100);
    let all = users(&gate);
    let kept = gate.folder().join("kept");
    for round in 0..3 {
        let before = backups_when(&kept, |names| !names.is_empty());
        backups_when(&kept, |names| names.last() > before.last());
        // Into the next one, early or late.
        std::thread::sleep(Duration::from_millis(900 + 60 * round));
        gate.kill_9();
        let newest = backups_when(&kept, |names| !names.is_empty())
            .pop()
            .unwrap();
        let path = format!("kept/{newest}");
        done(&gate, &["restore", &path, "--force"]);
        assert_eq!(users(&gate), all);
        gate.spawn();
    }
    backups_when(&kept, |names| names.len() == 2);
    let begun = Instant::now();
    while names(&kept)
        .iter()
        .filter(|name| name.ends_with(".draft"))
        .count()
        > 1
    {
        assert!(begun.elapsed() < DEADLINE, "{:?}", names(&kept));
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// When the last backup was made, as the metrics tell.
fn last_backup(gate: &Gate) -> Option<f64> {
    let text = gate.ops("/metrics").text();
    let mut lines = text.lines();
    lines.find_map(|line| {
        let value = line.strip_prefix("vestibule_last_backup_timestamp_seconds ")?;
        value.parse().ok()
    })
}

fn last_backup_when(gate: &Gate, wanted: impl Fn(f64) -> bool) -> f64 {
    let begun = Instant::now();
    loop {
        let last = last_backup(gate);
        if let Some(last) = last.filter(|last| wanted(*last)) {
            return last;
        }
        assert!(begun.elapsed() < DEADLINE, "{last:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_age_of_the_last_backup_is_known_from_each_one_and_after_a_start_from_the_folder() {
    let mut gate = Gate::start(CONFIG);
    let first = last_backup_when(&gate, |_| true);
    last_backup_when(&gate, |last| last > first);
    gate.stop();
    let config = fs::read_to_string(gate.config()).unwrap();
    fs::write(gate.config(), config.replace("\"1s\"", "\"1d\"")).unwrap();
    let kept = gate.folder().join("kept");
    let before = names(&kept);
    gate.spawn();
    assert!(last_backup_when(&gate, |_| true) > first);
    // None was made for it.
    assert_eq!(names(&kept), before);
}
