//! Everything that slows an attacker down, with its number.
//!
//! Limits that refill are counted in memory over a fixed number of slots (`throttle.max_keys`, 200 000 for each): a flood of addresses
//! or names costs no more memory than that, and what shares a slot is only refused sooner. Known browsers have slots that no
//! stranger can fill. All of them begin anew with the process. What is counted in the account survives a restart. A refused try is
//! answered 429 with `Retry-After` and is not hashed. A wrong password and a wrong code are counted on disk before they are answered, and the
//! answer leaves when it is three times as old as one hash takes (50 ms to 1 s): what was looked up and written shows in no time.
//!
//! # Sign-in
//!
//! | limit | default | key | kept |
//! |---|---|---|---|
//! | tries by unknown browsers from one address (IPv6: one /64), new passwords of invitations included | 20 at once, one more every 3 s | `throttle.logins_per_minute` | memory |
//! | the same over an hour | 100 at once, one more every 36 s | `throttle.logins_per_hour` | memory |
//! | both of one network (IPv4: one /24, IPv6: one /48) | ten times as many | the same | memory |
//! | passwords for one name, existing or not, from unknown browsers together | 5 at once, one more every 30 s | `throttle.free_attempts`, `throttle.delay` | memory |
//! | the same from browsers that have signed in to it before | 5 at once, one more every 30 s | the same | memory |
//! | wrong passwords in a row from unknown browsers; then only known ones may try | 100 | `throttle.max_failures` | account |
//! | codes in one login | 5 tries in 5 minutes | fixed | store |
//! | authenticator codes for one account | 10 at once, one more every 6 minutes | `throttle.codes_per_hour` | memory |
//! | backup codes for one account | 5 at once, one more every 12 minutes | `throttle.backup_codes_per_hour` | memory |
//! | step-ups that one account begins, each with a first code: a row of the store | 30 at once, one more every 2 s | fixed | memory |
//! | wrong codes in a row; then none is accepted until `user unlock` or `user reset-2fa` | 20 | `throttle.max_code_failures` | account |
//! | first codes for one shown secret | 10 in 10 minutes | fixed | account |
//!
//! Somebody who *has* the password can try 20 codes before the authenticator is locked. Three of a million are accepted at any time, so
//! one of them is right with a chance of 6 in 100 000; a sign-in of the owner with the authenticator in between starts the
//! count anew, at ten more tries an hour. A lock stops backup codes as well.
//!
//! # Who can be kept out
//!
//! All clients whose address the proxy in front does not say (`::`, see [`http`](crate::manual::http)) are one address and one network.
//! A stranger who knows a name can use up what unknown browsers are granted for it, and one behind the same address what that address is
//! granted. The owner signs in from a browser that did so in the last 90 days (`session.device_lifetime`) as if nothing
//! happened: it is counted for its account alone. Codes are tried only after the right password, so a stranger without it
//! cannot lock an authenticator. A locked account looks like a wrong password.
//!
//! # Work
//!
//! | limit | default | key |
//! |---|---|---|
//! | hashes at once | the number of cores, at most 4 | `password.hashing_threads` |
//! | waiting for one; the next gets 503 with `Retry-After: 5` | 64, for at most 2 s | `password.hashing_queue` |
//! | memory of all of them | 19 MiB each | `password.memory` |
//! | connections | 10 000 | `proxy.max_connections`; see [`limits`](crate::manual::limits) |
//!
//! Signed-in requests need none of this and go on during a flood of sign-ins: threads that hash have a lower priority than those that
//! serve requests, where the system lets them step aside.
