//! Running it: logs, events, series, signals.
//!
//! # Logs
//!
//! | log | where | form | how long |
//! |---|---|---|---|
//! | program | standard error, so the journal or the container's log | text or JSON (`log.format`), `log.level` | as the journal is set up |
//! | audit | the program log, target `audit`; or `log.audit_file`, mode 0600 | fields of a log record; or one JSON object a line | yours to say: `examples/systemd/logrotate` keeps a year |
//! | access | the program log, target `access`, with `log.access = "on"` | `address account method host path status duration_ms class request_id` | it names people: as short as will do |
//!
//! Times are UTC (RFC 3339). Text and JSON escape control characters, so no value begins a line. No line holds a password, code, token,
//! link or query; of our own pages the access log has the name only, because their addresses can hold a token. What a typed name
//! was is not logged. `duration_ms` ends with the head of the answer.
//!
//! Where the audit file cannot be written, the event goes to the program log, `vestibule_audit_write_failures_total` rises, and sign-ins go
//! on: refusing them would lock out those who could free the disk.
//!
//! # Audit events
//!
//! Each has `time` (in the log: its timestamp), `event`, `address` and `request_id`. The address is the client's: behind a trusted proxy the one
//! that the proxy reports; `command line` for an administrator's commands; `server` for what it did by itself; `unix` for what could not be read from a socket file.
//!
//! | event | when | fields beside those |
//! |---|---|---|
//! | `authn_password_accepted` | The password was right; the second factor is asked for | account |
//! | `authn_login_success` | Both factors were right; or the password, where a `one-factor` rule makes it enough | account, session, factor; or reason `one_factor` |
//! | `authn_login_fail` | A factor was refused | account if there is one, reason |
//! | `authn_login_lock` | Refused without a look, because too much was tried | account, reason `locked` |
//! | `authn_backup_code_used` | A backup code was spent | account |
//! | `authn_token_reuse` | A code was right and had been used before | account, reason `code_replayed` |
//! | `authn_password_change` | Another password was set | account |
//! | `authn_enrolment` | An authenticator was bound | account |
//! | `authn_enrolment_reset` | An authenticator was removed by an administrator | account |
//! | `authn_backup_codes_renewed` | New backup codes replaced the old ones | account |
//! | `invitation_created` | A link was made | account |
//! | `invitation_accepted` | A link was used up | account |
//! | `invitation_fail` | A link was refused |  |
//! | `session_logout` | Its owner ended it | account, session |
//! | `session_revoked` | An administrator ended it, or all of an account | account, session if it was one |
//! | `excess_sessions_exceeded` | The oldest session made room | account, session |
//! | `excess_rate_limit_exceeded` | A rate was exceeded | reason `address`, `account`, `code` |
//! | `sequence_fail` | A step was taken that was not next | reason |
//! | `malicious_csrf` | A form came without its token or from elsewhere | reason `cross_site`, `no_cookie`, `token` |
//! | `input_validation_fail` | A request was malformed | reason: a [`Refusal`](crate::web::request::Refusal) |
//! | `identity_header_spoofed` | A client sent identity headers | reason |
//! | `authz_fail` | A request was refused by a rule | reason |
//! | `user_created` | An account was added | account |
//! | `user_updated` | An account was changed | account |
//! | `user_deleted` | An account was removed | account |
//! | `sys_store_fail` | The store failed or is damaged: nothing is written until it was mended | reason `io`, `damaged`, `invalid` |
//! | `sys_store_healed` | The store was opened again after a failure, and is whole |  |
//! | `sys_backup` | A backup was made and read again |  |
//! | `sys_backup_fail` | A backup could not be made | reason |
//! | `sys_restore` | A backup took the place of the store |  |
//! | `sys_rekey` | The store was sealed under another master key |  |
//! | `key_published` | A signing key is published and will sign | key |
//! | `key_activated` | A signing key signs from now on | key |
//! | `key_retired` | A signing key signs no more and stays published for a while | key |
//! | `key_removed` | A signing key that nothing needs any more was destroyed | key |
//! | `key_revoked` | A signing key was destroyed at once, by an administrator | key |
//! | `sys_clock_set` | The clock of the machine was set, or the machine slept | reason `forward`, `behind`; seconds |
//! | `sys_startup` | The server is up |  |
//! | `sys_shutdown` | The server goes down |  |
//!
//! Reasons of a failed sign-in: [`Rejection`](crate::authn::Rejection).
//!
//! # Series
//!
//! `/metrics` on `ops.listen`: OpenMetrics 1.0 for who asks for it, else the text form 0.0.4. Label values are words of the program's
//! and places in the configuration, so their number is fixed; nothing that a client sends makes a series.
//!
//! | series | labels | what |
//! |---|---|---|
//! | `vestibule_audit_events_total` | `event`, `reason` | every event above |
//! | `vestibule_audit_write_failures_total` | | events that the audit file did not take |
//! | `vestibule_requests_total` | `class`: app, bypassed, challenged, portal, refused, unavailable, unanswered | what became of requests; unanswered: let in, and 502, 503 or 504 by us |
//! | `vestibule_upstream_results_total` | `upstream` (0 is the first), `result`: switched, 2xx … 5xx, unreachable, busy, over-share, timeout, bad-response, body-cut | what the apps answered |
//! | `vestibule_upstream_response_seconds` | `upstream` | until the head of the answer |
//! | `vestibule_tunnels_open` | | WebSockets |
//! | `vestibule_sessions_cached` | | sessions used of late |
//! | `vestibule_limiter_keys` | | addresses and accounts that are remembered |
//! | `vestibule_totp_codes_accepted_total` | `offset`: -1, 0, +1 | steps of right codes: a drift of clocks |
//! | `vestibule_hashing_jobs_running`, `…_waiting`, `…_max` | | the hashing pool |
//! | `vestibule_hashing_wait_seconds`, `vestibule_hashing_duration_seconds`, `vestibule_hashing_refused_total` | | its times, and whom it turned away |
//! | `vestibule_store_write_seconds` | `durability`: synced, relaxed | writes; synced ones end on disk |
//! | `vestibule_store_errors_total` | `operation`: get, swap, scan, ping | what the store could not do |
//! | `vestibule_ready`, `vestibule_time_seconds`, `vestibule_build_info` | | readiness, our clock, the version |
//! | `vestibule_signing_key_created_timestamp_seconds` | | when the key that signs was made |
//! | `vestibule_last_backup_timestamp_seconds` | | when the last backup was begun that the running server made or found in `backup.folder`; absent while it knows of none |
//! | `process_…` | | processor, memory, files, start |
//!
//! # Health and signals
//!
//! `/healthz` is 200 while the process answers. `/readyz` is 503 with the reason while the store fails or the server stops. Neither decides
//! who gets in. `READY=1` goes to systemd once the listeners are open; the watchdog is fed while the reactor runs and the store
//! answers, also with an error: a full disk is not mended by a restart.
//!
//! | signal | does |
//! |---|---|
//! | SIGTERM, SIGINT | readiness red, no new connections, what is under way ends within `proxy.drain_timeout`; the second one ends at once. A backup or a verification that is under way then is broken off. What has not ended 7 s later is left behind, with status 1: a disk may be stuck |
//! | SIGHUP | opens the audit file again |
//!
//! Core files are off, and the process cannot be traced by others of its user (`PR_SET_DUMPABLE`, `RLIMIT_CORE`).
