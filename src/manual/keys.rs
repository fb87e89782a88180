//! Every key there is: who makes it, how long it lives, how it is replaced, kept and destroyed (ASVS V11.1.1).
//!
//! | key | what for | made | lives | replaced | backup | destroyed |
//! |---|---|---|---|---|---|---|
//! | master key, 256 bits, `master.key` | everything below is sealed with or derived from it | at the first start, by the system's random generator | as long as the store | `vestibule store rekey` | by the operator, apart from the store | by the operator, with the store |
//! | store key, AES-256-GCM-SIV | seals every value, bound to its place | derived (HKDF-SHA-256) | as the master key | with the master key | none needed | leaves memory with the process |
//! | form key, HMAC-SHA-256 | form tokens | derived | as the master key | with the master key | none needed | the same |
//! | device key, HMAC-SHA-256 | marks of known browsers; they decide no entry | derived | as the master key | with the master key | none needed | the same |
//! | signing keys, ES256 or EdDSA | assertions | by the gate, when they are needed | 90 days (`identity.rotate_keys`), and some minutes before and after | by the gate, or `vestibule key rotate` | with the store, sealed | 690 seconds after they last signed, or at once by `vestibule key retire` |
//! | authenticator secrets, 160 bits | one-time codes | by the gate, for one account | until reset | `vestibule user reset-2fa` | with the store, sealed | with the enrolment |
//! | TLS keys | none: the proxy in front has them | | | | | |
//!
//! Destroyed means that no row holds it any more. What the disk still has of older writings is sealed; with the
//! master key it could be read, so a disk is given away without `master.key`, or wiped.
//!
//! # The life of a signing key
//!
//! `next` (published, does not sign), `active` (signs), `retired` (published, has signed), gone. Exactly one is active, always. A
//! key's name, `kid`, is the thumbprint of its public half (RFC 7638), so it stays the same wherever it is.
//!
//! | step | waits for | because |
//! |---|---|---|
//! | a successor is published | the age of the active key is `rotate_keys` less ten minutes, `identity.algorithm` is another, or somebody asked | |
//! | it signs | ten minutes after it was published | a verifier and a cache before it may each keep the older set for `max-age=300` |
//! | the old key is removed | 690 seconds after it signed | 300 for the longest assertion, 30 leeway, 300 for a kept set, 60 to be sure |
//!
//! Only time that certainly passed is waited for: since the process started, and since the clock was last set by more than
//! five seconds. So a start or a clock that is set makes a step wait anew, and never hurries one. A gate that is
//! restarted more often than every ten minutes does not rotate.
//!
//! The ring of keys is one record, changed as a whole by compare-and-swap. A kill leaves the ring from before or after a step. What
//! signs and what `/jwks.json` answers change together, so nobody meets a signature whose key is not in the set.
//!
//! # In a hurry
//!
//! `vestibule key rotate --now` lets the successor sign at once. The old key stays published, so nothing that is on its way
//! fails. A verifier that looks for an unknown key, as those in the examples do, notices nothing; one that does not refuses
//! everybody until its key set is too old, five minutes with ours. Eight retired keys are published at most; more hurry is refused.
//!
//! # After a leak
//!
//! `vestibule key retire KID` takes the key out of the set, and statements that it signed are made anew before they are handed out again.
//! Where it was the active one, a fresh key signs at once, and a successor that lay beside it is destroyed with it. A verifier that has
//! the leaked key in its set believes it until the set is too old: five minutes, where `max-age` is honoured. Restart what must forget it at
//! once. Whoever could read the signing keys could read the whole store: change the master key, too, and reset authenticators.
//!
//! A restored backup brings no signing key back: the next start begins a fresh ring, and a verifier that does not look for unknown
//! keys refuses until its set is too old, five minutes with ours. A copy of the data folder from before the leak has the leaked key, as the
//! active one perhaps: after it was put back, retire the key again.
