//! HTTP/1.1 from strangers: what is refused, what is changed on the way to the app, and what passes unchanged.
//!
//! A refusal is answered with its status, a reason from [`Refusal`](crate::web::request::Refusal) in a small problem document, and
//! `Connection: close`; it is recorded as `input_validation_fail` with that reason, and the app hears nothing of it. "Raw" rows are judged by
//! the bytes, because the parser below would repair them silently ([`server`](crate::server)); none of them is repaired here.
//! `tests/http1/` sends all of it to the real binary.
//!
//! # Refused
//!
//! | what | raw | status, reason | source |
//! |---|---|---|---|
//! | a line that ends with a bare line feed; a bare carriage return | yes | 400 `line-end`, `header-line`, `path` | RFC 9112, 2.2 |
//! | a request line that is not three words with one space between; HTTP/0.9; a second empty line before it | yes | 400 `request-line` | RFC 9112, 2.2, 3 |
//! | a version other than 1.0 and 1.1 | yes | 505 `version` | RFC 9110, 15.6.6 |
//! | a header line that is folded, has no colon, white space before the colon, a control character | yes | 400 `header-line` | RFC 9112, 5.1, 5.2; RFC 9110, 5.5 |
//! | `Content-Length` twice (equal or not), in a list, with a sign or a leading zero, beyond 19 digits | yes | 400 `content-length` | RFC 9112, 6.3 |
//! | `Content-Length` next to `Transfer-Encoding`, in either order | yes | 400 `content-length` | RFC 9112, 6.1 |
//! | `Transfer-Encoding` twice, in HTTP/1.0, other than `chunked` alone | yes | 400 `transfer-encoding`, 501 `unknown-transfer-encoding` | RFC 9112, 6.1 |
//! | `Content_Length`, `Transfer.Encoding` and the like | | 400 `framing-spelling` | gateways that fold signs to `-` |
//! | a chunk that breaks the grammar; an extension over 4 KiB (16 KiB in all of a body), trailers over 4 KiB | yes | 400 `chunk`; the app's copy is broken off | RFC 9112, 7.1 |
//! | `#` in the target, also where the parser would cut it off | yes | 400 `path` | CVE-2026-41059 |
//! | NUL, controls, non-ASCII, `" < > { }`, bad percent codes in the path | | 400 `path` | RFC 3986, 3.3 |
//! | a target that is neither a path, nor absolute, nor `*` with `OPTIONS` | | 400 `target-form` | RFC 9112, 3.2 |
//! | an absolute target through one of `trusted_proxies`, which write paths: a client has found a way to choose what it asks | | 400 `target-form` | |
//! | an absolute target with user information, or another scheme than the connection's | | 400 `target-authority`, `target-scheme` | RFC 9110, 4.2.4 |
//! | no `Host`, two, or one that is none, also beside an absolute target | | 400 `no-host`, `doubled-host`, `host` | RFC 9112, 3.2 |
//! | a host that no app has, where all of them name theirs | | 421 | RFC 9110, 15.5.20 |
//! | CONNECT, TRACE | | 405 `method` | RFC 9110, 9.3.6, 9.3.8 |
//! | a method that neither HTTP nor WebDAV has; names are case-sensitive | | 501 `unknown-method` | RFC 9110, 9.1 |
//! | an expectation other than `100-continue` | | 417 `expect` | RFC 9110, 10.1.1 |
//! | `Connection` that nominates `Host`, framing, credentials, `Origin`, `Via`, `Sec-*`, `Content-*` | | 400 `connection` | RFC 9110, 7.6.1 |
//! | `Authorization` or a cookie's name beyond ASCII | | 400 `authorization`, `cookie-name` | |
//! | `Destination` twice, or that is no URL or path, has a query, names another host or a page of ours | | 400 `destination` | RFC 4918, 10.3 |
//! | `Max-Forwards` of `OPTIONS` that is no number | | 400 `max-forwards` | RFC 9110, 7.6.2 |
//! | a request that came through here twice, by `Via` | | 508 `loop` | RFC 9110, 7.6.3 |
//! | a WebSocket handshake with a body, without a key, from another origin | | 400 `handshake`, 403 `handshake-origin` | RFC 6455, 4.2.1 |
//! | `Early-Data`, whatever it says, with a method that is not safe or for a page of ours: TLS early data can be replayed | | 425 `too-early` | RFC 8470, 4, 5.1 |
//! | too long a target, head, number of lines or of cookies | | 414, 431 | [`inputs`](crate::manual::inputs) |
//!
//! # Changed
//!
//! | what | into what |
//! |---|---|
//! | the version, the absolute form | HTTP/1.1, origin form; the authority of an absolute target is the host, whatever `Host` says |
//! | `Host` | lower case, without a last dot and the default port |
//! | framing | written anew: one `Content-Length`, or `chunked` with bare sizes; a body on GET, HEAD or DELETE keeps its own |
//! | chunk extensions, trailers | dropped |
//! | `Connection` and what it nominates, `Keep-Alive`, `TE`, `Trailer`, `Upgrade`, `HTTP2-Settings`, `Proxy`, `Proxy-*` | dropped; `Upgrade: websocket` is set anew for a handshake |
//! | `Expect: 100-continue` | dropped; `100 Continue` is sent when the app is ready to read |
//! | `X-Forwarded-*`, `Forwarded`, `X-Real-IP`, `X-Request-Id` and their like | dropped in every spelling, then set by us; see [`inputs`](crate::manual::inputs) |
//! | headers that rename the request's path, method or host: `X-Original-*`, `X-Rewrite-URL`, `X-Forwarded-Uri`, `X-Host`, `X-Script-Name`, `X-Forwarded-Prefix`, `Script-Name`, `Path-Info`, `X-Ingress-Path`, `X-VHM-Root`, `X-Middleware-*`, `X-Invoke-*`, `X-Matched-Path` … | dropped in every spelling, from trusted proxies too, also with `proxy.underscore_headers = "keep"` |
//! | identity headers: ours, those of `[identity]`, and those by which other gateways speak (`X-Remote-User`, `X-Auth-Request-*`, `X-WEBAUTH-*`, `X-User`, `X-Email`, `Cf-Access-*`, `X-Amzn-Oidc-*`, `Ssl-Client-*` …) | dropped in every spelling and recorded, on open paths and handshakes too |
//! | other names with `_` | dropped, unless `proxy.underscore_headers = "keep"` |
//! | our cookies | taken out of `Cookie`; the others keep their bytes and their order |
//! | `X-HTTP-Method-Override`, `X-HTTP-Verb`, `Method-Override` and their like | dropped where rules name methods |
//! | `Early-Data`, once or more | `Early-Data: 1`, which no `Connection` line strikes out; an app's own 425 passes (RFC 8470, 5.2) |
//! | `Via` | `1.1 vestibule` is added |
//! | `Max-Forwards` | of `OPTIONS` counted down, 0 is answered here; of other methods dropped |
//! | white space around a value, letter case of names | trimmed; lower case |
//!
//! An answer of the app loses its hop-by-hop lines, `X-Accel-*`, `X-Vestibule-*` and cookies under our names. Its `X-Request-Id` is replaced by
//! ours, which the app was sent, so that one name leads to a request in every log.
//!
//! An answer to somebody who signed in is `Cache-Control: private` (RFC 9111, 5.2.2.7), for a cache in front of us hands out what it
//! holds without asking: `public`, `s-maxage`, `Surrogate-Control` and `CDN-Cache-Control` (RFC 9213) go, `max-age` and `no-store` stay.
//! Next to `must-understand` a shared cache may pass over `no-store` (5.2.2.3), so `private` is said beside it. The same holds for what a rule
//! opens to some `networks` alone. What nobody signed in for anywhere passes as it is, so what everybody may read can be kept by everybody.
//!
//! # The proxy in front
//!
//! Whoever stands in `trusted_proxies`, or reaches us by a Unix socket, is believed about three things: the client's address
//! (`X-Forwarded-For`), the scheme (`X-Forwarded-Proto`) and the name in the logs (`X-Request-Id`). That proxy has to write these lines itself,
//! and not hand on what a client put there. Besides, `Client-Cert*` and the `X-Forwarded-*` that are not in the table above, such as
//! `X-Forwarded-Client-Cert` and `X-Forwarded-Tls-Client-Cert`, reach the app from there, and from nobody else: only a proxy that ends TLS knows
//! a client's certificate. Most proxies hand on what they do not know, so one that sets none of these has to clear them, or a
//! stranger shows the app a certificate that nobody has seen. `examples/nginx-tls` and the lines for Caddy do.
//!
//! An app below a prefix is told so in its own configuration. A header for it (`X-Script-Name`, `X-Forwarded-Prefix`) would not arrive:
//! the app cuts off the path what a header says, so whoever writes that header has `/open/admin` judged and `/admin` served.
//!
//! Where the last address in `X-Forwarded-For` is none (`unknown`, `unix:`, `_hidden`, a comma at the end), the client is not known, and never
//! the proxy itself: as `::` in the logs, `unknown` to the app, and one client to all [`throttles`](crate::manual::throttles). No rule with
//! `networks` opens anything to it, `::/0` included, and each that it could meet counts against it, so what is denied to some networks is denied
//! to it. The same holds for everybody behind a Unix socket whose proxy says nothing. A line that is missing over TCP means that the proxy asks
//! for itself. nginx that itself listens on a Unix socket calls every client `unix:`; it has to learn the address from whoever is in front of it
//! (`set_real_ip_from unix:` with `real_ip_header X-Forwarded-For`, or `proxy_protocol` with `real_ip_header proxy_protocol`) and then says
//! it with `proxy_set_header X-Forwarded-For $remote_addr` as in the example.
//!
//! # Unchanged
//!
//! Path and query, byte for byte as they were judged; every other header with its value, `Authorization` included; the bytes of a body.
//!
//! # One connection
//!
//! Requests that were sent ahead wait until the one before is answered, and each is judged alone. Bytes behind a refusal, a
//! `Connection: close`, an HTTP/1.0 request or a handshake that the app did not take are never read as a request. A body that was not read
//! when the answer was ready is either read to its end or ends the connection.
//!
//! Towards the app, a request with a body and a `HEAD` have a connection of their own, which says `Connection: close`. Some apps answer
//! without reading a body (`python3 -m http.server`, and what is built like it), and would take the rest of it for the next
//! request: one that no rule has judged, under any name that its sender cares to write. Told to close, they read no further, and what
//! they say nevertheless reaches nobody. Other requests share connections, since there is nothing to disagree about.
