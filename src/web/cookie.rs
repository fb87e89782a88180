//! Our cookies: names, attributes, and how they are read.
//!
//! A name of ours that comes twice is treated as not there at all: somebody who can set a cookie on
//! a parent domain must not put a session of their own in front of the visitor's.

use crate::authn::AccountToken;
use crate::authn::session::record::SessionRecord;
use crate::authn::transaction::Transaction;
use crate::authz::pattern::is_within;
use crate::login::device::DeviceMark;
use crate::secret::Token;
use crate::web::request::Cookies;
use cookie::{Cookie, SameSite};
use http::HeaderValue;
use std::time::Duration;

/// How our cookies are called and scoped.
#[derive(Clone, Debug)]
pub struct Jar {
    session: String,
    login: String,
    device: String,
    csrf: String,
    domain: Option<String>,
    secure: bool,
}

/// Are cookies sent over TLS alone?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// The public address is https.
    Tls,
    /// It is plain http, as on a developer's machine.
    Plain,
}

impl Jar {
    /// Cookies named after the session cookie; `domain` shares the sign-in among its hosts.
    #[must_use]
    pub fn new(session: &str, domain: Option<String>, transport: Transport) -> Self {
        // Only the sign-in is shared; what belongs to one login stays with one host.
        let host_only = match transport {
            Transport::Tls => "__Host-vestibule",
            Transport::Plain => "vestibule",
        };
        let prefix = if domain.is_some() { host_only } else { session };
        Self {
            session: session.to_owned(),
            login: format!("{prefix}-login"),
            device: format!("{session}-device"),
            csrf: format!("{prefix}-csrf"),
            domain,
            secure: transport == Transport::Tls,
        }
    }

    /// Names, or beginnings of names, that never reach the app.
    #[must_use]
    pub fn names(&self) -> [&str; 4] {
        [&self.session, &self.login, &self.device, &self.csrf]
    }

    /// Did two session cookies come? Which of them is ours cannot be known.
    #[must_use]
    pub fn has_two_sessions(&self, came: &Cookies) -> bool {
        came.get(&self.session).is_err()
    }

    /// The name that came twice, of a cookie without which nobody signs in.
    #[must_use]
    pub fn doubled(&self, came: &Cookies) -> Option<&str> {
        let names = [&self.session, &self.login, &self.csrf].into_iter();
        let mut doubled = names.filter(|name| came.get(name).is_err());
        doubled.next().map(String::as_str)
    }

    /// The session's token.
    #[must_use]
    pub fn session(&self, cookies: &Cookies) -> Option<AccountToken<SessionRecord>> {
        AccountToken::parse(only(cookies, &self.session)?)
    }

    /// The token of the login under way.
    #[must_use]
    pub fn login(&self, cookies: &Cookies) -> Option<Token<Transaction>> {
        Token::parse(only(cookies, &self.login)?)
    }

    /// The mark of a known device.
    #[must_use]
    pub fn device(&self, cookies: &Cookies) -> Option<DeviceMark> {
        DeviceMark::from_cookie(only(cookies, &self.device)?)
    }

    /// The seed of form tokens.
    #[must_use]
    pub fn csrf<'c>(&self, cookies: &'c Cookies) -> Option<&'c str> {
        only(cookies, &self.csrf)
    }

    /// Sets the session cookie for a visitor of `host`; it goes when the browser does (NIST SP 800-63B-4, 5.1).
    #[must_use]
    pub fn set_session(&self, token: &AccountToken<SessionRecord>, host: &str) -> HeaderValue {
        let cookie = self.build(&self.session, &token.to_text(), SameSite::Lax);
        self.print(self.shared(cookie, host))
    }

    /// Sets the login cookie; no other site can make the browser send it.
    #[must_use]
    pub fn set_login(&self, token: &Token<Transaction>) -> HeaderValue {
        self.print(self.build(&self.login, &token.to_text(), SameSite::Strict))
    }

    /// Sets the device cookie, which outlives the browser.
    #[must_use]
    pub fn set_device(&self, mark: &DeviceMark, lifetime: Duration, host: &str) -> HeaderValue {
        let mut cookie = self.build(&self.device, mark.as_str(), SameSite::Lax);
        let seconds = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
        cookie.set_max_age(cookie::time::Duration::seconds(seconds));
        self.print(self.shared(cookie, host))
    }

    /// Sets the seed of form tokens.
    #[must_use]
    pub fn set_csrf(&self, seed: &str) -> HeaderValue {
        self.print(self.build(&self.csrf, seed, SameSite::Lax))
    }

    /// Takes back the session and login cookies that came with a request, and no others: another
    /// site's form comes without them, and must not make the browser forget them.
    pub fn clear<'j>(
        &'j self,
        came: &'j Cookies,
        host: &str,
    ) -> impl Iterator<Item = HeaderValue> + use<'j> {
        let session = came.has(&self.session).then(|| self.clear_session(host));
        let login = came.has(&self.login).then(|| self.clear_login());
        let older = self.clear_older(came, host);
        older.into_iter().chain(session).chain(login)
    }

    /// Takes back what came and may be from before the sign-in was shared: to a browser a cookie of one host is
    /// another one than that of its domain, and it would send both for ever.
    #[must_use]
    pub fn clear_older(&self, came: &Cookies, host: &str) -> Vec<HeaderValue> {
        let shared = self.domain_of(host).is_some();
        let names = [&self.session, &self.device].into_iter();
        let names = names.filter(|name| shared && came.has(name));
        let cookies = names.map(|name| self.build(name, "", SameSite::Lax));
        cookies.map(|cookie| self.removal(cookie)).collect()
    }

    fn clear_session(&self, host: &str) -> HeaderValue {
        self.removal(self.shared(self.build(&self.session, "", SameSite::Lax), host))
    }

    /// Takes the login cookie back: the login is done.
    #[must_use]
    pub fn clear_login(&self) -> HeaderValue {
        self.removal(self.build(&self.login, "", SameSite::Strict))
    }

    fn removal(&self, mut cookie: Cookie<'static>) -> HeaderValue {
        cookie.make_removal();
        self.print(cookie)
    }

    fn build(&self, name: &str, value: &str, same_site: SameSite) -> Cookie<'static> {
        Cookie::build((name.to_owned(), value.to_owned()))
            .path("/")
            .http_only(true)
            .secure(self.secure)
            .same_site(same_site)
            .build()
    }

    fn shared(&self, mut cookie: Cookie<'static>, host: &str) -> Cookie<'static> {
        if let Some(domain) = self.domain_of(host) {
            cookie.set_domain(domain.to_owned());
        }
        cookie
    }

    /// Browsers refuse a domain that is not the host's: a host outside has a sign-in of its own.
    fn domain_of(&self, host: &str) -> Option<&str> {
        let domain = self.domain.as_deref();
        domain.filter(|domain| is_within(host, domain))
    }

    fn print(&self, cookie: Cookie<'static>) -> HeaderValue {
        // Values are base64url and names are checked by the configuration, so this never fails;
        // the crate itself checks nothing.
        HeaderValue::from_str(&cookie.to_string()).expect("our cookies are visible ASCII")
    }
}

fn only<'c>(cookies: &'c Cookies, name: &str) -> Option<&'c str> {
    cookies.get(name).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authn::AccountId;
    use http::HeaderMap;
    use http::header::COOKIE;

    fn cookies(line: &str) -> Cookies {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, line.parse().unwrap());
        Cookies::read(&headers).unwrap()
    }

    fn token() -> AccountToken<SessionRecord> {
        AccountToken::generate(AccountId::from_bytes([1; 16]))
    }

    #[test]
    fn over_tls_the_session_cookie_is_bound_to_its_host() {
        let jar = Jar::new("__Host-vestibule", None, Transport::Tls);
        let token = token();
        let expected = format!(
            "__Host-vestibule={}; HttpOnly; SameSite=Lax; Secure; Path=/",
            *token.to_text()
        );
        assert_eq!(
            jar.set_session(&token, "app.example.com"),
            expected.as_str()
        );
    }

    #[test]
    fn cookies_are_named_after_the_session_and_those_of_one_login_never_shared() {
        let names = |domain: Option<&str>, transport| {
            let jar = Jar::new("auth", domain.map(str::to_owned), transport);
            jar.names().map(str::to_owned)
        };
        let alone = ["auth", "auth-login", "auth-device", "auth-csrf"];
        assert_eq!(names(None, Transport::Tls), alone);
        for (transport, front) in [
            (Transport::Tls, "__Host-vestibule"),
            (Transport::Plain, "vestibule"),
        ] {
            let [login, csrf] = ["login", "csrf"].map(|name| format!("{front}-{name}"));
            let shared = ["auth", &login, "auth-device", &csrf];
            assert_eq!(names(Some("example.com"), transport), shared);
        }
    }

    #[test]
    fn a_domain_is_set_on_what_is_shared_and_on_nothing_else() {
        let jar = Jar::new("vestibule", Some("example.com".to_owned()), Transport::Tls);
        let text = |value: HeaderValue| value.to_str().unwrap().to_owned();
        for host in ["app.example.com", "example.com"] {
            assert!(text(jar.set_session(&token(), host)).contains("Domain=example.com"));
        }
        for host in ["example.org", "badexample.com"] {
            assert!(!text(jar.set_session(&token(), host)).contains("Domain"));
        }
        let login = text(jar.set_login(&Token::generate()));
        assert!(login.starts_with("__Host-vestibule-login=") && !login.contains("Domain"));
    }

    #[test]
    fn a_session_cookie_that_comes_twice_is_none() {
        let jar = Jar::new("vestibule", None, Transport::Plain);
        let (one, two) = (token().to_text(), token().to_text());
        let found = |line: String| jar.session(&cookies(&line)).is_some();
        assert!(found(format!("a=b; vestibule={}", *one)));
        assert!(!found(format!("vestibule={}; vestibule={}", *one, *two)));
        assert!(!found(format!("Vestibule={}", *one)));
    }

    #[test]
    fn an_older_cookie_of_one_host_is_taken_back_where_the_sign_in_is_shared() {
        let older_of = |came: &str, domain: Option<&str>, host| {
            let came = cookies(came);
            let jar = Jar::new("auth", domain.map(str::to_owned), Transport::Tls);
            let lines = jar.clear_older(&came, host);
            let lines = lines.iter().map(|line| line.to_str().unwrap());
            lines
                .map(|line| line.split("; Expires").next().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        let all = "auth=1; auth-device=2; auth-login=3; app=4";
        let older = |domain, host| older_of(all, domain, host);
        let gone = "HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0";
        let both = [format!("auth=; {gone}"), format!("auth-device=; {gone}")];
        let shared = Some("example.com");
        assert_eq!(older(shared, "app.example.com"), both);
        assert_eq!(
            older_of("auth-device=2", shared, "app.example.com"),
            both[1..]
        );
        // There these are the only ones.
        let none: [String; 0] = [];
        assert_eq!(older(Some("example.com"), "example.org"), none);
        assert_eq!(older(None, "app.example.com"), none);
    }

    #[test]
    fn a_removed_cookie_keeps_the_attributes_that_its_prefix_asks_for() {
        let jar = Jar::new("__Host-vestibule", None, Transport::Tls);
        let removal = jar.clear_session("app.example.com");
        let text = removal.to_str().unwrap();
        assert!(
            text.starts_with("__Host-vestibule=;") && text.contains("Max-Age=0"),
            "{text}"
        );
        assert!(text.contains("Secure") && text.contains("Path=/"), "{text}");
    }
}
