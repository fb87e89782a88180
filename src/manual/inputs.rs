//! Every input from outside, its form and its limits.
//!
//! # Requests
//!
//! | input | limit | beyond it |
//! |---|---|---|
//! | request line: path and query | 16 KiB (`proxy.max_target`) | 414 |
//! | head | 32 KiB, 100 lines (`proxy.max_header_bytes`, `proxy.max_headers`) | 431 |
//! | time for a head | 10 s (`proxy.header_timeout`) | the connection is closed |
//! | cookies | 200, 32 KiB in all | 431 |
//! | body for the app | any size (`upstream.max_body`); 30 s of silence (`proxy.body_idle_timeout`), 240 bytes a second | 413, 408 |
//! | head of the app's reply | 64 KiB; 60 s (`upstream.response_timeout`) | 502, 504 |
//! | WebSocket | 10 minutes of silence (`proxy.tunnel_idle_timeout`) | closed |
//! | request line, line ends, header lines, `Host`, framing, methods, paths | one reading only: see [`Refusal`](crate::web::request::Refusal) | 400, 405, 501, 505 |
//! | chunk extensions, trailers | 4 KiB for each chunk, 4 KiB of trailers; both are dropped | 400 |
//! | `X-Forwarded-For`, `X-Forwarded-Proto`, `X-Request-Id` (8 to 64 of `A-Z a-z 0-9 - _ .`) | from `trusted_proxies` only, see [`http`](crate::manual::http) | ignored; a wrong `X-Forwarded-Proto` is 400; a wrong address is a client that nobody knows |
//! | `X-Real-IP`, `X-Forwarded-Host`, `Forwarded` and their like | set by us for the app | what came under these names is removed |
//!
//! # Forms of our pages
//!
//! At most 16 KiB, 32 fields and 30 s, `application/x-www-form-urlencoded` only; each field once, no unknown field, a token of ours
//! ([`web::request::form`](crate::web::request::form)).
//!
//! | field | form | rules beside it |
//! |---|---|---|
//! | `username` | 1 to 64 code points: letters, digits and marks of any script, `@ . _ - +` ([`Username`](crate::authn::username::Username)) | canonical form RFC 8265; at sign-in every wrong form is an unknown name |
//! | `password` | at most 256 code points and 1024 bytes, compared in NFC ([`Password`](crate::authn::password::Password)) | |
//! | `new_password`, `new_password_again` | 12 to 256 code points (`password.min_length`, `password.max_length`), no control characters | equal; not common, not repetitive, not made of the user's or the site's names ([`policy`](crate::authn::password::policy)) |
//! | `code` | at most 64 bytes: six ASCII digits, or twelve of Crockford's base32; spaces and hyphens are skipped | belongs to the account of the login under way; used once |
//! | `kept` | present | the login under way is at that step |
//! | `do` | `renew` asks for other backup codes | the same |
//! | `rd` | at most 2048 bytes: a path of this host, or an address of a configured one ([`return_to`](crate::web::return_to)) | anything else is `/` |
//! | token in `/invite/…` | account id and 256 random bits, at most 128 characters | one account, one use, 72 hours |
//!
//! # Accounts, by the command line
//!
//! | input | form |
//! |---|---|
//! | name | as `username`, and unlike every other in looks |
//! | `--display-name` | 1 to 128 code points, no control, bidirectional or invisible ones |
//! | `--email` | `name@example.com` in ASCII, at most 254 bytes |
//! | `--group` | 1 to 64 of `A-Z a-z 0-9 . _ : @ / -` |
//! | all three together | 1024 bytes, as they stand in headers |
//! | password on standard input | one line, then as `new_password` |
//! | session id | 22 characters of base64url |
//! | a command on the admin socket | JSON of at most 64 KiB in 10 s, no unknown field; only root and the server's own user |
//!
//! # Backup files
//!
//! Lines of JSON, read one at a time ([`read`](crate::store::backup::read)).
//!
//! | input | form and limit | beyond it |
//! |---|---|---|
//! | first line | 1 KiB, no unknown field; what names a store or a key is 32 or 16 hexadecimal digits, as it is shown before anything is proven | it is no backup |
//! | each further line | 192 KiB; sealed under the master key, for this file and this number of a line | refused; what was read before is not believed either |
//! | last line | as many lines, the same digest and rows as it says, and nothing after it | refused |
//!
//! # Limits for each account, and for all
//!
//! | what | how many |
//! |---|---|
//! | invitations | 1; a new one replaces it |
//! | authenticators | 1 |
//! | secrets being shown | 1 |
//! | backup codes | 10 |
//! | sessions | 20 (`session.max_per_user`), and one of a password alone beside as many of both factors |
//! | accounts | what the disk holds |
//! | live sessions in memory | 20 000; others are read again when they are used |
//! | tries, hashes, connections | see [`throttles`](crate::manual::throttles) |
//!
//! # Configuration
//!
//! Every key has a type, bounds and a default: `config/vestibule.toml` lists them, [`Config`](crate::config::Config) documents them,
//! and `vestibule check` says which are in effect. An unknown key is an error.
