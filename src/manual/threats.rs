//! What is worth stealing, who may try, and where they come in.
//!
//! # Assets
//!
//! | asset | where it is | what protects it there |
//! |---|---|---|
//! | passwords | [`Account`](crate::authn::account::Account) | Argon2id ([`hash`](crate::authn::password::hash)), sealed |
//! | authenticator secrets | the same record | sealed; shown once, while enrolling |
//! | backup codes | the same record | Argon2id under one salt for each set, sealed; shown once |
//! | session tokens | the browser alone | the store keeps SHA-256 of 256 random bits |
//! | invitation links | whoever got one | the same; one use, 72 hours |
//! | signing keys | [`signing_keys`](crate::signing_keys) | sealed |
//! | the master key | a file of its own, mode 0600 | the operator; others may not read it, or nothing starts |
//! | who has an account | the store | the same answer and work for known and unknown names |
//! | the app's data | the app | nothing gets there without a [`Permit`](crate::authz::Permit) |
//!
//! "Sealed" is AES-256-GCM-SIV under a key derived from the master key; a value is bound to its place, so it cannot be
//! moved to another account ([`store::sealed`](crate::store::sealed)).
//!
//! # Attackers, and what stands against them
//!
//! | who | tries | meets |
//! |---|---|---|
//! | a stranger on the internet | the app without signing in, or our pages' back doors | [`Gate`](crate::gate::Gate): one check for every request; ambiguous paths never match a bypass |
//! | a botnet with leaked passwords | many names, many addresses | two factors, throttles, the list of common passwords |
//! | somebody after one account | guessing, or locking its owner out | [`throttles`](crate::manual::throttles): known browsers are counted apart |
//! | a person on the network | reading, changing | TLS of the proxy in front; `Secure` and `__Host-` cookies |
//! | a client that speaks for others | `Remote-User`, `X-Forwarded-For`, smuggled requests | headers removed in every spelling; only named proxies are believed; what two servers could read differently is refused |
//! | a sibling host of the same domain | setting cookies, sending forms | `__Host-` names, doubled cookies count as none, form tokens, `Origin` and `Sec-Fetch-Site` |
//! | a user | other users' sessions, administration | rights are in the account; commands need the socket |
//! | a former user | old sessions and links | the [`Epoch`](crate::authn::session::Epoch): effective on the next request |
//! | another user of the machine | the admin socket, the data folder | mode 0600 and 0700, and the peer's user id |
//! | a thief of a backup | reading or changing it | every line sealed and bound to its place, as long as the master key is elsewhere ([`store::backup`](crate::store::backup)) |
//! | somebody who has an old state restored | sessions, codes and links of then | [`Account::revive`](crate::authn::account::Account::revive): none of them works; who was removed since is for the operator to see |
//!
//! # Boundaries
//!
//! 1. **Internet and proxy in front.** The proxy ends TLS. Only addresses in `trusted_proxies` may say who the client is, and
//!    what else they have to see to says [`http`](crate::manual::http).
//! 2. **Proxy and gate.** [`web::request`](crate::web::request) reads each request once and refuses what is not clear.
//! 3. **Gate and app.** Only a request with a [`Pass`](crate::identity::Pass) goes there. If others can reach the app too, the
//!    plain headers prove nothing there, and the app has to verify the assertion.
//! 4. **Process and disk.** A store that is emptied, swapped or without its key does not open, and a value that was changed is refused.
//!    So does one that lost rows, gained rows or is an older state, see [`storage`](crate::manual::storage). Whoever can write the
//!    files and has an older copy of *both* database and anchor can put both back: then spent codes and ended sessions live again.
//! 5. **Administrator and server.** The socket in the data folder; nothing administrative is on the public listener.
//! 6. **Our pages and the app, in one origin.** Our cookies are `HttpOnly`, our pages cannot be framed, and their forms are taken only with a
//!    token that was made for that step. A script in the app can still act as its visitor towards the app.
//!    A service worker of the app with the scope `/` sees requests for our pages too: whoever can plant one there can imitate them. An app
//!    that runs other people's scripts belongs on a host of its own.
//!
//! # What is not covered
//!
//! A site that passes a one-time code on while it is fresh (only passkeys stop that), a visitor's infected device, whoever
//! controls the host, somebody who can put an older copy of the data folder back together with its key, and an
//! app that is reached around the gate. Vestibule claims no NIST authenticator assurance level.
