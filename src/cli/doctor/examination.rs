//! The checks of a deployment that answers, in their order, and what each is given to look at.

use crate::cli::doctor::Doctor;
use crate::cli::doctor::answer::{Answer, Reception};
use crate::cli::doctor::check::{headers, paths, sign_in, transport};
use crate::cli::doctor::finding::Finding;
use crate::cli::doctor::place::Place;
use crate::cli::doctor::visitor::Visitor;
use crate::cli::doctor::walk::{Step, Walk};
use crate::cli::{Common, Failure, load};
use crate::config::{Config, Overrides};
use http::HeaderName;

/// Where our pages are, unless a configuration or a sign-in says otherwise.
const PORTAL: &str = "/_vestibule";

/// The headers that name somebody, unless a configuration says otherwise.
const NAMES: [HeaderName; 5] = [
    HeaderName::from_static("remote-user"),
    HeaderName::from_static("remote-name"),
    HeaderName::from_static("remote-email"),
    HeaderName::from_static("remote-groups"),
    HeaderName::from_static("x-vestibule-assertion"),
];

/// What the local configuration knows that a stranger has to guess.
#[derive(Debug)]
pub(in crate::cli::doctor) struct Known {
    portal: Option<String>,
    public: Option<String>,
    /// The identity headers.
    pub(in crate::cli::doctor) names: Vec<HeaderName>,
}

impl Known {
    /// Reads the configuration that was named on the command line; without one, the defaults.
    pub(in crate::cli::doctor) fn new(common: &Common) -> Result<Self, Failure> {
        if common.config.is_none() {
            return Ok(Self {
                portal: None,
                public: None,
                names: NAMES.to_vec(),
            });
        }
        let config: Config = load(common, Overrides::default())?.config;
        let names = config.identity.headers;
        Ok(Self {
            portal: Some(config.portal.path),
            public: Some(config.public_url.host().to_owned()),
            names: vec![
                names.user,
                names.name,
                names.email,
                names.groups,
                config.identity.assertion_header,
            ],
        })
    }
}

/// The checks of a deployment that answers.
#[derive(Debug)]
pub(in crate::cli::doctor) struct Examination<'a> {
    pub(in crate::cli::doctor) visitor: &'a Visitor,
    pub(in crate::cli::doctor) known: &'a Known,
    pub(in crate::cli::doctor) asked: &'a Doctor,
    /// How a stranger fared who asked for the page.
    pub(in crate::cli::doctor) walk: Walk,
}

impl Examination<'_> {
    /// Makes all of them.
    pub(in crate::cli::doctor) async fn findings(&self) -> Vec<Finding> {
        let url = &self.asked.url;
        let Some(base) = self.base() else {
            return vec![];
        };
        let mut findings = vec![sign_in::reception(&self.walk, self.is_expected_open())];
        findings.extend(self.at_the_sign_in(base).await);
        findings.push(sign_in::ending(&self.walk));
        findings.extend(self.along_the_way(base).await);
        let open = self.open_steps().await;
        findings.push(paths::open(&open));
        let steps: Vec<Step> = std::iter::once(base).chain(&open).cloned().collect();
        findings.push(headers::identity(self.visitor, &self.known.names, &steps).await);
        findings.push(headers::forwarded(self.visitor, base).await);
        findings.extend(self.around(base, &open).await);
        let portal = self.portal();
        let mut places = vec![url.clone()];
        places.extend(self.login().filter(|login| !login.is_beside(url)));
        findings.push(paths::checks(self.visitor, &places, &portal, &self.known.names).await);
        findings.push(paths::ops(self.visitor, url).await);
        findings
    }

    /// The answer that everything is compared with: where a stranger is stopped, else where the way ends.
    fn base(&self) -> Option<&Step> {
        let stopped = self.walk.sign_in().map(|(step, _)| step);
        stopped.or(self.walk.steps.last())
    }

    fn is_expected_open(&self) -> bool {
        self.asked
            .open
            .iter()
            .any(|path| path == self.asked.url.path())
    }

    /// The sign-in page, if a stranger is sent to one or at least told to sign in.
    fn login(&self) -> Option<Place> {
        if let Some((_, login)) = self.walk.sign_in() {
            return Some(login);
        }
        let last = self.walk.steps.last()?;
        let is_told = Reception::of(&last.place, &last.answer) == Reception::Told;
        is_told.then(|| last.place.at(&format!("{}/login", self.portal())))
    }

    fn portal(&self) -> String {
        let seen = || {
            let (_, login) = self.walk.sign_in()?;
            let (portal, _) = login.path().rsplit_once('/')?;
            Some(portal.to_owned())
        };
        self.known
            .portal
            .clone()
            .or_else(seen)
            .unwrap_or_else(|| PORTAL.to_owned())
    }

    async fn at_the_sign_in(&self, base: &Step) -> Vec<Finding> {
        let Some(login) = self.login() else {
            let what = "no sign-in was seen";
            return ["login-page", "login-address", "cookies"]
                .map(|check| Finding::skip(check, what, None))
                .into();
        };
        let keys = login.at(&format!("{}/jwks.json", self.portal()));
        let (page, keys) = (
            self.visitor.ask(&login).await,
            self.visitor.ask(&keys).await,
        );
        let mut cookies: Vec<_> = page.iter().flat_map(Answer::cookies).collect();
        cookies.extend(base.answer.cookies());
        vec![
            sign_in::page(&login, &page, &keys),
            sign_in::address(&base.place, &login, self.known.public.as_deref()),
            transport::cookies(login.is_https(), &cookies),
        ]
    }

    async fn along_the_way(&self, base: &Step) -> Vec<Finding> {
        let url = &self.asked.url;
        if !url.is_https() {
            let change = "fine on one machine; else put a proxy with TLS in front and give --url the https address";
            return vec![Finding::skip(
                "https",
                "the address is plain http, so nothing about TLS was looked at",
                Some(change),
            )];
        }
        let mut findings = vec![transport::hsts(&base.answer)];
        if url.port == url.scheme.default_port() {
            let plain = url.plain();
            findings.push(transport::plain(&plain, &self.visitor.ask(&plain).await));
        } else {
            let what = "the address names a port, so the one of plain http is not known";
            findings.push(Finding::skip("plain-http", what, None));
        }
        findings
    }

    async fn open_steps(&self) -> Vec<Step> {
        let mut steps = vec![];
        for path in &self.asked.open {
            let place = self.asked.url.at(path);
            if let Ok(answer) = self.visitor.ask(&place).await {
                steps.push(Step { place, answer });
            }
        }
        steps
    }

    /// Ways around a closed page; where the page is open there is nothing to get around.
    async fn around(&self, base: &Step, open: &[Step]) -> Vec<Finding> {
        if Reception::of(&base.place, &base.answer).is_through() {
            let what = "the page is open anyway";
            return ["rewrite-headers", "path-tricks"]
                .map(|check| Finding::skip(check, what, None))
                .into();
        }
        let mut targets = self.asked.open.clone();
        targets.push(format!("{}/jwks.json", self.portal()));
        vec![
            headers::rewrite(self.visitor, base, &targets).await,
            paths::path_tricks(self.visitor, &base.place, open).await,
        ]
    }
}
