//! `Cookie` lines: ours are found by their exact name, once or not at all.

use http::header::{COOKIE, HeaderMap, HeaderValue};
use vestibule::web::cookie::{Jar, Transport};
use vestibule::web::csrf::Seed;
use vestibule::web::request::cookies::{MAX_BYTES, MAX_PAIRS};
use vestibule::web::request::{Cookies, Doubled};

const OURS: &str = "__Host-vestibule";

pub(crate) fn check(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in data.split(|b| *b == b'\n').take(100) {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(COOKIE, value);
        }
    }
    let Ok(cookies) = Cookies::read(&headers) else {
        return;
    };
    let lines = || headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes);
    assert!(lines().map(<[u8]>::len).sum::<usize>() <= MAX_BYTES);
    let pairs: Vec<&[u8]> = lines()
        .flat_map(|line| line.split(|b| *b == b';'))
        .collect();
    assert!(pairs.len() <= MAX_PAIRS);
    let jar = Jar::new(OURS, None, Transport::Tls);
    for name in jar.names() {
        one(&cookies, name, &values(&pairs, name));
    }
    tokens(&cookies, &jar);
    // Names only: values are credentials.
    assert!(!format!("{cookies:?}").contains('='));
}

/// The values of exactly this name, read the plain way.
fn values<'a>(pairs: &[&'a [u8]], name: &str) -> Vec<&'a str> {
    pairs
        .iter()
        .filter_map(|pair| std::str::from_utf8(pair).ok()?.split_once('='))
        .filter(|(found, _)| found.trim() == name)
        .map(|(_, value)| value.trim())
        .collect()
}

/// One value is that value, two are none.
fn one(cookies: &Cookies, name: &str, values: &[&str]) {
    let expected = match values {
        [] => Ok(None),
        [value] => Ok(Some(*value)),
        [_, _, ..] => Err(Doubled),
    };
    assert_eq!(cookies.get(name), expected);
    assert_eq!(cookies.has(name), !values.is_empty());
}

/// A token has one spelling: nothing else opens what it opens.
fn tokens(cookies: &Cookies, jar: &Jar) {
    let [session, login, device, csrf] = jar.names();
    let value = |name| cookies.get(name).ok().flatten();
    if let Some(token) = jar.session(cookies) {
        assert_eq!(Some(token.to_text().as_str()), value(session));
    }
    if let Some(token) = jar.login(cookies) {
        assert_eq!(Some(token.to_text().as_str()), value(login));
    }
    if let Some(mark) = jar.device(cookies) {
        assert_eq!(Some(mark.as_str()), value(device));
    }
    if let Some(seed) = jar.csrf(cookies).and_then(Seed::from_cookie) {
        assert_eq!(Some(seed.as_str()), value(csrf));
    }
}
