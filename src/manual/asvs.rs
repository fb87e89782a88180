//! OWASP ASVS 5.0.0, levels 1 and 2: how each requirement is met, or why not.
//!
//! The first column is the requirement's number, the second its level. *Met* says where; *operator* is for whoever runs Vestibule, with
//! what we give them for it; *not yet* is open; *none* means that there is nothing of the kind here. Level 3 is left out. Names in the last
//! column are tests.
//!
//! Chapters without a row: **V5** file handling (nothing is uploaded or served from the disk), **V10** OAuth and OIDC, **V17** WebRTC.
//!
//! # V1 Encoding and sanitization
//!
//! | nr | level | how | held by |
//! |---|---|---|---|
//! | 1.1.1 | 2 | met: forms are decoded once; paths are judged and forwarded as they came | `src/authz/target/tests.rs::what_is_judged_is_what_was_received` |
//! | 1.1.2 | 2 | met: values are stored raw and escaped where they are written | `src/web/page/tests.rs::hostile_values_add_no_tag_and_no_attribute_anywhere` |
//! | 1.2.1 | 1 | met: maud escapes text and attributes; header values are percent-encoded | `src/web/page/tests.rs::hostile_values_add_no_tag_and_no_attribute_anywhere`, `tests/identity.rs::nobody_gets_a_line_of_their_own_into_a_header` |
//! | 1.2.2 | 1 | met: redirects are paths or configured origins | `tests/login/return_to.rs::no_target_leads_to_another_site_or_in_circles` |
//! | 1.2.3 | 1 | met: no script is built from data; JSON by serde | `src/web/page/tests.rs::no_page_has_an_inline_style_an_inline_script_or_a_handler` |
//! | 1.2.4 | 1 | met: keys of the store are typed, with a tag for each tree | `src/store/sealed/tests.rs::a_value_opens_only_in_its_own_row` |
//! | 1.2.5 | 1 | none: no command of the operating system is run | |
//! | 1.2.6 to 1.2.8 | 2 | none: no LDAP, XPath, LaTeX | |
//! | 1.2.9 | 2 | none: no regular expression is made from input | |
//! | 1.3.1, 1.3.4, 1.3.5, 1.3.8, 1.3.9 | 1, 2 | none: no HTML input, SVG upload, scripts, JNDI, memcache | |
//! | 1.3.2 | 1 | none: nothing is evaluated | |
//! | 1.3.3 | 2 | met: names, addresses and groups are bounded and free of control characters | `src/authn/profile/tests.rs::a_display_name_cannot_break_a_line_or_turn_the_text`, `tests/cli/names.rs::hostile_profiles_are_refused` |
//! | 1.3.6 | 2 | met: connections go to configured addresses only | `tests/routes.rs::a_host_that_nobody_configured_gets_nothing` |
//! | 1.3.7 | 2 | met: templates are compiled in | |
//! | 1.3.10 | 2 | met: format strings are literals, as the language demands | |
//! | 1.3.11 | 2 | none: no mail is sent | |
//! | 1.4.1 | 2 | met: unsafe code is forbidden by the compiler | |
//! | 1.4.2 | 2 | met: saturating time, overflow checks in release builds | `src/authn/totp/tests.rs::the_edges_of_time_do_not_panic`, `src/clock.rs::adding_past_the_last_second_saturates` |
//! | 1.4.3 | 2 | met: every cache, queue and table has a bound | |
//! | 1.5.1 | 1 | none: no XML | |
//! | 1.5.2 | 2 | met: stored records have a version and a longest size | `src/store/tests.rs::only_records_of_the_known_version_and_size_are_decoded` |
//!
//! # V2 Validation and business logic
//!
//! | nr | level | how | held by |
//! |---|---|---|---|
//! | 2.1.1 to 2.1.3 | 1, 2 | met: [`inputs`](crate::manual::inputs) and [`throttles`](crate::manual::throttles) | |
//! | 2.2.1 | 1 | met: each field has a type that parses it; unknown and doubled fields are refused | `tests/routes.rs::forms_are_read_within_their_bounds` |
//! | 2.2.2 | 1 | met: on the server alone; pages work without script | `tests/third_party.rs::a_browser_without_script_walks_the_same_way` |
//! | 2.2.3 | 2 | met: a code counts for the account of its sign-in | `tests/login/replay.rs::nobody_uses_the_backup_codes_of_another` |
//! | 2.3.1 | 1 | met: steps in order, state on the server | `tests/routes.rs::every_visitor_gets_what_the_table_says`, `src/login/tests/walk.rs::no_order_of_events_opens_a_session_without_both_factors` |
//! | 2.3.2 | 2 | met: limits of [`throttles`](crate::manual::throttles) | `tests/login/sessions.rs::the_oldest_of_too_many_sessions_ends` |
//! | 2.3.3 | 2 | met: one record, one swap | `src/store/rows/tests.rs::a_record_and_its_index_change_together`, `tests/crash.rs::a_killed_gate_keeps_what_it_acknowledged` |
//! | 2.3.4 | 2 | met: everything that works once is spent by compare-and-swap | `tests/login/replay.rs::one_backup_code_sixty_four_times_opens_one_session`, `tests/login/sequence.rs::an_invitation_is_accepted_once_under_concurrency` |
//! | 2.4.1 | 2 | met: [`throttles`](crate::manual::throttles) | `tests/proxy.rs::signed_in_visitors_do_not_notice_a_flood_of_sign_ins` |
//!
//! # V3 Web frontend
//!
//! | nr | level | how | held by |
//! |---|---|---|---|
//! | 3.2.1 | 1 | met: pages answer navigations only; types are stated, sniffing is off | `tests/routes.rs::scripts_and_frames_of_the_app_load_no_page` |
//! | 3.2.2 | 1 | met: the one script writes text, not markup | `src/web/page/tests.rs::a_script_is_allowed_on_the_two_pages_that_load_it_and_on_no_other` |
//! | 3.3.1 | 1 | met: `Secure` and `__Host-` where `public_url` is https | `tests/login/sessions.rs::cookies_over_tls_are_bound_to_their_host` |
//! | 3.3.2 | 2 | met: `SameSite=Lax` for the session, which links must carry | `tests/login/sessions.rs::cookies_over_tls_are_bound_to_their_host` |
//! | 3.3.3 | 2 | met, unless `session.cookie_domain` shares the session on purpose | `tests/login/sessions.rs::a_shared_sign_in_shares_nothing_else` |
//! | 3.3.4 | 2 | met: `HttpOnly`; the token is in `Set-Cookie` only | `tests/cli/secrets.rs::a_whole_walk_leaves_no_secret_in_any_output` |
//! | 3.4.1 | 1, 2 | operator: the proxy that ends TLS sets HSTS for the whole host; `examples/nginx-tls` and the recipes for nginx, HAProxy and Envoy do. `includeSubDomains` is not ours to decide | |
//! | 3.4.2 | 1 | met: no CORS header but on the public keys | `tests/routes.rs::every_answer_of_ours_is_secure`, `tests/identity.rs::the_public_keys_are_public_and_nothing_else_is` |
//! | 3.4.3 | 2 | met: `default-src 'none'`, nothing `unsafe` | `tests/routes.rs::every_answer_of_ours_is_secure` |
//! | 3.4.4 | 2 | met | `tests/routes.rs::every_answer_of_ours_is_secure` |
//! | 3.4.5 | 2 | met: `same-origin`; with `no-referrer` browsers send `Origin: null` along with our own forms, which would have to be believed then | `tests/routes.rs::every_answer_of_ours_is_secure` |
//! | 3.4.6 | 2 | met: `frame-ancestors 'none'` | `tests/routes.rs::every_answer_of_ours_is_secure` |
//! | 3.5.1 | 1 | met: a signed token for each step, `Origin` and `Sec-Fetch-Site` | `tests/login/third_parties.rs::the_token_of_a_form_is_good_for_its_step_and_its_browser`, `tests/login/third_parties.rs::a_form_of_another_site_signs_nobody_in` |
//! | 3.5.2 | 1 | met: forms have one content type, everything else is 415 | `tests/routes.rs::forms_are_read_within_their_bounds` |
//! | 3.5.3 | 1 | met: changes by POST only; signing out asks first | `tests/login/third_parties.rs::a_form_of_another_site_signs_nobody_out` |
//! | 3.5.4 | 2 | not yet: our pages share the app's origin ([`threats`](crate::manual::threats), boundary 6); a host of their own is planned | |
//! | 3.5.5 | 2 | none: no messages between windows | |
//! | 3.7.1 | 2 | met: plain HTML | |
//! | 3.7.2 | 2 | met: only configured hosts | `tests/login/return_to.rs::no_target_leads_to_another_site_or_in_circles`, `tests/login/return_to.rs::signing_out_leads_to_no_other_site` |
//!
//! # V4 API and web service
//!
//! | nr | level | how | held by |
//! |---|---|---|---|
//! | 4.1.1 | 1 | met: every answer of ours has its type and charset | `tests/routes.rs::every_answer_of_ours_is_secure` |
//! | 4.1.2 | 2 | met: programs are told 401, only navigations are redirected | `tests/proxy.rs::a_navigation_is_led_to_the_login_and_a_program_is_told` |
//! | 4.1.3 | 2 | met: forwarding and identity headers are removed in every spelling | `src/web/upstream/headers/tests.rs::what_we_set_or_what_renames_the_target_passes_from_nobody`, `tests/identity.rs::forged_identities_never_arrive` |
//! | 4.2.1 | 2 | met: one framing per message, stricter than asked: a length beside chunks is refused | `src/server/tests/framing.rs::the_app_sees_one_well_formed_request_or_none`, `src/server/tests/proxying.rs::answers_that_can_be_read_in_two_ways_are_502` |
//! | 4.3.1, 4.3.2 | 2 | none: no GraphQL | |
//! | 4.4.1 | 1 | operator: the proxy in front ends TLS for WebSockets too | |
//! | 4.4.2 | 2 | met: a foreign `Origin` opens none | `src/server/tests/tunnels.rs::pages_of_other_origins_open_nothing` |
//! | 4.4.3, 4.4.4 | 2 | met: the handshake is judged by the session, the tunnel ends with it | `tests/proxy.rs::a_handshake_of_nobody_is_told_so`, `tests/proxy.rs::an_open_web_socket_ends_with_its_session` |
//!
//! # V6 Authentication
//!
//! | nr | level | how | held by |
//! |---|---|---|---|
//! | 6.1.1 | 1 | met: [`throttles`](crate::manual::throttles), with what keeps owners from being locked out | |
//! | 6.1.2 | 2 | met: title, issuer, host, user name, display name and address ([`policy`](crate::authn::password::policy)) | `src/authn/password/policy/tests.rs::words_of_the_context_are_refused_as_a_whole` |
//! | 6.1.3 | 2 | met: [`pathways`](crate::manual::pathways) | |
//! | 6.2.1 | 1 | met: 12 by default, never under 8 | `src/authn/password/policy/tests.rs::lengths_are_counted_in_code_points` |
//! | 6.2.2, 6.2.3 | 1 | not yet: an administrator changes a password (`user passwd`, a new link); changing one's own is planned | |
//! | 6.2.4 | 1 | met: 32 000 common ones are refused, with the reason | `src/authn/password/policy/tests.rs::common_passwords_are_refused_in_any_case_and_width` |
//! | 6.2.5 | 1 | met | `src/authn/password/policy/tests.rs::there_are_no_composition_rules` |
//! | 6.2.6, 6.2.7 | 1 | met: password fields, with the completion that managers know; pasting is free | `src/web/page/tests.rs::fields_have_the_names_and_the_completion_that_browsers_and_programs_rely_on` |
//! | 6.2.8 | 1 | met: as typed, in NFC (NIST SP 800-63B-4, 3.1.1.2) | `src/authn/password/tests.rs::a_password_is_compared_as_it_was_typed`, `src/authn/password/tests.rs::composed_and_decomposed_input_is_one_password` |
//! | 6.2.9 | 2 | met: 256 code points | `src/authn/password/tests.rs::a_password_has_at_most_1024_bytes_and_256_code_points` |
//! | 6.2.10 | 2 | met: passwords do not age | |
//! | 6.2.11 | 2 | met: the words of 6.1.2 | `src/authn/password/policy/tests.rs::words_of_the_context_are_refused_as_a_whole` |
//! | 6.2.12 | 2 | not yet: breached passwords beyond the common ones are not known here | |
//! | 6.3.1 | 1 | met | `tests/login/guessing.rs::five_tries_make_a_name_wait_whether_or_not_anybody_has_it` |
//! | 6.3.2 | 1 | met: no account but the one whose link the console shows | `tests/cli/serve.rs::an_empty_store_gets_a_first_administrator_once` |
//! | 6.3.3 | 2 | met: two factors everywhere but in `bypass` rules | `tests/login/sequence.rs::half_a_sign_in_opens_nothing` |
//! | 6.3.4 | 2 | met: [`pathways`](crate::manual::pathways) names them all | `tests/routes.rs::the_table_lists_every_page` |
//! | 6.4.1 | 1 | met: links of 256 random bits, one use; 72 hours by default, for they may travel by mail (`invitation.lifetime`) | `tests/login/sequence.rs::an_invitation_is_accepted_once_under_concurrency` |
//! | 6.4.2 | 1 | met: no hints, no questions | |
//! | 6.4.3 | 2 | met: a new password opens nothing without the authenticator | `tests/login/sequence.rs::a_password_alone_binds_no_authenticator` |
//! | 6.4.4 | 2 | operator: `reset-2fa` and a new link, after looking who asks | |
//! | 6.5.1 | 2 | met: codes, backup codes and links work once | `tests/login/replay.rs::what_is_spent_stays_spent_after_a_power_cut_and_a_restart` |
//! | 6.5.2 | 2 | met: backup codes are hashed with Argon2id and a salt of 128 bits | |
//! | 6.5.3, 6.5.4 | 2 | met: the provider's generator; 60 bits for a backup code, 160 for a secret | |
//! | 6.5.5 | 2 | met: 30 seconds, with a step to either side for slow clocks (RFC 6238, 5.2); `totp.skew = 0` takes it away | `src/authn/totp/tests.rs::one_step_before_and_after_are_accepted_and_two_are_not` |
//! | 6.6.1 | 2 | none: no SMS | |
//! | 6.6.2 | 2 | met: a code belongs to its sign-in's account | `tests/login/replay.rs::nobody_uses_the_backup_codes_of_another` |
//! | 6.6.3 | 2 | met | `tests/login/sequence.rs::five_wrong_codes_end_a_login`, `tests/login/guessing.rs::ten_codes_of_an_account_are_looked_at_in_an_hour_over_all_logins` |
//! | 6.8.1 to 6.8.4 | 2 | none: no identity provider | |
//!
//! # V7 Sessions
//!
//! | nr | level | how | held by |
//! |---|---|---|---|
//! | 7.1.1 to 7.1.3 | 2 | met: [`pathways`](crate::manual::pathways) | |
//! | 7.2.1 | 1 | met: every request is judged here | `tests/login/sessions.rs::a_signed_out_session_stays_out` |
//! | 7.2.2, 7.2.3 | 1 | met: reference tokens of 256 random bits; the store has digests | `src/store/data_folder/tests.rs::nothing_on_disk_shows_what_was_stored` |
//! | 7.2.4 | 1 | met: a fresh token at each step | `tests/login/sequence.rs::the_old_cookie_is_dead_after_each_step` |
//! | 7.3.1, 7.3.2 | 2 | met: one hour and one day | `src/authn/session/tests.rs::a_session_lives_an_idle_hour_less_a_second`, `src/authn/session/tests.rs::activity_never_extends_the_whole_life` |
//! | 7.4.1 | 1 | met: ended in the store before the answer | `tests/login/sessions.rs::a_signed_out_session_stays_out` |
//! | 7.4.2 | 1 | met | `tests/login/names.rs::a_disabled_user_gets_in_by_no_door`, `tests/cli/sessions.rs::commands_that_end_sessions_end_them_at_once` |
//! | 7.4.3 | 2 | met: a new password or authenticator ends all others | `tests/login/sessions.rs::a_new_password_ends_the_sessions_and_logins_of_the_old_one` |
//! | 7.4.4 | 2 | met on our pages; operator: a link to `/_vestibule/logout` in the app | |
//! | 7.4.5 | 2 | met: `session revoke`, `user sign-out` | `tests/cli/sessions.rs::sessions_are_listed_without_their_tokens_and_end_when_revoked` |
//! | 7.5.1 | 2 | none yet: nothing about an account can be changed by its session | |
//! | 7.5.2 | 2 | not yet: administrators see and end sessions; owners cannot yet see theirs | |
//! | 7.6.1 | 2 | none: no federation | |
//! | 7.6.2 | 2 | met: a session begins with a form that its owner sends | `tests/login/sequence.rs::looking_at_an_invitation_uses_nothing_up` |
//!
//! # V8 Authorization
//!
//! | nr | level | how | held by |
//! |---|---|---|---|
//! | 8.1.1, 8.1.2 | 1, 2 | met: rules by host, path, method, network, group and user; profile and groups by administrators only | `src/authz/rule/tests.rs::whoever_is_not_named_goes_on_to_the_next_rule` |
//! | 8.2.1 | 1 | met: what no rule opens needs two factors | `src/authz/rule/tests.rs::no_rule_means_two_factors` |
//! | 8.2.2 | 1 | met: a session reaches its own account only | `tests/login/sessions.rs::a_session_is_taken_from_its_cookie_alone` |
//! | 8.2.3 | 2 | met: unknown fields are refused | `tests/routes.rs::forms_are_read_within_their_bounds` |
//! | 8.3.1 | 1 | met: on the server alone | |
//! | 8.4.1 | 2 | none: one gate, one audience | |
//!
//! # V9 Self-contained tokens
//!
//! | nr | level | how | held by |
//! |---|---|---|---|
//! | 9.1.1 | 1 | met: signed; the example verifies first | `tests/identity.rs::an_assertion_says_everything_and_verifies_with_es256` |
//! | 9.1.2 | 1 | met: a key has one algorithm | `tests/identity.rs::an_assertion_says_everything_and_verifies_with_eddsa` |
//! | 9.1.3 | 1 | met: `alg`, `kid`, `typ` and nothing else in the header; keys come from our address | `tests/identity.rs::an_assertion_says_everything_and_verifies_with_es256` |
//! | 9.2.1 | 1 | met: `iat`, `nbf`, `exp`; one minute | `tests/identity.rs::an_assertion_is_renewed_before_it_expires` |
//! | 9.2.2 | 2 | met: the gate signs nothing else, and takes no assertion as a credential | `tests/login/sessions.rs::a_session_is_taken_from_its_cookie_alone` |
//! | 9.2.3, 9.2.4 | 2 | met: one audience (`identity.audience`), which the example checks | `tests/identity.rs::the_app_reads_who_is_there` |
//!
//! # V11 Cryptography
//!
//! | nr | level | how | held by |
//! |---|---|---|---|
//! | 11.1.1, 11.1.2 | 2 | met: [`keys`](crate::manual::keys) | |
//! | 11.2.1 | 2 | met: aws-lc-rs, and argon2 and totp-rs for what it has not | |
//! | 11.2.2 | 2 | met: sealed values and records carry a version, hashes their parameters, keys their id | `src/authn/password/tests.rs::a_hash_with_other_parameters_than_the_decoy_needs_a_rehash` |
//! | 11.2.3 | 2 | met: 128 bits or more; HMAC-SHA-1 in codes for the sake of authenticator apps | |
//! | 11.3.1, 11.3.2 | 1 | met: AES-256-GCM-SIV (RFC 8452) only | |
//! | 11.3.3 | 2 | met: a value is bound to its place | `src/store/sealed/tests.rs::a_value_opens_only_in_its_own_row` |
//! | 11.4.1 | 1 | met: SHA-256, SHA-512; SHA-1 inside HMAC only | |
//! | 11.4.2 | 2 | met: Argon2id, 19 MiB, 2 passes | `src/authn/password/tests.rs::parameters_have_bounds` |
//! | 11.4.3 | 2 | met: SHA-256 and HMAC | |
//! | 11.4.4 | 2 | none: no key is made from a password | |
//! | 11.5.1 | 2 | met: 128 bits or more, but for what people type | |
//! | 11.6.1 | 2 | met: keys are made by the provider | |
//!
//! # V12 Communication
//!
//! | nr | level | how | held by |
//! |---|---|---|---|
//! | 12.1.1 to 12.1.3 | 1, 2 | operator: the proxy in front ends TLS | |
//! | 12.2.1 | 1 | met: where `public_url` is https, no password is taken over http | `tests/login/third_parties.rs::no_password_is_taken_over_plain_http_where_tls_is_meant` |
//! | 12.2.2 | 1 | operator: the certificate | |
//! | 12.3.1 to 12.3.4 | 2 | not yet: the app is reached over http or a Unix socket; on another machine that needs a network of its own | |
//!
//! # V13 Configuration
//!
//! | nr | level | how | held by |
//! |---|---|---|---|
//! | 13.1.1 | 2 | met: connections go to the apps of `[[upstream]]`; listeners are `listen`, `ops.listen` and the admin socket | |
//! | 13.2.1 | 2 | met: the admin socket asks for the peer's user id | `tests/cli/socket.rs::another_user_gets_no_answer` |
//! | 13.2.2 | 2 | met: not root, read-only root, no capabilities, in the image and in the unit | |
//! | 13.2.3 | 2 | met: there are no default credentials | `tests/cli/serve.rs::an_empty_store_gets_a_first_administrator_once` |
//! | 13.2.4, 13.2.5 | 2 | met: configured addresses only | `tests/routes.rs::a_host_that_nobody_configured_gets_nothing` |
//! | 13.3.1 | 2 | met: the master key is in a file of the operator's choice | |
//! | 13.3.2 | 2 | met: a key file that others can read stops the start | `src/config/tests.rs::a_key_file_that_others_can_read_is_refused_with_the_command_that_helps` |
//! | 13.4.1 to 13.4.3 | 1, 2 | met: nothing is served from the disk; no debug page | `tests/routes.rs::every_visitor_gets_what_the_table_says` |
//! | 13.4.4 | 2 | met | `tests/routes.rs::trace_and_connect_go_nowhere` |
//! | 13.4.5 | 2 | met: probes and metrics have a listener of their own | `tests/routes.rs::probes_are_not_answered_in_public` |
//!
//! # V14 Data protection
//!
//! | nr | level | how | held by |
//! |---|---|---|---|
//! | 14.1.1, 14.1.2 | 2 | met: [`threats`](crate::manual::threats), assets | |
//! | 14.2.1 | 1 | met: no secret in an URL but the invitation's, which works once | `tests/cli/secrets.rs::a_whole_walk_leaves_no_secret_in_any_output` |
//! | 14.2.2 | 2 | met: `no-store` on everything of ours, `private` on the app's answers to those who signed in | `tests/routes.rs::every_answer_of_ours_is_secure`, `tests/personal.rs::shared_caches_keep_nothing_that_is_for_a_visitor` |
//! | 14.2.3 | 2 | met: nothing is loaded from elsewhere | `src/web/page/tests.rs::no_page_has_an_inline_style_an_inline_script_or_a_handler` |
//! | 14.2.4 | 2 | met | `src/store/data_folder/tests.rs::nothing_on_disk_shows_what_was_stored` |
//! | 14.2.8 | 2 | none: no files | |
//! | 14.3.1 | 1 | not met on purpose: `Clear-Site-Data` would wipe the app's storage on the shared origin; our pages keep nothing in the browser but cookies | |
//! | 14.3.2 | 2 | met: `no-store` | `tests/routes.rs::every_answer_of_ours_is_secure` |
//! | 14.3.3 | 2 | met: cookies only | |
//!
//! # V15 Secure coding
//!
//! | nr | level | how | held by |
//! |---|---|---|---|
//! | 15.1.1 | 1 | met: `.github/SECURITY.md` has the times | |
//! | 15.1.2 | 2 | met: `Cargo.lock`, crates.io only (`deny.toml`) | |
//! | 15.1.3 | 2 | met: hashing, [`throttles`](crate::manual::throttles) | `src/hashing/tests.rs::a_full_queue_is_busy_at_once_and_the_waiting_get_their_turn` |
//! | 15.2.1 | 1 | met: `deny.toml` for `cargo deny` | |
//! | 15.2.2 | 2 | met: a bounded pool and queue | `tests/proxy.rs::signed_in_visitors_do_not_notice_a_flood_of_sign_ins` |
//! | 15.2.3 | 2 | met: the image has one program | |
//! | 15.3.1 | 1 | met: answers are made of types for them | |
//! | 15.3.2 | 2 | met: redirects of the app are passed on, not followed | |
//! | 15.3.3 | 2 | met: unknown fields are refused | `tests/routes.rs::forms_are_read_within_their_bounds` |
//! | 15.3.4 | 2 | met: the client's address comes from trusted proxies only | `src/web/request/tests.rs::only_a_trusted_proxy_is_believed` |
//! | 15.3.5 | 2 | met: ids, tokens, steps and digests are types | |
//! | 15.3.6 | 2 | none: no JavaScript on the server | |
//! | 15.3.7 | 2 | met: doubled fields and cookies count as none | `tests/login/sessions.rs::only_the_exact_cookie_once_is_a_session`, `tests/routes.rs::forms_are_read_within_their_bounds` |
//!
//! # V16 Logging and errors
//!
//! | nr | level | how | held by |
//! |---|---|---|---|
//! | 16.1.1 | 2 | met: [`operations`](crate::manual::operations) | |
//! | 16.2.1, 16.2.2 | 2 | met: UTC, event, account, address, request id, reason | `src/audit.rs::a_line_is_one_line_whatever_the_values_hold` |
//! | 16.2.3 | 2 | met: the log and the audit file | |
//! | 16.2.4 | 2 | met: JSON lines with the names of the OWASP vocabulary | |
//! | 16.2.5 | 2 | met | `tests/cli/secrets.rs::a_whole_walk_leaves_no_secret_in_any_output` |
//! | 16.3.1 to 16.3.4 | 2 | met: sign-ins, refusals, bypass attempts, failures of store and app | |
//! | 16.4.1 | 2 | met | `src/audit.rs::a_line_is_one_line_whatever_the_values_hold` |
//! | 16.4.2 | 2 | met: the audit file is 0600 and only appended to; shipping it elsewhere is the operator's | `src/audit.rs::a_file_is_appended_to_and_readable_by_its_owner_alone` |
//! | 16.4.3 | 2 | operator: journald or a shipper takes the log from standard error or the file | |
//! | 16.5.1 | 2 | met: a page with a request id, nothing of the inside | `tests/proxy.rs::an_app_that_is_away_is_said_to_be_away_and_no_more` |
//! | 16.5.2, 16.5.3 | 2 | met: no store, no entry | |
