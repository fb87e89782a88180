//! A clock that a test moves, for programs that are started with it.

use std::path::{Path, PathBuf};

/// Moves the time of programs that are started with it (libfaketime).
#[derive(Debug)]
pub(crate) struct FakeTime {
    file: PathBuf,
}

impl FakeTime {
    /// Right at first.
    pub(crate) fn in_folder(folder: &Path) -> Self {
        let file = folder.join("clock");
        let time = Self { file };
        time.set("+0");
        time
    }

    /// From now on a program that has this in its environment is `offset` away: `+90m`, `-1d`.
    ///
    /// # Panics
    /// At more than one number and unit: of `+24h1m` libfaketime makes 24 minutes, without a word.
    pub(crate) fn set(&self, offset: &str) {
        let number = offset.trim_end_matches(['m', 'h', 'd']).len();
        let plain = offset[1..number].bytes().all(|byte| byte.is_ascii_digit());
        assert!(
            plain && number + 1 >= offset.len() || offset.starts_with('@'),
            "{offset}"
        );
        let draft = self.file.with_extension("new");
        std::fs::write(&draft, format!("{offset}\n")).expect("the folder is writable");
        std::fs::rename(&draft, &self.file).expect("the folder is writable");
    }

    /// The file that holds the offset.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// The environment of a program for which time passes: the monotonic clock moves as well.
    pub(crate) fn passing(&self) -> Vec<(&'static str, String)> {
        let library = "/usr/$LIB/faketime/libfaketimeMT.so.1".to_owned();
        vec![
            ("LD_PRELOAD", library),
            ("FAKETIME_TIMESTAMP_FILE", self.file.display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
        ]
    }

    /// The environment of a program on a machine whose clock is set.
    pub(crate) fn set_by_hand(&self) -> Vec<(&'static str, String)> {
        let mut environment = self.passing();
        environment.push(("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()));
        environment
    }
}
