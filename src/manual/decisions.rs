//! Why it is built like this.
//!
//! **One crate, ordered.** The list of modules in `lib.rs` is the architecture, and a test holds it: a module uses only what stands
//! below it. The compiler would check borders between crates as well, at the price of two dozen manifests.
//!
//! **Proofs are types.** A session needs a [`PasswordVerified`](crate::authn::password::PasswordVerified) and a
//! [`SecondFactorVerified`](crate::authn::SecondFactorVerified) of one account, and a request goes to the app with a
//! [`Pass`](crate::identity::Pass) only. Each is made in one function. Forgetting a check does not compile.
//!
//! **One account, one record.** Password, authenticator, newest accepted step, unused backup codes and epoch change together by
//! compare-and-swap. So a code is spent once under any concurrency, and no transaction is needed for it.
//!
//! **sled.** An embedded store, so there is nothing to install or operate. It is behind a small trait
//! ([`Store`](crate::store::Store)), pinned to one version, and used by rules that were measured: its `flush` alone is not
//! durable on Linux, so one thread groups writers into one flush and one `fdatasync`, and whatever a visitor is told
//! waits for that. Corruption shows as a panic or as missing rows, so opening is guarded, every value is sealed, a marker file tells a
//! lost store from a new one, and a [manifest and an anchor](crate::manual::storage) a whole one from the rest. It allows one process, which is why commands go through a socket.
//!
//! **A backup is rows, not files.** It is a file of sealed lines that no database has to be able to open, made by a walk that
//! shows the store as it is at one moment. So it is also the way from one layout of the store to the next. Sessions
//! and sign-ins under way are not in it. It is read again before it counts as made.
//!
//! **A store is replaced at one moment.** A restored store, and one under another key, grows in `next/` within the data folder. Then the
//! marker file, one rename, says that it is the store; what is left to do is renaming, and the next opening completes it.
//! So a kill leaves the old one or the new one.
//!
//! **Backup codes do not survive a restore**, because nobody can know which of them were used since the backup. Whoever moves a store
//! without a sign-in in between passes `--keep-backup-codes`. Used time steps are made up for by the clock: no code of the
//! present window or before is accepted. Epochs jump ahead of any that was ever reached, so that no mark of
//! a known browser outlives a restore either.
//!
//! **The old master key is kept** when a new one takes its place, beside it under its id. Removing it would make every earlier backup
//! unreadable at once; it does not open the store any more.
//!
//! **aws-lc-rs**, for signing, sealing, MACs and random numbers: fast, maintained, a FIPS version exists, and *one* provider can be
//! looked after. Neither ring nor OpenSSL is linked. Argon2 and TOTP come from crates that do nothing else.
//!
//! **SHA-1, six digits, 30 seconds** for codes: other settings are ignored by some authenticator apps, silently, and HMAC-SHA-1 has no
//! weakness that matters here. The window is one step to either side; `totp.skew = 0` is stricter.
//!
//! **Passwords** have a length and must not be common; there are no rules about digits and signs, which make passwords
//! worse (NIST SP 800-63B-4, 3.1.1.2). They are compared in NFC.
//!
//! **User names** have one spelling (RFC 8265), and two that look alike cannot both exist (UTS 39).
//!
//! **Paths** are judged and forwarded as the same bytes. Bytes that no two servers agree on are refused. A path that servers are
//! known to read differently (`//`, `..`, `..%20`, `%2f`, `;` …) meets the strictest rule of its host and goes on unchanged,
//! because real apps use `%2F`.
//!
//! **Rules** are asked in order, and the first that matches decides, as in Authelia and in firewalls: no weights to compute. Nothing matches: two
//! factors. A rule for some users or groups shuts nobody out, it only does not match the others; `check` warns where the rest
//! would pass by the default. Somebody who has not signed in is asked to before such a rule is judged, also when it denies: who is
//! not known cannot be let by. Query, fragment, headers but `Destination` and user agent never count (CVE-2026-34457). An ambiguous path has to meet every rule of its host
//! whose conditions on network and person hold, whatever its path and methods say, and at least two factors. A client whose address is not
//! known is in no network that opens something, and as if it were in each that shuts.
//!
//! **What opens is open to the letter, what shuts also shuts what is alike.** Express, ASP.NET and Windows do not mind case, a slash at the
//! end or a dot behind a name, and most frameworks decode `%40` before they route. So a rule adds what it asks for also where a lax server
//! would take the path for one of its own and a later rule, or the default, asks for less. It never opens anything that way. Every rule
//! before the one that matches to the letter counts so, unless an earlier one of them decides before it: it contains that rule's paths, or
//! matches the path without its odd case or its slash at the end. So plain paths and rules are judged by the letter alone.
//!
//! **A destination is a second path.** `Destination` (RFC 4918, 10.3) has a WebDAV server write at another path than the one that was asked for, so the
//! visitor has to meet what the rules ask for there as well: for the method of the request, and for PUT, which writes too. Any method may carry it,
//! for nobody knows which ones an app heeds. Scheme and port count for nothing there, as with rules; what is left has to be one
//! path of the same host. What is moved goes away, and what is copied is read: a rule against DELETE or GET has to name MOVE and COPY, or no method.
//! A folder is moved, copied and deleted with all that is in it: what a rule shuts below `/dav/` is not shut for who may do that to `/dav/` itself.
//!
//! **A pattern covers paths, not what an app makes of them.** Some routers take an ending for the format: who shuts `/users/**` has shut
//! `/users/1.json` and not `/users.json`, which Rails and older Spring serve as the same page; shut `/users.*` as well. A script takes what follows
//! its name for `PATH_INFO`: for `/admin.php` write `/admin.php/**`, which covers both. `check` does not warn of either, because most apps
//! have neither and each rule would look wrong. Where an app finds pages by more than their paths, shut everything and open what is known.
//!
//! **A method may stand in a form.** Rails, Laravel, Symfony, Spring and Phoenix take `_method` of a POST, in the body or the query, for its method. A gate
//! sees a POST: a rule against DELETE, PUT or PATCH has to name POST too, or no method, and `check` says so. Headers that do the same are dropped.
//!
//! **Other proxies ask at three addresses**, not at one that guesses: each reads exactly the headers that its proxies set, so a header that
//! a client adds for another proxy says nothing. A 200 carries all identity headers, because
//! Envoy and older Caddy leave what the client wrote where one is missing. nginx makes 500 of all but 2xx, 401 and 403, so it hears nothing
//! else. A whole answer is below 3 KiB, which is why name, address and groups together have at most 1 KiB.
//!
//! **A program behind nginx or HAProxy reads the proxy's own 401.** Both drop the body of our answer to a check, and with it `login_url`, and
//! the lines that `access.cors_origins` adds. `WWW-Authenticate` arrives: nginx hands it on by itself, HAProxy by a line of its recipe. Whose
//! scripts have to read more lets nginx take it over with `auth_request_set` (`$upstream_http_location`,
//! `$upstream_http_access_control_allow_origin` …) where it returns 401. Traefik and Caddy hand on our whole answer,
//! Envoy the lines that its recipe names.
//!
//! **A sign-in is for a host, or for a domain.** Without `session.cookie_domain` each configured host has a sign-in of its own, with a
//! cookie that no other host can set (`__Host-`). With it every host of the domain gets the cookie, and each of them must be yours.
//! Of two session cookies neither counts, for which one is ours cannot be known. One that is left from before there was a domain is taken
//! back wherever somebody signs in or out, or is sent to do so; any other, as one of another site of the domain, makes a page in place of
//! the form, which says so.
//!
//! **On one host with the app, another proxy tells our pages by the path as it came.** Only what begins with `portal.path` and a slash goes
//! to the gate unasked, and as it came: it refuses `/_vestibule/../admin`, and `/x/../_vestibule/authz/` is no way to a check. Everything
//! else is asked about, also `portal.path` itself.
//!
//! **Messages are read twice.** The parser is hyper's, because a parser that many use is better than one of ours. But it repairs what a
//! gate should refuse, and does not say so. So the bytes of a head are held to the strict grammar before it sees them, bodies are
//! followed to their end, and the two readings have to fit ([`http`](crate::manual::http)). It costs about as much as parsing the
//! head once more: a microsecond.
//!
//! **Identity headers** hold visible ASCII and spaces. Other characters, and `% , ; " \`, are percent-encoded as UTF-8, so a name can neither
//! end a line nor add a group. An empty value is sent as an empty header. The assertion carries plain UTF-8.
//!
//! **ES256** by default: every JWT library verifies it. EdDSA is smaller and faster, and an option. One key has one algorithm
//! and one purpose, and the token names neither address nor key of its own.
//!
//! **Assertions live for a minute** and are made again at half of it. They are not bound to a request: whoever
//! reads one in the app can use it until it expires, towards the same audience.
//!
//! **Signed-in requests touch no disk.** Live sessions are cached with their signed headers; the store tells the cache of every
//! change before the change is reported done, so an ended session is over on the next request.
//!
//! **Time** in the process is the wall clock's at the start plus what the monotonic clock counted. It follows a wall clock that is set forward and
//! a machine that slept, so what expired meanwhile has expired, and it never goes back, so setting a clock revives nothing. Codes and
//! assertions alone go by the wall clock, because other machines compare with them: after a clock that ran ahead was set right, people
//! sign in and apps verify at once, while sessions go on by the time that was ahead. A used time step stays used in any case, and none
//! beyond the window is ever stored. The newest time is kept in the store, to the minute: a start at most ten minutes behind it goes on from
//! there, a later one is refused until `serve --trust-clock`, and what is stamped more than a minute ahead of now counts as expired. A clock from
//! before the month in which the version was made is refused. Rates are counted by the monotonic clock alone.
//!
//! **Logs name accounts by id** and hold no query: queries hold tokens. A name that was typed is not logged, because people type
//! passwords there.
