//! Finds, layers, reads and checks a configuration.
//!
//! Defaults < file < environment < command line. Either everything is right, or all that is wrong
//! is reported at once.

use crate::config::Config;
use crate::config::check;
use crate::config::file;
use crate::config::layers::Layers;
use crate::config::problem::{Origin, Problem, Problems, Severity};
use crate::config::reader::Reader;
use crate::config::report::Sources;
use std::io::ErrorKind;
use std::path::Path;

/// Where a file is looked for when none is named; the first that exists counts.
pub const PLACES: [&str; 2] = ["vestibule.toml", "/etc/vestibule/vestibule.toml"];

/// What the command line says over file and environment, as it was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--listen`
    pub listen: Option<String>,
    /// `--upstream`: one app in place of all others.
    pub upstream: Option<String>,
    /// `--public-url`
    pub public_url: Option<String>,
    /// `--data-dir`
    pub data_dir: Option<String>,
}

/// Is a file at one of the usual places, or something that was meant to be one?
pub fn has_file() -> bool {
    PLACES
        .iter()
        .any(|place| Path::new(place).symlink_metadata().is_ok())
}

/// A configuration and what there is to say about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Every value in effect and where it was said.
    pub sources: Sources,
    /// What works, but is probably not meant or not safe.
    pub warnings: Problems,
}

/// The variables of this process that start with `VESTIBULE_`.
///
/// Bytes that are no UTF-8 are replaced; no key takes the replacement for what was meant.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    let texts = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        let name = name.into_string().ok()?;
        Some((name, value.to_string_lossy().into_owned()))
    };
    std::env::vars_os().filter_map(texts)
}

impl Config {
    /// Loads the configuration: `explicit` or the first file at the usual places, then the
    /// variables, then the options of the command line.
    ///
    /// # Errors
    /// With all problems at once.
    pub fn load(
        explicit: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
        overrides: Overrides,
    ) -> Result<Loaded, Problems> {
        let mut layers = Layers::default();
        let mut problems = vec![];
        problems.extend(add_file(&mut layers, explicit, &PLACES.map(Path::new)).err());
        problems.extend(layers.environment(environment).err());
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        let Overrides {
            listen,
            upstream,
            public_url,
            data_dir,
        } = overrides;
        for (flag, key, text) in [
            ("--listen", "listen", listen),
            ("--upstream", "upstream", upstream),
            ("--public-url", "public_url", public_url),
            ("--data-dir", "data_dir", data_dir),
        ] {
            if let Some(text) = text {
                layers.flag(flag, key, text);
            }
        }
        resolve(&layers)
    }

    /// Reads a configuration from the text of a file alone, for programs that make their own.
    ///
    /// # Errors
    /// With all problems at once.
    pub fn from_toml(text: &str) -> Result<Loaded, Problems> {
        let mut layers = Layers::default();
        let read = layers.file(Path::new("vestibule.toml"), text);
        read.map_err(|problem| Problems(vec![problem]))?;
        resolve(&layers)
    }
}

/// Adds the file `explicit`, else the first of `places` that is there.
pub(crate) fn add_file(
    layers: &mut Layers,
    explicit: Option<&Path>,
    places: &[&Path],
) -> Result<(), Problem> {
    if let Some(path) = explicit {
        let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
        return layers.file(path, &text);
    }
    for path in places {
        match std::fs::read_to_string(path) {
            Ok(text) => return layers.file(path, &text),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            // A file that is there but cannot be read was meant to count.
            Err(error) => return Err(unreadable(path, &error)),
        }
    }
    Ok(())
}

fn unreadable(path: &Path, error: &std::io::Error) -> Problem {
    let hint = match error.kind() {
        ErrorKind::NotFound => "name an existing file, or leave --config out",
        ErrorKind::PermissionDenied => "let the user that runs vestibule read it",
        ErrorKind::InvalidData => "save it as UTF-8 text",
        _ => "name a file of TOML text",
    };
    Problem {
        severity: Severity::Error,
        origin: Origin::File {
            path: path.to_owned(),
            line: None,
        },
        key: String::new(),
        what: format!("cannot read it: {error}"),
        hint: hint.to_owned(),
    }
}

fn resolve(layers: &Layers) -> Result<Loaded, Problems> {
    let values = layers.values();
    let values = values.map_err(|problem| Problems(vec![problem]))?;
    let (config, mut report, _) = Reader::read(layers, values, file::config);
    check::all(&config, &mut report);
    let (sources, warnings) = report.close()?;
    Ok(Loaded {
        config,
        sources,
        warnings,
    })
}
