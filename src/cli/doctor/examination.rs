//! The checks of a deployment that answers, in their order, and what each is given to look at.

use crate::cli::doctor::Doctor;
use crate::cli::doctor::answer::{Answer, Reception};
use crate::cli::doctor::check::headers::forwarded::forwarded;
use crate::cli::doctor::check::headers::identity::{Spelling, identity};
use crate::cli::doctor::check::headers::rewrite::rewrite;
use crate::cli::doctor::check::otherwise::{otherwise, rootless};
use crate::cli::doctor::check::sign_in::{Login, Meant};
use crate::cli::doctor::check::upgrade::upgrade;
use crate::cli::doctor::check::{login_loop, paths, redirects, sign_in, transport};
use crate::cli::doctor::finding::Finding;
use crate::cli::doctor::known::{Known, PORTAL};
use crate::cli::doctor::visitor::{Silence, Visitor};
use crate::cli::doctor::walk::{Step, Walk};

/// The checks of a deployment that answers.
#[derive(Debug)]
pub(in crate::cli::doctor) struct Examination<'a> {
    pub(in crate::cli::doctor) visitor: &'a Visitor,
    pub(in crate::cli::doctor) known: &'a Known,
    pub(in crate::cli::doctor) asked: &'a Doctor,
    /// How a stranger fared who asked for the page.
    pub(in crate::cli::doctor) walk: Walk,
}

/// What answers where the sign-in should be.
#[derive(Debug)]
struct SignIn {
    login: Login,
    page: Result<Answer, Silence>,
}

impl SignIn {
    /// Our page, if it is one.
    fn ours(&self) -> Option<Step> {
        let page = self.page.as_ref().ok()?;
        sign_in::is_ours(page).then(|| Step {
            place: self.login.place().clone(),
            answer: page.clone(),
        })
    }
}

impl Examination<'_> {
    /// Makes all of them.
    pub(in crate::cli::doctor) async fn findings(&self) -> Vec<Finding> {
        let Some(base) = self.base() else {
            return vec![];
        };
        let sign_in = self.sign_in().await;
        let page = sign_in.as_ref().and_then(SignIn::ours);
        let named = self.open_paths().await;
        let open: Vec<Step> = named
            .iter()
            .filter_map(|(_, step)| step.clone().ok())
            .collect();
        let mut findings = vec![sign_in::reception(&self.walk, self.meant())];
        findings.extend(self.at_the_sign_in(base, sign_in.as_ref()).await);
        findings.push(login_loop::ends(self.visitor, &self.walk, base, page.as_ref()).await);
        findings.extend(self.along_the_way(base, &open).await);
        findings.push(paths::open(&named));
        findings.extend(self.forged(base, page.as_ref(), &open).await);
        findings.extend(self.around(base, &open).await);
        findings.extend(self.not_for_strangers(sign_in.as_ref()).await);
        findings
    }

    /// The answer that everything is compared with: where a stranger is stopped, else where the way ends.
    fn base(&self) -> Option<&Step> {
        let stopped = self.walk.sign_in().map(|(step, _)| step);
        stopped.or(self.walk.steps.last())
    }

    fn meant(&self) -> Meant {
        let url = self.asked.url.path();
        let is_named = self.asked.open.iter().any(|path| path == url);
        if is_named { Meant::Open } else { Meant::Closed }
    }

    /// The sign-in, if a stranger is sent to one or at least told to sign in.
    fn login(&self) -> Option<Login> {
        if let Some((_, login)) = self.walk.sign_in() {
            return Some(Login::Known(login));
        }
        let last = self.walk.steps.last()?;
        if Reception::of(&last.place, &last.answer) != Reception::Told {
            return None;
        }
        let here = || last.place.at(&format!("{}/login", self.portal()));
        let known = self.known.login.clone().map(Login::Known);
        Some(known.unwrap_or_else(|| Login::Guessed(here())))
    }

    async fn sign_in(&self) -> Option<SignIn> {
        let login = self.login()?;
        let page = self.visitor.ask(login.place()).await;
        Some(SignIn { login, page })
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

    async fn open_paths(&self) -> Vec<(String, Result<Step, Silence>)> {
        let mut paths = vec![];
        for path in &self.asked.open {
            let place = self.asked.url.at(path);
            let answer = self.visitor.ask(&place).await;
            paths.push((path.clone(), answer.map(|answer| Step { place, answer })));
        }
        paths
    }

    async fn at_the_sign_in(&self, base: &Step, sign_in: Option<&SignIn>) -> Vec<Finding> {
        let Some(SignIn { login, page }) = sign_in else {
            let what = "no sign-in was seen";
            return ["login-page", "login-address", "cookies"]
                .map(|check| Finding::skip(check, what, None))
                .into();
        };
        let place = login.place();
        let keys = place.at(&format!("{}/jwks.json", self.portal()));
        let keys = self.visitor.ask(&keys).await;
        let mut cookies: Vec<_> = page.iter().flat_map(Answer::cookies).collect();
        cookies.extend(base.answer.cookies());
        let address = match login {
            Login::Known(place) => redirects::address(&base.place, place, self.known.host()),
            Login::Guessed(_) => {
                Finding::skip("login-address", "nobody is sent to a sign-in", None)
            }
        };
        vec![
            sign_in::page(login, page, &keys),
            address,
            transport::cookies(place.is_https(), &cookies),
        ]
    }

    async fn along_the_way(&self, base: &Step, open: &[Step]) -> Vec<Finding> {
        if !base.place.is_https() {
            return vec![transport::unencrypted(&base.place)];
        }
        let mut findings = vec![
            redirects::plain(self.walk.steps.iter().chain(open)),
            transport::hsts(&base.answer),
        ];
        if base.place.port == base.place.scheme.default_port() {
            let plain = base.place.plain();
            findings.push(transport::plain(&plain, &self.visitor.ask(&plain).await));
        } else {
            let what = "the address names a port, so the one of plain http is not known";
            findings.push(Finding::skip("plain-http", what, None));
        }
        findings
    }

    /// Forged headers, sent to what a stranger can see.
    async fn forged(&self, base: &Step, page: Option<&Step>, open: &[Step]) -> Vec<Finding> {
        let steps: Vec<Step> = std::iter::once(base).chain(open).cloned().collect();
        let (visitor, names) = (self.visitor, &self.known.names);
        vec![
            identity(visitor, names, Spelling::AsNamed, &steps).await,
            identity(visitor, names, Spelling::Underscores, &steps).await,
            forwarded(visitor, base, page, open).await,
            upgrade(visitor, &steps).await,
        ]
    }

    /// Ways around a closed page; where the page is open there is nothing to get around.
    async fn around(&self, base: &Step, open: &[Step]) -> Vec<Finding> {
        if Reception::of(&base.place, &base.answer).is_through() {
            let what = "the page is open anyway";
            return [
                "rewrite-headers",
                "path-tricks",
                "other-requests",
                "odd-target",
            ]
            .map(|check| Finding::skip(check, what, None))
            .into();
        }
        let mut targets = self.asked.open.clone();
        let keys = format!("{}/jwks.json", self.portal());
        targets.push(keys.clone());
        vec![
            rewrite(self.visitor, base, &targets, open).await,
            paths::path_tricks(self.visitor, &base.place, open).await,
            otherwise(self.visitor, &base.place).await,
            rootless(self.visitor, &base.place, &keys).await,
        ]
    }

    async fn not_for_strangers(&self, sign_in: Option<&SignIn>) -> [Finding; 2] {
        let url = &self.asked.url;
        let login = sign_in.map(|sign_in| sign_in.login.place().clone());
        let mut places = vec![url.clone()];
        places.extend(login.filter(|login| !login.is_beside(url)));
        let (portal, names) = (self.portal(), &self.known.names);
        [
            paths::checks(self.visitor, &places, &portal, names).await,
            paths::ops(self.visitor, url).await,
        ]
    }
}
