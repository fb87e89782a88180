//! The states of an account, of a browser and of the store, and what leads from one to the next.
//!
//! # A browser
//!
//! ```text
//!                      password wrong, unknown, locked, disabled: same page, same words, same work
//!                          ┌────┐
//!                          ▼    │
//!   ┌────────┐  GET   ┌─────────┴──┐ password right  ┌───────────────────┐  code right   ┌─────────┐
//!   │ nobody ├───────▶│ login page ├────────────────▶│ FirstFactorSession├──────────────▶│ Session │
//!   └────────┘        └────────────┘  new token      │ 5 minutes, 5 tries│  new token    └─┬─────┬─┘
//!    ▲  ▲  ▲           nothing stored                └─────────┬─────────┘                 │     │
//!    │  │  │                                                   │ 5 wrong codes, time,      │     │
//!    │  │  └───────────────────────────────────────────────────┘ epoch, disabled           │     │
//!    │  └──────────────────────────────────────────────────────────────────────────────────┘     │
//!    │        sign-out, revoked, epoch, disabled, removed, 20 newer sessions                     │
//!    └────────────────────────────────────────────────────────────────────────────────────────────┘
//!             1 hour without use, 24 hours in all
//!
//!   ┌─────────────────┐ POST: new password ┌──────────────────┐ first code ┌─────────────┐ "kept"  ┌─────────┐
//!   │ invitation link ├───────────────────▶│ EnrolmentSession ├───────────▶│ HeldSession ├────────▶│ Session │
//!   │ 72 hours, 1 use │  link is used up   │ 30 minutes       │            │ codes shown │         └─────────┘
//!   └─────────────────┘                    └──────────────────┘            └─────────────┘
//!    GET uses nothing up                    a secret waits 10 minutes,      opens nothing yet
//!                                           10 tries, newest counts
//! ```
//!
//! Each arrow is one compare-and-swap and one fresh token; the token before is dead. Only the right-hand state opens the app
//! ([`authn::transaction`](crate::authn::transaction), [`authn::session`](crate::authn::session)). With `totp.enrolment = "first-sign-in"` a right
//! password of an account without authenticator leads to the `EnrolmentSession`; by default it leads nowhere.
//!
//! Where a `one-factor` rule opens what the visitor is on the way to, a right password leads to a
//! [`OneFactorSession`](crate::authn::session::OneFactorSession), which nothing else accepts. From there, and from a `Session` whose code is older than the
//! `max_age` of a rule, a code page leads to a `Session` with a new token and the old beginning.
//!
//! # An account
//!
//! ```text
//!   user add ──▶ invited ──accepts link──▶ password set ──first code──▶ enrolled ◀──▶ disabled
//!                  ▲  │ 72 hours                │ 30 minutes              │  │  disable / enable,
//!                  │  ▼                         ▼                         │  │  each a new epoch
//!                  │ expired ◀── the link is spent, the authenticator     │  │
//!                  │              not bound: user invite again            │  ├─ 20 wrong codes ─▶ locked factor
//!                  └──────────────────── reset-2fa: new epoch ────────────┘  │    └─ unlock, reset-2fa
//!                                                                            └─ 100 wrong passwords ─▶ known
//!   remove ──▶ gone; its id is never given again                                  browsers only ─ unlock, success
//! ```
//!
//! An [`Epoch`](crate::authn::session::Epoch) is a counter in the account. Sessions, sign-ins under way and marks of known browsers carry
//! the one they began in, and end when it moves.
//!
//! # What always holds
//!
//! Random orders of events, with wrong ones, repeated ones and ones of other accounts among them, are run against a model of these pictures
//! (`no_order_of_events_opens_a_session_without_both_factors`):
//!
//! 1. A session of both factors is reached by two factors of one account, in one sign-in or by a step-up of a live session.
//! 2. A token is dead once its successor exists.
//! 3. No accepted time step is at or before an accepted one.
//! 4. Counters of failures go down by success, unlock and time alone.
//! 5. A store that fails opens nothing.
//! 6. An assertion claims the factors that were shown.
//! 7. What was ended opens nothing from the next request on.
