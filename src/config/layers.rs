//! The layers of a configuration: file, environment, command line; the later wins.
//!
//! figment merges them and remembers which layer each value came from. Values of variables and
//! options stay texts until their key says what they are, so `00123` is never taken for a number.

use crate::config::problem::{Origin, Problem, Severity};
use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Tag, Value};
use figment::{Figment, Metadata, Profile, Provider};
use std::path::{Path, PathBuf};
use toml_edit::{ImDocument, Item, TableLike};

/// The variables of this program start so.
const PREFIX: &str = "VESTIBULE_";

/// The merged layers.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    figment: Figment,
    file: Option<File>,
    given: Vec<Given>,
}

/// A file, kept to find the lines of its keys.
#[derive(Debug)]
struct File {
    path: PathBuf,
    document: ImDocument<String>,
}

/// One value from outside the file.
#[derive(Clone, Debug)]
struct Given {
    origin: Origin,
    path: Vec<String>,
    text: String,
}

impl Layers {
    /// Adds a file whose text is `text`.
    ///
    /// # Errors
    /// When it is not TOML. The message never shows the line: it may hold a secret.
    pub(crate) fn file(&mut self, path: &Path, text: &str) -> Result<(), Problem> {
        let document = ImDocument::parse(text.to_owned()).map_err(|error| {
            let line = error.span().map(|span| line_at(text, span.start));
            not_toml(path, line, error.message())
        })?;
        self.file = Some(File {
            path: path.to_owned(),
            document,
        });
        self.figment = std::mem::take(&mut self.figment).merge(Toml::string(text));
        Ok(())
    }

    /// Adds the variables that are ours, in the order of their names.
    ///
    /// # Errors
    /// When one variable sets a whole section and another a key in it.
    pub(crate) fn environment(
        &mut self,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<(), Problem> {
        let ours = variables.filter_map(|(name, text)| {
            let path = path_of(&name, &text)?;
            let origin = Origin::Variable(name);
            Some(Given { origin, path, text })
        });
        let mut ours: Vec<_> = ours.collect();
        ours.sort_by(|a, b| a.path.cmp(&b.path));
        if let Some(pair) = ours.windows(2).find(|p| p[1].path.starts_with(&p[0].path)) {
            return Err(contradiction(&pair[0], &pair[1]));
        }
        ours.into_iter().for_each(|given| self.give(given));
        Ok(())
    }

    /// Adds an option of the command line.
    pub(crate) fn flag(&mut self, flag: &'static str, key: &str, text: String) {
        self.give(Given {
            origin: Origin::Flag(flag),
            path: vec![key.to_owned()],
            text,
        });
    }

    fn give(&mut self, given: Given) {
        self.given.push(given.clone());
        self.figment = std::mem::take(&mut self.figment).merge(given);
    }

    /// The merged values.
    ///
    /// # Errors
    /// When figment cannot read what the TOML parser could.
    pub(crate) fn values(&self) -> Result<Dict, Problem> {
        match self.figment.find_value("") {
            Ok(Value::Dict(_, values)) => Ok(values),
            Ok(_) => Ok(Dict::new()),
            Err(error) => {
                let path = self.file.as_ref().map(|file| file.path.clone());
                Err(not_toml(
                    &path.unwrap_or_default(),
                    None,
                    &error.to_string(),
                ))
            }
        }
    }

    /// Where the value with this tag was said; `key` helps to find the line.
    pub(crate) fn origin(&self, tag: Tag, key: &str) -> Origin {
        let name = self.figment.get_metadata(tag).map(|layer| &*layer.name);
        let given = name.and_then(|name| {
            let mut given = self.given.iter().map(|given| &given.origin);
            given.find(|origin| origin.to_string() == name)
        });
        match (given, &self.file) {
            (Some(origin), _) => origin.clone(),
            (None, Some(file)) => Origin::File {
                path: file.path.clone(),
                line: line_of(&file.document, key),
            },
            (None, None) => Origin::Default,
        }
    }
}

impl Provider for Given {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.to_string())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let mut value = Value::from(self.text.clone());
        for name in self.path.iter().skip(1).rev() {
            value = Value::from(Dict::from([(name.clone(), value)]));
        }
        let top = self.path.first().cloned().unwrap_or_default();
        Ok(Map::from([(Profile::Default, Dict::from([(top, value)]))]))
    }
}

/// The key that a variable sets: `VESTIBULE_SESSION__IDLE` is `session.idle`.
fn path_of(variable: &str, text: &str) -> Option<Vec<String>> {
    let name = variable.strip_prefix(PREFIX)?;
    if is_of_kubernetes(name, text) {
        return None;
    }
    Some(name.split("__").map(str::to_ascii_lowercase).collect())
}

/// Kubernetes tells every pod of a namespace about its services: one called `vestibule` or
/// `vestibule-ops` makes variables with our prefix that nobody wrote for us.
fn is_of_kubernetes(name: &str, text: &str) -> bool {
    let protocol = ["_TCP", "_UDP", "_SCTP"].iter().any(|p| name.contains(p));
    name.ends_with("SERVICE_HOST")
        || name.contains("SERVICE_PORT")
        || (name.contains("PORT_") && protocol)
        || (name.ends_with("PORT") && text.contains("://"))
}

/// The variable that sets a key.
pub(crate) fn variable_of(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_ascii_uppercase())
}

fn contradiction(whole: &Given, part: &Given) -> Problem {
    Problem {
        severity: Severity::Error,
        origin: whole.origin.clone(),
        key: whole.path.join("."),
        what: format!("it sets what {} sets too", part.origin),
        hint: format!("unset {} or {}", whole.origin, part.origin),
    }
}

fn not_toml(path: &Path, line: Option<usize>, message: &str) -> Problem {
    let message = match message.trim() {
        "" => "something is missing or too much here".to_owned(),
        said => said.replace('\n', ", "),
    };
    Problem {
        severity: Severity::Error,
        origin: Origin::File {
            path: path.to_owned(),
            line,
        },
        key: String::new(),
        what: format!("not TOML: {message}"),
        hint: "texts stand in quotes, durations and sizes too: idle = \"1h\"".to_owned(),
    }
}

/// The line of a key such as `upstream[1].url`, or of the nearest table around it.
fn line_of(document: &ImDocument<String>, key: &str) -> Option<usize> {
    let mut table: &dyn TableLike = document.as_table();
    let mut span = None;
    for step in key.split('.') {
        let (name, index) = match step.strip_suffix(']').and_then(|s| s.split_once('[')) {
            Some((name, index)) => (name, index.parse::<usize>().ok()),
            None => (step, None),
        };
        let Some((found, item)) = table.get_key_value(name) else {
            break;
        };
        span = found.span().or_else(|| item.span()).or(span);
        let next: Option<&dyn TableLike> = match (item, index) {
            (Item::ArrayOfTables(tables), Some(index)) => {
                let table = tables.get(index);
                span = table.and_then(toml_edit::Table::span).or(span);
                table.map(|table| table as &dyn TableLike)
            }
            (Item::Value(toml_edit::Value::Array(items)), Some(index)) => {
                let item = items.get(index);
                span = item.and_then(toml_edit::Value::span).or(span);
                item.and_then(|item| item.as_inline_table())
                    .map(|table| table as &dyn TableLike)
            }
            (item, _) => item.as_table_like(),
        };
        let Some(next) = next else { break };
        table = next;
    }
    span.map(|span| line_at(document.raw(), span.start))
}

/// The line of a byte, counted from 1.
fn line_at(text: &str, at: usize) -> usize {
    let before = text.as_bytes().iter().take(at);
    1 + before.filter(|byte| **byte == b'\n').count()
}
