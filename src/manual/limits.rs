//! Every limit and timeout between clients, the gate and the apps: its default, what happens there, its key.
//!
//! All of them hold for HTTP/1.1 on every listener but the one for operators. What slows down guessing is in
//! [`throttles`](crate::manual::throttles), the form of inputs in [`inputs`](crate::manual::inputs). ASVS V13.1.2 and
//! V13.1.3 ask for this list.
//!
//! # How many at once
//!
//! | what | default | beyond it | key |
//! |---|---|---|---|
//! | client connections, WebSockets included | 10 000, and what the limit of open files leaves room for | wait in the kernel's queue | `proxy.max_connections` |
//! | of them from one address (IPv6: one /64); `trusted_proxies` and Unix sockets are not counted | a tenth of all, at least 100 | closed at once; a log line every 10 s at most | `proxy.max_connections_per_address` |
//! | WebSockets of one user, over all sessions; of one address where nobody signs in | 100 | 429 | `proxy.max_tunnels_per_user` |
//! | requests and WebSockets under way to one app | 1000 | wait as long as connecting may take, then 503 with `Retry-After: 5` | `upstream.max_connections` |
//! | of them of one user, over all sessions; of one address (IPv6: one /64) where nobody signs in, unless it is a proxy that names no client | a quarter of all, at least 32 | 429 with `Retry-After: 5`, at once | `upstream.max_connections_per_user` |
//! | unused connections that are kept to one app, for 30 s | 64 | closed | fixed |
//! | connections to the listener for operators | 64 | wait | fixed |
//!
//! | times that a sign-in is sent on to one place | 2, then one more every 5 s | a page that says which setting makes it a loop | fixed |
//! | the address of a login page for another proxy | 1 KiB | without the query, then without the way back | fixed |
//! | a whole answer to another proxy | 3 KiB | 500, and a log line | fixed |
//!
//! A quarter of an app leaves three of them to all others, whatever one user does, and whoever wants to fill the app needs four accounts or four
//! networks. It is far from what people need: a browser has six connections over HTTP/1.1, so 250 are forty browsers that all wait at the
//! same moment; behind a proxy that speaks HTTP/2 it is two and a half times the hundred streams that browsers are commonly allowed. An office
//! behind one address counts as one only where nobody signs in, and there 250 answers of 100 ms are 2500 a second. At least 32 are five
//! browsers at an app that bears little. Raise it where many read a public page that keeps its connection open (long polling, event streams)
//! from behind one address. What waits for a place counts too, so nobody fills the queue.
//!
//! At the start the soft limit of open files is raised to the hard one. 128 files are our own, 64 are kept for each app, and
//! each client takes two. When the system has none left all the same, nobody new is accepted until some are given
//! back, and whoever is inside goes on.
//!
//! # How long
//!
//! | what | default | at the end | key |
//! |---|---|---|---|
//! | from the connection to its first whole head, and from a head's first byte to its last | 10 s | closed | `proxy.header_timeout` |
//! | between two requests | 60 s | closed | `proxy.idle_timeout` |
//! | silence within a request's body | 30 s | 408, and the app sees a body that breaks off | `proxy.body_idle_timeout` |
//! | speed of a request's body, over that time of waiting for it | 240 bytes a second | the same | fixed |
//! | a form of our own pages, in all | 30 s | 408 | fixed |
//! | a client that takes nothing of its answer | 60 s | broken off | fixed |
//! | speed of a client, over that time of waiting for it | 240 bytes a second | the same | fixed |
//! | connecting to an app, or waiting until it has room | 5 s | 504; 503 without room; 502 when it refuses | `upstream.connect_timeout` |
//! | from the last byte of a request to the whole head of the answer | 60 s | 504 | `upstream.response_timeout` |
//! | silence within an answer | 5 min | broken off | `upstream.idle_timeout` |
//! | silence of a WebSocket | 10 min | closed | `proxy.tunnel_idle_timeout` |
//! | from the end of a session to the end of its WebSockets | 2 s | closed | fixed |
//! | the same of its answers that do not say how long they are | 2 s, then at the next piece | broken off | fixed |
//! | requests under way when we are told to stop | 30 s, or a second signal | broken off | `proxy.drain_timeout` |
//! | everything else under way after that | 7 s | left behind, status 1; what was acknowledged is on disk | fixed |
//!
//! # How much
//!
//! | what | default | beyond it | key |
//! |---|---|---|---|
//! | head of a request; its lines; its target | 32 KiB; 100; 16 KiB | 431; 431; 414 | `proxy.max_header_bytes`, `max_headers`, `max_target` |
//! | head of a request as the app gets it | 16 KiB | 431 | fixed |
//! | body of a request | any | 413 | `upstream.max_body` |
//! | head of an answer; its lines | 64 KiB; 100 | 502 | fixed |
//! | body of an answer | any; it is never kept as a whole | | |
//!
//! # When something goes wrong
//!
//! A request is sent to an app once. Only a `GET`, `HEAD` or `OPTIONS` without a body is sent a second time, and only when a connection that
//! had been used before turned out to be dead. An answer that breaks off is broken off for the client too, and never ends as if it were
//! whole; its connection to the app is closed. An answer that could be read in two ways is 502. The reasons are in the log, and clients
//! read none of them. A client that leaves takes its request with it.
//!
//! Interim answers (1xx) of an app are not passed on; hyper cannot send them. Trailers end here.
//!
//! Told to stop (SIGTERM, SIGINT), the gate accepts whom the kernel had accepted already, closes the listener and the WebSockets, and lets
//! requests end. A second signal does not wait for them.
