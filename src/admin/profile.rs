//! Changes of what is known of a person: read, checked, then applied.

use crate::admin::CommandError;
use crate::authn::account::Profile;
use crate::authn::profile::{DisplayName, Email, Group};
use serde::{Deserialize, Serialize};

/// What is to change about a person; what is absent stays, what is empty is removed.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileChange {
    /// The e-mail address.
    pub email: Option<String>,
    /// The name to show.
    pub display_name: Option<String>,
    /// All groups.
    pub groups: Option<Vec<String>>,
}

/// A change whose values were found acceptable.
#[derive(Debug)]
pub(in crate::admin) struct Parsed {
    email: Option<Option<Email>>,
    display_name: Option<Option<DisplayName>>,
    groups: Option<Vec<Group>>,
}

impl ProfileChange {
    pub(in crate::admin) fn parse(&self) -> Result<Parsed, CommandError> {
        let groups = self.groups.as_ref().map(|groups| {
            let parsed: Result<Vec<Group>, _> =
                groups.iter().cloned().map(Group::try_from).collect();
            parsed.map(|mut groups| {
                groups.sort();
                groups.dedup();
                groups
            })
        });
        Ok(Parsed {
            email: optional(self.email.as_deref())?,
            display_name: optional(self.display_name.as_deref())?,
            groups: groups.transpose().map_err(CommandError::invalid)?,
        })
    }
}

/// Absent, removed, or a value.
fn optional<T: TryFrom<String, Error: std::fmt::Display>>(
    text: Option<&str>,
) -> Result<Option<Option<T>>, CommandError> {
    match text {
        None => Ok(None),
        Some("") => Ok(Some(None)),
        Some(text) => T::try_from(text.to_owned())
            .map(|value| Some(Some(value)))
            .map_err(CommandError::invalid),
    }
}

impl Parsed {
    pub(in crate::admin) fn apply(&self, profile: &mut Profile) {
        if let Some(email) = &self.email {
            profile.email.clone_from(email);
        }
        if let Some(display_name) = &self.display_name {
            profile.display_name.clone_from(display_name);
        }
        if let Some(groups) = &self.groups {
            profile.groups.clone_from(groups);
        }
    }
}
