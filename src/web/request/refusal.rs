//! Every reason for which a request goes no further, with its status and its stable name.

use http::StatusCode;
use http::header::{ALLOW, CONNECTION, HeaderMap, HeaderValue};
use std::fmt;

/// Why a request goes no further. The name is stable: it is what logs and counters show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub enum Refusal {
    /// `OPTIONS *`, or `OPTIONS` with no forwards left: answered here (RFC 9110 section 9.3.7).
    ServerOptions,
    /// CONNECT or TRACE.
    Method,
    /// A method that nobody registered or that WebDAV does not know.
    UnknownMethod,
    /// Neither HTTP/1.0 nor HTTP/1.1.
    Version,
    /// A line that does not end with CR and LF.
    LineEnd,
    /// No request line (RFC 9112 section 3).
    RequestLine,
    /// No header line (RFC 9112 section 5), or one that is folded.
    HeaderLine,
    /// A body that is not in chunks as it says.
    Chunk,
    /// Read in two ways by two parts of this server, which must not happen.
    TwoReadings,
    /// No `Host` line.
    NoHost,
    /// More than one `Host` line.
    DoubledHost,
    /// A `Host` that is none.
    Host,
    /// A request target in a form that the method does not have, or in no form at all.
    TargetForm,
    /// An absolute target whose scheme is not the connection's.
    TargetScheme,
    /// An absolute target with a malformed authority.
    TargetAuthority,
    /// A path with bytes that servers disagree on.
    Path,
    /// A target over the limit.
    TargetTooLong,
    /// More lines or bytes than the head may have.
    HeadTooLarge,
    /// More cookies than are read.
    CookiesTooLarge,
    /// A cookie name outside ASCII.
    CookieName,
    /// A doubled or odd `Content-Length`.
    ContentLength,
    /// A doubled or odd `Transfer-Encoding`.
    TransferEncoding,
    /// A transfer coding other than `chunked`.
    UnknownTransferEncoding,
    /// A framing header spelled with `_`.
    FramingSpelling,
    /// A `Connection` line that is malformed or nominates what decisions rest on.
    Connection,
    /// An expectation other than `100-continue`.
    Expect,
    /// `Authorization` outside ASCII.
    Authorization,
    /// A `Destination` that is none of the same host, or not one (RFC 4918 section 10.3).
    Destination,
    /// `Max-Forwards` that is no number.
    MaxForwards,
    /// A trusted proxy's `X-Forwarded-Proto` that is no scheme.
    ForwardedProto,
    /// A form in another content type.
    FormType,
    /// A form over the limit.
    FormTooLarge,
    /// A form that took too long.
    FormTooSlow,
    /// A malformed form, a doubled or an unknown field.
    Form,
    /// A body over the app's limit.
    BodyTooLarge,
    /// A WebSocket handshake that is none (RFC 6455 section 4.2.1).
    Handshake,
    /// A WebSocket handshake from a page of another origin.
    HandshakeOrigin,
    /// The request has come through here twice.
    Loop,
    /// Its bytes came before the TLS handshake was over, and could be somebody's copy (RFC 8470 section 5.2).
    TooEarly,
}

impl Refusal {
    /// All of them.
    pub const ALL: [Self; 39] = [
        Self::ServerOptions,
        Self::Method,
        Self::UnknownMethod,
        Self::Version,
        Self::LineEnd,
        Self::RequestLine,
        Self::HeaderLine,
        Self::Chunk,
        Self::TwoReadings,
        Self::NoHost,
        Self::DoubledHost,
        Self::Host,
        Self::TargetForm,
        Self::TargetScheme,
        Self::TargetAuthority,
        Self::Path,
        Self::TargetTooLong,
        Self::HeadTooLarge,
        Self::CookiesTooLarge,
        Self::CookieName,
        Self::ContentLength,
        Self::TransferEncoding,
        Self::UnknownTransferEncoding,
        Self::FramingSpelling,
        Self::Connection,
        Self::Expect,
        Self::Authorization,
        Self::Destination,
        Self::MaxForwards,
        Self::ForwardedProto,
        Self::FormType,
        Self::FormTooLarge,
        Self::FormTooSlow,
        Self::Form,
        Self::BodyTooLarge,
        Self::Handshake,
        Self::HandshakeOrigin,
        Self::Loop,
        Self::TooEarly,
    ];

    /// The status of the answer.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::ServerOptions => StatusCode::NO_CONTENT,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::UnknownMethod | Self::UnknownTransferEncoding => StatusCode::NOT_IMPLEMENTED,
            Self::Version => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::HeadTooLarge | Self::CookiesTooLarge => {
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
            }
            Self::Expect => StatusCode::EXPECTATION_FAILED,
            Self::FormType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::FormTooLarge | Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::FormTooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::HandshakeOrigin => StatusCode::FORBIDDEN,
            Self::Loop => StatusCode::LOOP_DETECTED,
            Self::TooEarly => StatusCode::TOO_EARLY,
            Self::LineEnd
            | Self::RequestLine
            | Self::HeaderLine
            | Self::Chunk
            | Self::TwoReadings
            | Self::NoHost
            | Self::DoubledHost
            | Self::Host
            | Self::TargetForm
            | Self::TargetScheme
            | Self::TargetAuthority
            | Self::Path
            | Self::CookieName
            | Self::ContentLength
            | Self::TransferEncoding
            | Self::FramingSpelling
            | Self::Connection
            | Self::Authorization
            | Self::Destination
            | Self::MaxForwards
            | Self::ForwardedProto
            | Self::Form
            | Self::Handshake => StatusCode::BAD_REQUEST,
        }
    }

    /// The stable name, for logs and counters.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ServerOptions => "server-options",
            Self::Method => "method",
            Self::UnknownMethod => "unknown-method",
            Self::Version => "version",
            Self::LineEnd => "line-end",
            Self::RequestLine => "request-line",
            Self::HeaderLine => "header-line",
            Self::Chunk => "chunk",
            Self::TwoReadings => "two-readings",
            Self::NoHost => "no-host",
            Self::DoubledHost => "doubled-host",
            Self::Host => "host",
            Self::TargetForm => "target-form",
            Self::TargetScheme => "target-scheme",
            Self::TargetAuthority => "target-authority",
            Self::Path => "path",
            Self::TargetTooLong => "target-too-long",
            Self::HeadTooLarge => "head-too-large",
            Self::CookiesTooLarge => "cookies-too-large",
            Self::CookieName => "cookie-name",
            Self::ContentLength => "content-length",
            Self::TransferEncoding => "transfer-encoding",
            Self::UnknownTransferEncoding => "unknown-transfer-encoding",
            Self::FramingSpelling => "framing-spelling",
            Self::Connection => "connection",
            Self::Expect => "expect",
            Self::Authorization => "authorization",
            Self::Destination => "destination",
            Self::MaxForwards => "max-forwards",
            Self::ForwardedProto => "forwarded-proto",
            Self::FormType => "form-type",
            Self::FormTooLarge => "form-too-large",
            Self::FormTooSlow => "form-too-slow",
            Self::Form => "form",
            Self::BodyTooLarge => "body-too-large",
            Self::Handshake => "handshake",
            Self::HandshakeOrigin => "handshake-origin",
            Self::Loop => "loop",
            Self::TooEarly => "too-early",
        }
    }

    /// Adds what this answer must say: `Allow` where methods are the matter (RFC 9110 section 10.2.1), and
    /// `Connection: close` unless the request was well-formed, so that no second reading of its bytes follows.
    pub fn complete(self, headers: &mut HeaderMap) {
        const METHODS: HeaderValue =
            HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH");
        if matches!(self, Self::ServerOptions | Self::Method) {
            headers.insert(ALLOW, METHODS);
        }
        if !matches!(self, Self::ServerOptions | Self::Form | Self::FormType) {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::error::Error for Refusal {}
