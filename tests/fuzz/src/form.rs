//! Bodies of our own pages: whoever reads them, there is one value for each name.

use super::wait;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use std::collections::BTreeMap;
use vestibule::web::body::full;
use vestibule::web::request::form::{MAX_BYTES, MAX_FIELDS};
use vestibule::web::request::{Encoding, Form};

type Fields = BTreeMap<String, String>;

/// The first line is the content type, the rest the body.
pub(crate) fn check(data: &[u8]) {
    let end = data.iter().position(|b| *b == b'\n').unwrap_or(data.len());
    let (kind, body) = (&data[..end], data.get(end + 1..).unwrap_or_default());
    let mut headers = HeaderMap::new();
    let Ok(kind) = HeaderValue::from_bytes(kind) else {
        return;
    };
    headers.insert(CONTENT_TYPE, kind);
    let mut form = match wait(Form::read(&headers, full(body.to_vec()))) {
        Ok(form) => form,
        Err(refusal) => return assert!(refusal.status().is_client_error()),
    };
    assert!(body.len() as u64 <= MAX_BYTES);
    let expected = match form.encoding() {
        Encoding::UrlEncoded => urlencoded(body),
        Encoding::Json => json(body),
    };
    assert!(expected.len() <= MAX_FIELDS);
    for (name, value) in expected {
        let taken = form.take(&name).map(|value| value.to_string());
        assert_eq!(taken, Some(value));
        assert_eq!(form.take(&name), None, "a field is there once");
    }
    assert_eq!(
        form.finish(),
        Ok(()),
        "there is nothing that another reader does not see"
    );
}

/// As the URL standard reads it.
fn urlencoded(body: &[u8]) -> Fields {
    let mut fields = Fields::new();
    for (name, value) in form_urlencoded::parse(body) {
        let before = fields.insert(name.into_owned(), value.into_owned());
        assert_eq!(before, None, "a name comes once");
    }
    fields
}

/// As serde_json reads an object, which keeps the last of two.
fn json(body: &[u8]) -> Fields {
    let object: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(body).expect("an object");
    let text = |value: serde_json::Value| match value {
        serde_json::Value::String(text) => text,
        serde_json::Value::Bool(tick) => tick.to_string(),
        other => unreachable!("{other} is no field"),
    };
    object
        .into_iter()
        .map(|(name, value)| (name, text(value)))
        .collect()
}
