//! Following redirects with a cookie jar, as a browser does.

use crate::cli::doctor::answer::{Answer, Reception};
use crate::cli::doctor::place::Place;
use crate::cli::doctor::visitor::{Letters, Silence, Visitor};
use http::HeaderValue;
use http::header::{COOKIE, SET_COOKIE};

/// Redirects that a browser of a patient person would follow.
pub(in crate::cli::doctor) const MOST: usize = 10;

/// Cookies kept at most, and the bytes of one: what an honest sign-in never needs is not kept.
const MOST_COOKIES: usize = 50;
const LONGEST_COOKIE: usize = 4_096;

/// A request and its answer.
#[derive(Clone, Debug)]
pub(in crate::cli::doctor) struct Step {
    pub(in crate::cli::doctor) place: Place,
    pub(in crate::cli::doctor) answer: Answer,
}

/// How a walk ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli::doctor) enum End {
    /// At a page.
    Page,
    /// It goes on and on.
    Loop,
    /// The last place said nothing.
    Silent(Place, Silence),
}

/// All that was met on the way.
#[derive(Clone, Debug)]
pub(in crate::cli::doctor) struct Walk {
    pub(in crate::cli::doctor) steps: Vec<Step>,
    pub(in crate::cli::doctor) end: End,
}

impl Walk {
    /// Goes from `start` to a page.
    pub(in crate::cli::doctor) async fn from(visitor: &Visitor, start: &Place) -> Self {
        let (mut steps, mut jar) = (vec![], Jar::default());
        let mut place = start.clone();
        while steps.len() <= MOST {
            let lines: Vec<_> = jar
                .line(&place)
                .map(|line| (COOKIE, line))
                .into_iter()
                .collect();
            let answer = match visitor.ask_with(&place, &lines, Letters::Lower).await {
                Ok(answer) => answer,
                Err(why) => {
                    return Self {
                        steps,
                        end: End::Silent(place, why),
                    };
                }
            };
            jar.keep(&place, &answer);
            let next = answer.location(&place);
            steps.push(Step { place, answer });
            match next {
                Some(next) => place = next,
                None => {
                    return Self {
                        steps,
                        end: End::Page,
                    };
                }
            }
        }
        Self {
            steps,
            end: End::Loop,
        }
    }

    /// The first place that sends to a sign-in, and that sign-in.
    pub(in crate::cli::doctor) fn sign_in<'a>(&'a self) -> Option<(&'a Step, Place)> {
        let read = |step: &'a Step| (step, Reception::of(&step.place, &step.answer));
        self.steps
            .iter()
            .map(read)
            .find_map(|(step, read)| match read {
                Reception::SignIn(login) => Some((step, login)),
                Reception::Told
                | Reception::Elsewhere(_)
                | Reception::Through
                | Reception::Refused(_)
                | Reception::Broken(_) => None,
            })
    }
}

/// Cookies by host.
#[derive(Default)]
pub(in crate::cli::doctor) struct Jar(Vec<(String, cookie::Cookie<'static>)>);

impl Jar {
    /// Takes what an answer sets, as far as a browser would.
    pub(in crate::cli::doctor) fn keep(&mut self, place: &Place, answer: &Answer) {
        for line in answer.headers.get_all(SET_COOKIE) {
            let text = line.to_str().unwrap_or_default();
            let Ok(cookie) = cookie::Cookie::parse(text.to_owned()) else {
                continue;
            };
            let lost = cookie.secure() == Some(true) && !place.is_https();
            if lost || text.len() > LONGEST_COOKIE {
                continue;
            }
            self.0
                .retain(|(host, known)| *host != place.host || known.name() != cookie.name());
            let is_over = cookie.max_age().is_some_and(|age| !age.is_positive());
            if !is_over && self.0.len() < MOST_COOKIES {
                self.0.push((place.host.clone(), cookie));
            }
        }
    }

    /// The `Cookie` for a place, if there is any for it.
    pub(in crate::cli::doctor) fn line(&self, place: &Place) -> Option<HeaderValue> {
        let own = self.0.iter().filter(|(host, _)| *host == place.host);
        let sent = own.filter(|(_, cookie)| place.is_https() || cookie.secure() != Some(true));
        let pairs: Vec<String> = sent
            .map(|(_, cookie)| format!("{}={}", cookie.name(), cookie.value()))
            .collect();
        (!pairs.is_empty()).then(|| HeaderValue::try_from(pairs.join("; ")).ok())?
    }
}

/// A walk made by hand, all of it at one place.
#[cfg(test)]
pub(in crate::cli::doctor) fn walk(place: &str, answers: &[(u16, &str)], end: End) -> Walk {
    let step = |(status, location): &(u16, &str)| Step {
        place: Place::parse(place).unwrap(),
        answer: crate::cli::doctor::answer::answer(*status, &[("Location", location)], ""),
    };
    Walk {
        steps: answers.iter().map(step).collect(),
        end,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::answer::answer;

    #[test]
    fn a_jar_gives_cookies_back_as_a_browser_does() {
        let place = |text| Place::parse(text).unwrap();
        let (plain, tls) = (place("http://a.example/"), place("https://a.example/"));
        let mut jar = Jar::default();
        let secure = answer(200, &[("set-cookie", "s=1; Secure")], "");
        jar.keep(&plain, &secure);
        assert_eq!(jar.line(&tls), None);
        jar.keep(&tls, &secure);
        jar.keep(
            &tls,
            &answer(200, &[("set-cookie", "t=1"), ("set-cookie", "t=2")], ""),
        );
        assert_eq!(jar.line(&tls).unwrap(), "s=1; t=2");
        assert_eq!(jar.line(&plain).unwrap(), "t=2");
        jar.keep(&tls, &answer(200, &[("set-cookie", "t=; Max-Age=0")], ""));
        assert_eq!(jar.line(&plain), None);
        assert_eq!(jar.line(&place("https://b.example/")), None);
    }
}
