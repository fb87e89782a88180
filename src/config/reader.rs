//! Reads one section after the other: each key once, with its default.
//!
//! Reading never stops at a mistake: the default stands in, and the mistake is reported. What
//! nobody asked for in the end is an unknown key. So the list of keys is the code that reads them.

use crate::config::layers::{Layers, variable_of};
use crate::config::problem::{Origin, Wrong};
use crate::config::report::Report;
use crate::config::setting::{Native, Setting};
use crate::config::unknown::{self, plain_key};
use figment::value::{Dict, Value};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

/// Reads the merged layers.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    layers: &'a Layers,
    report: Report,
    known: BTreeSet<String>,
    unknown: Vec<(String, Origin)>,
}

impl<'a> Reader<'a> {
    /// Reads the whole; `read` asks for every key there is.
    pub(crate) fn read<T>(
        layers: &'a Layers,
        values: Dict,
        read: impl FnOnce(&mut Section<'_, 'a>) -> T,
    ) -> (T, Report, BTreeSet<String>) {
        let mut reader = Reader {
            layers,
            report: Report::default(),
            known: BTreeSet::new(),
            unknown: vec![],
        };
        let all = Section::enter(&mut reader, String::new(), Origin::Default, values, read);
        // Only now are all keys known among which the nearest is sought.
        for (key, origin) in std::mem::take(&mut reader.unknown) {
            let wrong = unknown::explain(&key, &origin, &reader.known);
            reader.report.broken(&key, origin, wrong);
        }
        (all, reader.report, reader.known)
    }
}

/// One table while it is read.
#[derive(Debug)]
pub(crate) struct Section<'r, 'a> {
    reader: &'r mut Reader<'a>,
    path: String,
    place: Origin,
    values: Dict,
}

impl<'a> Section<'_, 'a> {
    fn enter<T>(
        reader: &mut Reader<'a>,
        path: String,
        place: Origin,
        values: Dict,
        read: impl FnOnce(&mut Section<'_, 'a>) -> T,
    ) -> T {
        let mut section = Section {
            reader,
            path,
            place,
            values,
        };
        let all = read(&mut section);
        let left = std::mem::take(&mut section.values);
        for (name, value) in left {
            let key = section.key(&name);
            let origin = section.reader.layers.origin(value.tag(), &key);
            section.reader.unknown.push((key, origin));
        }
        all
    }

    /// A value, or its default.
    pub(crate) fn get<T: Setting>(&mut self, name: &str, default: T) -> T {
        self.checked(name, default, |_| Ok(()))
    }

    /// A value within bounds, or its default.
    pub(crate) fn within<T: Setting + PartialOrd>(
        &mut self,
        name: &str,
        default: T,
        bounds: RangeInclusive<T>,
    ) -> T {
        self.checked(name, default, |value| {
            if bounds.contains(value) {
                return Ok(());
            }
            let what = format!("{} is out of bounds", value.show());
            let (least, most) = (bounds.start().show(), bounds.end().show());
            Err(Wrong::new(what, format!("write {least} to {most}")))
        })
    }

    /// A value that may be absent, for which `absent` can be written.
    pub(crate) fn optional<T: Setting>(
        &mut self,
        name: &str,
        absent: &str,
        default: Option<T>,
    ) -> Option<T> {
        let parse = |text: &str| match text {
            text if text == absent => Ok(None),
            text => T::parse(text).map(Some),
        };
        let found = self.take(name, T::NATIVE, T::HINT, parse);
        let (value, origin) = found.unwrap_or((default, Origin::Default));
        let shown = value.as_ref().map_or(absent.to_owned(), T::show);
        self.resolved(name, shown, origin);
        value
    }

    /// A value that must be given.
    pub(crate) fn required<T: Setting>(&mut self, name: &str) -> Option<T> {
        let given = self.values.contains_key(name);
        let found = self.take(name, T::NATIVE, T::HINT, T::parse);
        if !given {
            let (key, origin) = (self.key(name), self.place.clone());
            let wrong = Wrong::new("it is missing", T::HINT);
            self.reader.report.broken(&key, origin, wrong);
        }
        let (value, origin) = found?;
        self.resolved(name, value.show(), origin);
        Some(value)
    }

    /// A list, a single value, or – from a variable – values with commas between.
    pub(crate) fn list<T: Setting>(&mut self, name: &str) -> Vec<T> {
        self.known(name);
        let key = self.key(name);
        let Some(value) = self.values.remove(name) else {
            self.resolved(name, String::new(), Origin::Default);
            return vec![];
        };
        let origin = self.reader.layers.origin(value.tag(), &key);
        let items = match value {
            Value::Array(_, items) => items,
            Value::String(tag, text) if matches!(origin, Origin::Variable(_)) => {
                let items = text.split(',').map(str::trim).filter(|t| !t.is_empty());
                items
                    .map(|item| Value::String(tag, item.to_owned()))
                    .collect()
            }
            one => vec![one],
        };
        let mut all = vec![];
        for item in items {
            match text_of(&item, T::NATIVE, T::HINT).and_then(|text| T::parse(&text)) {
                Ok(value) => all.push(value),
                Err(wrong) => self.reader.report.broken(&key, origin.clone(), wrong),
            }
        }
        let shown: Vec<_> = all.iter().map(T::show).collect();
        self.resolved(name, shown.join(", "), origin);
        all
    }

    /// A list that holds something when it is given: an empty one could mean all or nothing.
    pub(crate) fn some_of<T: Setting>(&mut self, name: &str) -> Vec<T> {
        let empty =
            matches!(self.values.get(name), Some(Value::Array(_, items)) if items.is_empty());
        let all = self.list(name);
        if empty {
            let key = self.key(name);
            let wrong = Wrong::new(
                "it is an empty list",
                "name what is meant, or leave the key out for all",
            );
            self.reader.report.broken(&key, self.place.clone(), wrong);
        }
        all
    }

    /// A table within this one.
    pub(crate) fn section<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Section<'_, 'a>) -> T,
    ) -> T {
        self.known(name);
        let path = self.key(name);
        let values = match self.values.remove(name) {
            None => Dict::new(),
            Some(Value::Dict(_, values)) => values,
            Some(other) => {
                let origin = self.reader.layers.origin(other.tag(), &path);
                let wrong = Wrong::new(
                    "it is a section, not a value",
                    format!(
                        "set its keys: [{path}] in the file, {}__… in the environment",
                        variable_of(&path)
                    ),
                );
                self.reader.report.broken(&path, origin, wrong);
                Dict::new()
            }
        };
        Section::enter(self.reader, path, Origin::Default, values, read)
    }

    /// The tables of `[[name]]`. A text alone stands for one table with only the key `short`.
    pub(crate) fn tables<T>(
        &mut self,
        name: &str,
        short: Option<&str>,
        mut read: impl FnMut(&mut Section<'_, 'a>) -> Option<T>,
    ) -> Vec<T> {
        self.known(name);
        let path = self.key(name);
        let tables = match (self.values.remove(name), short) {
            (None, _) => vec![],
            (Some(Value::Array(_, tables)), _) => tables,
            (Some(text @ Value::String(..)), Some(short)) => {
                vec![Value::from(Dict::from([(short.to_owned(), text)]))]
            }
            (Some(other), _) => vec![other],
        };
        let mut all = vec![];
        for (index, table) in tables.into_iter().enumerate() {
            let path = format!("{path}[{index}]");
            let origin = self.reader.layers.origin(table.tag(), &path);
            let Value::Dict(_, values) = table else {
                let hint = format!("write [[{}]] in the file", plain_key(&path));
                let wrong = Wrong::new("it is no table", hint);
                self.reader.report.broken(&path, origin, wrong);
                continue;
            };
            all.extend(Section::enter(self.reader, path, origin, values, &mut read));
        }
        all
    }

    fn checked<T: Setting>(
        &mut self,
        name: &str,
        default: T,
        check: impl Fn(&T) -> Result<(), Wrong>,
    ) -> T {
        let parse = |text: &str| T::parse(text).and_then(|value| check(&value).map(|()| value));
        let found = self.take(name, T::NATIVE, T::HINT, parse);
        let (value, origin) = found.unwrap_or((default, Origin::Default));
        self.resolved(name, value.show(), origin);
        value
    }

    /// Takes a key out of the table and reads it; `None` when it is absent or wrong.
    fn take<T>(
        &mut self,
        name: &str,
        native: Native,
        hint: &str,
        parse: impl Fn(&str) -> Result<T, Wrong>,
    ) -> Option<(T, Origin)> {
        self.known(name);
        let value = self.values.remove(name)?;
        let key = self.key(name);
        let origin = self.reader.layers.origin(value.tag(), &key);
        match text_of(&value, native, hint).and_then(|text| parse(&text)) {
            Ok(value) => Some((value, origin)),
            Err(wrong) => {
                self.reader.report.broken(&key, origin, wrong);
                None
            }
        }
    }

    fn known(&mut self, name: &str) {
        let key = plain_key(&self.key(name));
        self.reader.known.insert(key);
    }

    fn resolved(&mut self, name: &str, value: String, origin: Origin) {
        let key = self.key(name);
        self.reader.report.resolved(key, value, origin);
    }

    fn key(&self, name: &str) -> String {
        if self.path.is_empty() {
            return name.to_owned();
        }
        format!("{}.{name}", self.path)
    }
}

/// The text of a value; numbers and switches only where they are natural.
fn text_of(value: &Value, native: Native, hint: &str) -> Result<String, Wrong> {
    match (value, native) {
        (Value::String(_, text), _) => Ok(text.clone()),
        (Value::Bool(_, switch), Native::Switch) => Ok(switch.to_string()),
        (Value::Num(_, number), Native::Number) => Ok(number_of(*number)),
        (other, _) => {
            let found = match other {
                Value::Num(..) => "a number",
                Value::Bool(..) => "true or false",
                Value::Dict(..) => "a table",
                Value::Array(..) => "a list",
                Value::String(..) | Value::Char(..) | Value::Empty(..) => "something else",
            };
            Err(Wrong::new(format!("it is {found}"), hint))
        }
    }
}

fn number_of(number: figment::value::Num) -> String {
    match (number.to_i128(), number.to_u128(), number.to_f64()) {
        (Some(signed), _, _) => signed.to_string(),
        (None, Some(unsigned), _) => unsigned.to_string(),
        (None, None, fraction) => fraction.unwrap_or(f64::NAN).to_string(),
    }
}
