//! Small bodies of our own pages: a form or a flat JSON object, each field once.

use crate::web::body::{self, Cut, Limits, guard};
use crate::web::request::Refusal;
use crate::web::{Body, BodyError};
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use http_body::Body as _;
use http_body_util::BodyExt;
use percent_encoding::percent_decode;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use std::fmt;
use std::time::Duration;
use zeroize::Zeroizing;

/// The most bytes of a form: 16 KiB.
pub const MAX_BYTES: u64 = 16 * 1024;

/// The most fields of a form: 32.
pub const MAX_FIELDS: usize = 32;

/// The longest time a form may take: 30 s.
pub const MAX_TIME: Duration = Duration::from_secs(30);

/// How the fields were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `application/x-www-form-urlencoded`: a page of ours.
    UrlEncoded,
    /// `application/json`: a script or a program; a browser sends it across origins only after asking.
    Json,
}

/// The fields of a form. They are wiped from memory when dropped, for passwords are among them.
pub struct Form {
    encoding: Encoding,
    fields: Vec<(String, Zeroizing<String>)>,
}

impl fmt::Debug for Form {
    /// Names only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.fields.iter().map(|(name, _)| name))
            .finish()
    }
}

impl Form {
    /// Reads a form within [`MAX_BYTES`] and [`MAX_TIME`].
    ///
    /// # Errors
    /// [`Refusal::FormType`] for any other content type (multipart too), [`Refusal::FormTooLarge`],
    /// [`Refusal::FormTooSlow`], [`Refusal::Form`] when the text is malformed or a field comes twice.
    pub async fn read<B>(headers: &HeaderMap, body: B) -> Result<Self, Refusal>
    where
        B: http_body::Body<Error: Into<BodyError>> + Send + Unpin + 'static,
    {
        Self::read_within(headers, body, MAX_TIME).await
    }

    async fn read_within<B>(headers: &HeaderMap, body: B, time: Duration) -> Result<Self, Refusal>
    where
        B: http_body::Body<Error: Into<BodyError>> + Send + Unpin + 'static,
    {
        let encoding = encoding(headers)?;
        if body.size_hint().lower() > MAX_BYTES {
            return Err(Refusal::FormTooLarge);
        }
        let limits = Limits {
            bytes: Some(MAX_BYTES),
            idle: time,
            total: Some(time),
            rate: None,
        };
        let body = guard(body.map_err(body::of_client), limits);
        let bytes = whole(body).await.map_err(|error| refusal(&error))?;
        let fields = match encoding {
            Encoding::UrlEncoded => parse_urlencoded(&bytes)?,
            Encoding::Json => parse_json(&bytes)?,
        };
        Ok(Self { encoding, fields })
    }

    /// How the fields were written.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Takes a field out; `None` when it was not sent.
    #[must_use]
    pub fn take(&mut self, name: &str) -> Option<Zeroizing<String>> {
        let at = self.fields.iter().position(|(known, _)| known == name)?;
        Some(self.fields.swap_remove(at).1)
    }

    /// Call this when every known field was taken.
    ///
    /// # Errors
    /// [`Refusal::Form`] when a field is left that nobody asked for (ASVS V15.3.3).
    pub fn finish(self) -> Result<(), Refusal> {
        if self.fields.is_empty() {
            Ok(())
        } else {
            Err(Refusal::Form)
        }
    }
}

fn refusal(error: &BodyError) -> Refusal {
    match Cut::among(error.as_ref()) {
        Some(Cut::TooLarge) => Refusal::FormTooLarge,
        Some(Cut::Stalled | Cut::TooSlow | Cut::TooLong) => Refusal::FormTooSlow,
        Some(Cut::Malformed) => Refusal::Chunk,
        None => Refusal::Form,
    }
}

/// Copies a body into one buffer. Each of its pieces keeps a whole read buffer of the connection alive, 8 KiB and
/// more: a form in single bytes, kept as it came, held 128 MiB.
async fn whole(mut body: Body) -> Result<Zeroizing<Vec<u8>>, BodyError> {
    // Room for all of it: growing would leave copies behind.
    let most = body.size_hint().upper().unwrap_or(MAX_BYTES).min(MAX_BYTES);
    let most = usize::try_from(most).unwrap_or_default();
    let mut bytes = Zeroizing::new(Vec::with_capacity(most));
    while let Some(frame) = body.frame().await {
        if let Ok(piece) = frame?.into_data() {
            bytes.extend_from_slice(&piece);
            wipe(piece);
        }
    }
    Ok(bytes)
}

/// Overwrites the raw bytes if nobody else holds them.
fn wipe(bytes: Bytes) {
    if let Ok(mut bytes) = bytes.try_into_mut() {
        zeroize::Zeroize::zeroize(&mut bytes[..]);
    }
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, Refusal> {
    let mut lines = headers.get_all(CONTENT_TYPE).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else {
        return Err(Refusal::FormType);
    };
    if headers.contains_key(CONTENT_ENCODING) {
        return Err(Refusal::FormType);
    }
    let text = line.to_str().map_err(|_| Refusal::FormType)?;
    let mut parts = text.split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
    let charset_is_utf8 = parts
        .all(|part| part.is_empty() || part.replace('"', "").eq_ignore_ascii_case("charset=utf-8"));
    match kind.as_str() {
        "application/x-www-form-urlencoded" if charset_is_utf8 => Ok(Encoding::UrlEncoded),
        "application/json" if charset_is_utf8 => Ok(Encoding::Json),
        _ => Err(Refusal::FormType),
    }
}

type Fields = Vec<(String, Zeroizing<String>)>;

fn parse_urlencoded(bytes: &[u8]) -> Result<Fields, Refusal> {
    let mut fields = vec![];
    for pair in bytes.split(|b| *b == b'&').filter(|pair| !pair.is_empty()) {
        let at = pair.iter().position(|b| *b == b'=').unwrap_or(pair.len());
        let (name, value) = (&pair[..at], pair.get(at + 1..).unwrap_or_default());
        add(&mut fields, decode(name)?.to_string(), decode(value)?)?;
    }
    Ok(fields)
}

/// Adds a field unless it is there already: two values for one name are read differently by everyone.
fn add(fields: &mut Fields, name: String, value: Zeroizing<String>) -> Result<(), Refusal> {
    if fields.len() == MAX_FIELDS || fields.iter().any(|(known, _)| *known == name) {
        return Err(Refusal::Form);
    }
    fields.push((name, value));
    Ok(())
}

fn decode(text: &[u8]) -> Result<Zeroizing<String>, Refusal> {
    let spaced: Vec<u8> = text
        .iter()
        .map(|b| if *b == b'+' { b' ' } else { *b })
        .collect();
    let spaced = Zeroizing::new(spaced);
    let bytes: Vec<u8> = percent_decode(&spaced).collect();
    String::from_utf8(bytes)
        .map(Zeroizing::new)
        .map_err(|_| Refusal::Form)
}

fn parse_json(bytes: &[u8]) -> Result<Fields, Refusal> {
    let pairs: Object = serde_json::from_slice(bytes).map_err(|_| Refusal::Form)?;
    let mut fields = vec![];
    for (name, value) in pairs.0 {
        add(&mut fields, name, value)?;
    }
    Ok(fields)
}

/// A flat JSON object with its fields in order, doubled ones included.
struct Object(Fields);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut fields = vec![];
                while let Some((name, value)) = map.next_entry::<String, Scalar>()? {
                    fields.push((name, value.into_text()));
                }
                Ok(Object(fields))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

/// A text, or a tick in a box.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Scalar {
    Text(Zeroizing<String>),
    Tick(bool),
}

impl Scalar {
    fn into_text(self) -> Zeroizing<String> {
        match self {
            Self::Text(text) => text,
            Self::Tick(tick) => Zeroizing::new(tick.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::body::full;
    use http::HeaderValue;
    use http_body::Frame;
    use proptest::prelude::*;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    /// A body of which nothing ever arrives.
    struct Silent;

    impl http_body::Body for Silent {
        type Data = Bytes;
        type Error = BodyError;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
            Poll::Pending
        }
    }

    const FORM: &str = "application/x-www-form-urlencoded";
    const JSON: &str = "application/json";

    fn typed(content_type: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_str(content_type).unwrap());
        headers
    }

    async fn read(content_type: &str, body: &str) -> Result<Vec<(String, String)>, Refusal> {
        let form = Form::read(&typed(content_type), full(body.to_owned())).await?;
        Ok(form
            .fields
            .iter()
            .map(|(name, value)| (name.clone(), value.to_string()))
            .collect())
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[tokio::test]
    async fn both_encodings_give_the_same_fields() {
        let expected = pairs(&[
            ("username", "j\u{fc}r gen"),
            ("code", "1+2&="),
            ("trust_browser", "true"),
        ]);
        let form = read(
            FORM,
            "username=j%C3%BCr+gen&code=1%2B2%26=&trust_browser=true",
        )
        .await;
        let json = read(
            JSON,
            r#"{"username":"jür gen","code":"1+2&=","trust_browser":true}"#,
        )
        .await;
        assert_eq!(form, Ok(expected.clone()));
        assert_eq!(json, Ok(expected));
        assert_eq!(
            read(FORM, "&a&b=&").await,
            Ok(pairs(&[("a", ""), ("b", "")]))
        );
    }

    #[tokio::test]
    async fn a_field_comes_once_in_utf8() {
        for (kind, bad) in [
            (FORM, "a=1&a=1"),
            (FORM, "a=1&%61=2"),
            (FORM, "a=%ff"),
            (JSON, r#"{"a":"1","a":"1"}"#),
            (JSON, r#"{"a":1}"#),
            (JSON, r#"{"a":null}"#),
            (JSON, r#"{"a":["1"]}"#),
            (JSON, r#"{"a":{}}"#),
            (JSON, r#"["a"]"#),
            (JSON, r#"{"a":"1"} x"#),
            (JSON, ""),
        ] {
            assert_eq!(read(kind, bad).await, Err(Refusal::Form), "{bad}");
        }
    }

    #[tokio::test]
    async fn other_content_types_are_refused() {
        for good in [
            FORM,
            "application/x-www-form-urlencoded;charset=UTF-8",
            "Application/JSON; charset=\"utf-8\"",
        ] {
            assert_ne!(read(good, "{}").await, Err(Refusal::FormType), "{good}");
        }
        for bad in [
            "multipart/form-data; boundary=x",
            "text/plain",
            "",
            "application/json; charset=utf-16",
            "application/jsonp",
        ] {
            assert_eq!(read(bad, "{}").await, Err(Refusal::FormType), "{bad}");
        }
        let mut doubled = typed(FORM);
        doubled.append(CONTENT_TYPE, HeaderValue::from_static(JSON));
        let mut packed = typed(FORM);
        packed.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        for headers in [doubled, packed, HeaderMap::new()] {
            let read = Form::read(&headers, full("a=1")).await;
            assert_eq!(read.unwrap_err(), Refusal::FormType);
        }
    }

    #[tokio::test]
    async fn size_number_and_time_are_bounded() {
        let fits = format!("a={}", "x".repeat(16 * 1024 - 2));
        assert!(read(FORM, &fits).await.is_ok());
        assert_eq!(
            read(FORM, &format!("{fits}x")).await,
            Err(Refusal::FormTooLarge)
        );
        let many = (0..=MAX_FIELDS)
            .map(|n| format!("f{n}=&"))
            .collect::<String>();
        assert_eq!(read(FORM, &many).await, Err(Refusal::Form));
        let slow = Form::read_within(&typed(FORM), Silent, Duration::from_millis(20)).await;
        assert_eq!(slow.unwrap_err(), Refusal::FormTooSlow);
    }

    #[tokio::test]
    async fn an_unknown_field_is_seen_at_the_end() {
        let mut form = Form::read(&typed(FORM), full("username=a&admin=1"))
            .await
            .unwrap();
        assert_eq!(
            form.take("username").as_deref().map(String::as_str),
            Some("a")
        );
        assert_eq!(form.take("username"), None);
        assert_eq!(format!("{form:?}"), "[\"admin\"]");
        assert_eq!(form.finish(), Err(Refusal::Form));
    }

    proptest! {
        #[test]
        fn parsing_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_urlencoded(&bytes);
            let _ = parse_json(&bytes);
        }

        #[test]
        fn what_a_browser_encodes_comes_back(name in "\\PC{1,8}", value in "\\PC{0,20}") {
            let text = form_urlencoded::Serializer::new(String::new()).append_pair(&name, &value).finish();
            let fields = parse_urlencoded(text.as_bytes()).unwrap();
            prop_assert_eq!(fields, vec![(name, Zeroizing::new(value))]);
        }
    }
}
