//! How hosts and paths are described in rules, and what they match. Bytes against bytes.

use crate::authz::lax;

/// A host condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostPattern {
    /// This host; case and one trailing dot make no difference.
    Exact(String),
    /// Every host one or more labels below this one; written `*.example.com`.
    Below(String),
}

impl HostPattern {
    /// Reads `app.example.com` or `*.example.com`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let text = text.trim_end_matches('.').to_ascii_lowercase();
        match text.strip_prefix("*.") {
            Some(domain) => Self::Below(domain.to_owned()),
            None => Self::Exact(text),
        }
    }

    /// Is it this host? `host` is canonical: lower case, no trailing dot, no port.
    #[must_use]
    pub fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exact(name) => host == name,
            Self::Below(domain) => is_below(host, domain),
        }
    }

    /// Is every host of `other` one of this?
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Exact(host)) => self.matches(host),
            (Self::Below(domain), Self::Below(other)) => is_within(other, domain),
            (Self::Exact(_), Self::Below(_)) => false,
        }
    }

    /// Is there a host of both?
    #[must_use]
    pub fn may_meet(&self, other: &Self) -> bool {
        self.contains(other) || other.contains(self)
    }
}

/// Is `host` this domain or below it? Both are canonical.
#[must_use]
pub fn is_within(host: &str, domain: &str) -> bool {
    host == domain || is_below(host, domain)
}

/// The dot has to be there: `badexample.com` is not below `example.com` (CVE-2021-21291).
fn is_below(host: &str, domain: &str) -> bool {
    let rest = host.strip_suffix(domain);
    rest.is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
}

/// A path condition: segments, where `*` stands for any one and a last `**` for any number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPattern {
    exact: Form,
    /// How a lax server reads it; `None` when it reads it as it stands.
    lax: Option<Form>,
}

impl PathPattern {
    /// Reads `/healthz`, `/assets/**`, `/users/*/avatar`, `/*.css`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let exact = Form::parse(text, Reading::Exact);
        let lax = text.strip_suffix('/').unwrap_or(text);
        let lax = Some(Form::parse(lax, Reading::Lax)).filter(|lax| *lax != exact);
        Self { exact, lax }
    }

    /// Is it this path? Compared byte by byte, without allocation.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        self.exact.matches(path)
    }

    /// Is every path of `other` one of this, to the letter? Yes is certain, no is not.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        self.exact.contains(&other.exact)
    }

    /// Could a path be of both, to the letter? No is certain, yes is not.
    #[must_use]
    pub fn may_meet(&self, other: &Self) -> bool {
        self.exact.may_meet(&other.exact)
    }

    /// Could a lax server take it for this path? `path` is what [`Target::lax_path`] says.
    ///
    /// [`Target::lax_path`]: crate::authz::target::Target::lax_path
    #[must_use]
    pub fn matches_laxly(&self, path: &str) -> bool {
        let form = self.lax.as_ref().unwrap_or(&self.exact);
        let shorter = lax::without_end(path);
        // `/a/*` is about `/a/`, and not about `/a`.
        form.matches(shorter) || shorter.len() < path.len() && form.matches(path)
    }

    /// Does a lax server read it as it stands?
    pub(in crate::authz) fn is_plain(&self) -> bool {
        self.lax.is_none()
    }
}

#[derive(Clone, Copy, Debug)]
enum Reading {
    Exact,
    Lax,
}

/// A pattern, ready to be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Form {
    /// What every path begins and ends with that matches; looked at first, because most rules are about others.
    ends: [String; 2],
    segments: Vec<Segment>,
    rest: Rest,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Exact(String),
    /// A lone `*`.
    Any,
    /// Parts between `*`.
    Glob(Vec<String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    Nothing,
    Anything,
}

impl Form {
    fn parse(text: &str, reading: Reading) -> Self {
        let text = text.strip_prefix('/').unwrap_or(text);
        let (text, rest) = match text.strip_suffix("**") {
            Some(front) if front.is_empty() || front.ends_with('/') => {
                (front.strip_suffix('/').unwrap_or(front), Rest::Anything)
            }
            Some(_) | None => (text, Rest::Nothing),
        };
        let all_of_it = text.is_empty() && rest == Rest::Anything;
        let segments = if all_of_it {
            Vec::new()
        } else {
            let segments = text.split('/');
            segments.map(|text| Segment::parse(text, reading)).collect()
        };
        Self {
            ends: ends(&segments, rest),
            segments,
            rest,
        }
    }

    fn matches(&self, path: &str) -> bool {
        let [front, back] = &self.ends;
        if !path.starts_with(front.as_str()) || !path.ends_with(back.as_str()) {
            return false;
        }
        let mut actual = path.strip_prefix('/').unwrap_or(path).split('/');
        let all = self
            .segments
            .iter()
            .all(|segment| actual.next().is_some_and(|text| segment.matches(text)));
        all && match self.rest {
            Rest::Nothing => actual.next().is_none(),
            Rest::Anything => true,
        }
    }

    fn contains(&self, other: &Self) -> bool {
        let (count, others) = (self.segments.len(), other.segments.len());
        let may = match (self.rest, other.rest) {
            (Rest::Nothing, Rest::Nothing) => count == others,
            (Rest::Nothing, Rest::Anything) => false,
            (Rest::Anything, Rest::Nothing | Rest::Anything) => count <= others,
        };
        let mut pairs = self.segments.iter().zip(&other.segments);
        may && pairs.all(|(segment, other)| segment.contains(other))
    }

    fn may_meet(&self, other: &Self) -> bool {
        let (count, others) = (self.segments.len(), other.segments.len());
        let may = match (self.rest, other.rest) {
            (Rest::Nothing, Rest::Nothing) => count == others,
            (Rest::Nothing, Rest::Anything) => count >= others,
            (Rest::Anything, Rest::Nothing) => count <= others,
            (Rest::Anything, Rest::Anything) => true,
        };
        let mut pairs = self.segments.iter().zip(&other.segments);
        may && pairs.all(|(segment, other)| segment.may_meet(other))
    }
}

/// The path up to the first `*`, and from the last one on; without any, all of it.
fn ends(segments: &[Segment], rest: Rest) -> [String; 2] {
    let (mut front, mut back) = (String::new(), String::new());
    for segment in segments {
        front.push('/');
        let [first, _] = segment.ends();
        front.push_str(first);
        if !segment.is_exact() {
            break;
        }
    }
    for segment in segments.iter().rev() {
        let [_, last] = segment.ends();
        back.insert_str(0, last);
        if !segment.is_exact() {
            break;
        }
        back.insert(0, '/');
    }
    match rest {
        Rest::Nothing => [front, back],
        Rest::Anything => [front, String::new()],
    }
}

impl Segment {
    fn parse(text: &str, reading: Reading) -> Self {
        let read = |part| match reading {
            Reading::Exact => str::to_owned(part),
            Reading::Lax => lax::text(part),
        };
        match (text, reading) {
            ("*", _) => Self::Any,
            _ if text.contains('*') => Self::Glob(text.split('*').map(read).collect()),
            (_, Reading::Exact) => Self::Exact(text.to_owned()),
            (_, Reading::Lax) => Self::Exact(lax::segment(text)),
        }
    }

    fn is_exact(&self) -> bool {
        matches!(self, Self::Exact(_))
    }

    /// What it begins and ends with.
    fn ends(&self) -> [&str; 2] {
        match self {
            Self::Exact(text) => [text, text],
            Self::Any => ["", ""],
            Self::Glob(parts) => {
                [parts.first(), parts.last()].map(|part| part.map_or("", String::as_str))
            }
        }
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Exact(expected) => text == expected,
            Self::Any => true,
            Self::Glob(parts) => glob(parts, text),
        }
    }

    fn contains(&self, other: &Self) -> bool {
        match other {
            Self::Exact(text) => self.matches(text),
            Self::Any => self.matches("*"),
            // No part of a pattern has a `*` in it, so what stands for it here is covered by a `*` alone.
            Self::Glob(parts) => self.matches(&parts.join("*")),
        }
    }

    fn may_meet(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exact(text), segment) | (segment, Self::Exact(text)) => segment.matches(text),
            (Self::Any | Self::Glob(_), Self::Any | Self::Glob(_)) => true,
        }
    }
}

/// Greedy from the left is enough for `*`: linear in the text, whatever the pattern.
fn glob(parts: &[String], text: &str) -> bool {
    let [first, middle @ .., last] = parts else {
        return false;
    };
    let Some(mut rest) = text.strip_prefix(first.as_str()) else {
        return false;
    };
    for part in middle {
        let Some(at) = rest.find(part.as_str()) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last.as_str())
}

#[cfg(test)]
mod tests;
