//! What became of the requests, in numbers.

use crate::metrics::{Counter, Family, Labels, Registry};

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Somebody who is signed in asked the app.
    App,
    /// Anybody may ask the app for this.
    Bypassed,
    /// To be signed in first.
    Challenged,
    /// One of our pages answered.
    Portal,
    /// Malformed, not allowed, or for nothing that is here.
    Refused,
    /// The store could not be asked, so nobody passes.
    Unavailable,
    /// It passed, and the app gave no answer that could be handed on.
    Unanswered,
}

impl Class {
    /// The stable name, for counters and the access log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Bypassed => "bypassed",
            Self::Challenged => "challenged",
            Self::Portal => "portal",
            Self::Refused => "refused",
            Self::Unavailable => "unavailable",
            Self::Unanswered => "unanswered",
        }
    }
}

/// A counter for each [`Class`].
#[derive(Debug)]
pub struct Tally {
    family: Family<Labels<1>, Counter>,
    app: Counter,
    bypassed: Counter,
    challenged: Counter,
    portal: Counter,
    refused: Counter,
    unavailable: Counter,
    unanswered: Counter,
}

impl Default for Tally {
    fn default() -> Self {
        let family = Family::<Labels<1>, Counter>::default();
        let of = |class: Class| family.get_or_create_owned(&[("class", class.name())]);
        Self {
            app: of(Class::App),
            bypassed: of(Class::Bypassed),
            challenged: of(Class::Challenged),
            portal: of(Class::Portal),
            refused: of(Class::Refused),
            unavailable: of(Class::Unavailable),
            unanswered: of(Class::Unanswered),
            family,
        }
    }
}

impl Tally {
    /// One more of this class.
    pub fn count(&self, class: Class) {
        let counter = match class {
            Class::App => &self.app,
            Class::Bypassed => &self.bypassed,
            Class::Challenged => &self.challenged,
            Class::Portal => &self.portal,
            Class::Refused => &self.refused,
            Class::Unavailable => &self.unavailable,
            Class::Unanswered => &self.unanswered,
        };
        counter.inc();
    }

    /// Shows the counters.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "requests",
            "Requests, by what became of them",
            self.family.clone(),
        );
    }
}
