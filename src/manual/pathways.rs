//! Every way to a session, how strong it is, and how sessions end.
//!
//! # Ways in
//!
//! | way | what has to be shown | strength |
//! |---|---|---|
//! | password and authenticator | something known, something held; the code works once | two factors, `amr` `["pwd","otp","mfa"]` |
//! | password and backup code | something known, a list that is held; the code works once | the same |
//! | invitation | a link (256 random bits, 72 hours, one use), then a new password and a first code | as strong as the way that the link travelled |
//! | first sign-in, with `totp.enrolment = "first-sign-in"` | a password that an administrator set, then a first code | one factor, once: whoever has that password first, enrols |
//! | `vestibule user passwd` and `reset-2fa` | the right to open the admin socket | that of the operating system; ends all sessions |
//! | the first administrator | the link that the first start prints | that of whoever reads the server's output |
//!
//! | password alone, on the way to what a `one-factor` rule opens | something known | one factor, `amr` `["pwd"]`, `acr` `urn:vestibule:one-factor` |
//! | a code for a live session (step-up) | the session, then something held | two factors, as above; the session keeps its beginning |
//!
//! There is no other: no recovery by mail, no question, no remembered second factor. The mark of a known browser is
//! no factor; it only decides whose counter a wrong password goes to. An authenticator is never replaced by a password
//! alone, and an invitation cannot be made for an account that has one.
//!
//! All of them but the password alone end in a session of both factors, `acr` `urn:vestibule:two-factor`. A password alone is enough only where a
//! rule says so, and only if that is where the visitor was going; in front of everything else it is asked for a code. Where
//! everybody may pass it names nobody: an app there could take a name for both factors.
//!
//! A step-up raises a session that is alive in the same browser when the code arrives: whoever signed out, or was signed out, meanwhile
//! has ended it too. Its token is new, the old one dead. `max_age` counts from the newest code.
//!
//! # Steps
//!
//! A login under way has a token of its own, a new one at every step, and the old one is dead at once. Between password and code it lives
//! for [5 minutes](crate::authn::session::FIRST_FACTOR_LIFETIME) and [5 tries](crate::authn::session::TRIES); an enrolment for
//! [30 minutes](crate::authn::session::ENROLMENT_LIFETIME), of which a shown secret waits for
//! [10](crate::authn::enrolment::PENDING_LIFETIME). None of these is a session, and none of them opens the app.
//!
//! # How sessions end
//!
//! | | default | may be set to | why |
//! |---|---|---|---|
//! | not used for (`session.idle`) | 1 hour | 1 minute to 365 days; a warning above 1 hour | NIST SP 800-63B-4, 2.2.3 |
//! | in all (`session.lifetime`) | 24 hours | 1 minute to 365 days; a warning above 24 hours | the same |
//! | at once for one account (`session.max_per_user`) | 20 | 1 to 1000 | the least recently used one makes room, one of a password alone first; a password alone ends none of both factors |
//!
//! Whoever knows the password alone cannot throw the owner out, not even with `max_per_user = 1`: while all sessions of the account are of
//! both factors, one of a password alone stands beside them, and the next such takes its place
//! ([`room`](crate::authn::session::room)).
//!
//! A session also ends by signing out, `session revoke`, and with all others of its account by a new password, `disable`,
//! `reset-2fa`, `sign-out` and `remove`. Each holds from the next request on; an open WebSocket closes within two seconds, and an answer that
//! does not say how long it is (an event stream) with the next piece after them. The cookie has
//! no date, so it goes with the browser.
//!
//! Requests are use, what flows through an open WebSocket or an event stream is not: it ends when the session has been idle for its hour.
//! An answer that says how long it is is sent to its end. An export of an hour should do that, or be fetched in the background.
//! Where another proxy asks, it alone knows what is open: there a stream lasts until the app or that proxy ends it.
//!
//! The app may keep a session of its own, which Vestibule cannot end: apps should ask on every request, by the header, or keep their own
//! session shorter. An assertion that was handed out stays valid for up to a minute after a sign-out (`identity.lifetime`).
