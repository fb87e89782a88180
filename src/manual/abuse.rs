//! The register of abuse: what is tried, what happens, and the test that shows it.
//!
//! The first column is a number to talk about, which never changes. The last one names tests, by file and function, or says why there
//! is none; `tests/papers.rs` holds that every test named in the manual exists. Numbers that are missing are about things
//! that Vestibule does not have; they stand at the end.
//!
//! # Steps out of order, and enrolment
//!
//! | id | what is tried | what happens | shown by |
//! |---|---|---|---|
//! | X-001 | a code without a password before it | 403, nothing is begun, `sequence_fail` is recorded | `tests/login/sequence.rs::a_code_without_a_password_leads_nowhere` |
//! | X-002 | the app with half a sign-in | as a stranger | `tests/login/sequence.rs::half_a_sign_in_opens_nothing` |
//! | X-003 | the code of one person in the login of another, in a browser that holds a third session | counts for whoever gave the password; the old session ends with the sign-in | `tests/login/sequence.rs::a_code_counts_for_whoever_gave_the_password_and_ends_the_old_session` |
//! | X-004 | a login again, after its success or five wrong codes | it is over; the cookie is taken back | `tests/login/sequence.rs::a_login_is_used_up_by_its_success`, `tests/login/sequence.rs::five_wrong_codes_end_a_login` |
//! | X-005 | a stolen password of somebody without an authenticator, to bind one | refused like a wrong one; with `first-sign-in` a documented risk ([`pathways`](crate::manual::pathways)) | `tests/login/sequence.rs::a_password_alone_binds_no_authenticator` |
//! | X-006 | one invitation in two browsers | the first form uses it up; the other is told that the link does not work | `tests/login/sequence.rs::an_invitation_is_accepted_once_under_concurrency` |
//! | X-007 | a scanner of mails that follows the link | nothing is used up | `tests/login/sequence.rs::looking_at_an_invitation_uses_nothing_up` |
//! | X-008 | a shown secret, left for too long | dead after ten minutes, and never shown again | `src/authn/enrolment.rs::a_pending_enrolment_dies_after_ten_minutes` |
//! | X-009 | two enrolments at once, by two people who have the password | the newer secret counts, and only whoever began it sees it | `tests/login/sequence.rs::of_two_enrolments_at_once_the_newer_counts` |
//! | X-009b | guessing at a shown secret | dropped after ten tries | `tests/login/sequence.rs::ten_wrong_codes_drop_a_shown_secret` |
//! | X-009c | a form that brings a secret along | 400: there is no such field | `tests/login/sequence.rs::nobody_brings_a_secret_along` |
//! | – | an older cookie of a login, at any step | dead since its successor was issued | `tests/login/sequence.rs::the_old_cookie_is_dead_after_each_step`, `tests/login/sequence.rs::an_invitation_ends_the_login_that_was_under_way` |
//!
//! # The same proof twice
//!
//! | id | what is tried | what happens | shown by |
//! |---|---|---|---|
//! | X-010 | a code again | refused in the words of a wrong one; `authn_token_reuse` is recorded | `tests/login/replay.rs::a_code_is_accepted_once` |
//! | X-011 | one code many times at once, in one login and in many | one session | `tests/login/replay.rs::one_code_sixty_four_times_in_one_login_opens_one_session`, `tests/login/replay.rs::one_code_sixty_four_times_in_sixteen_logins_opens_one_session` |
//! | X-012 | the code of an earlier step | refused | `tests/login/replay.rs::a_code_of_an_earlier_step_is_refused_after_a_later_one` |
//! | X-014 | one backup code many times at once | one session, one code less | `tests/login/replay.rs::one_backup_code_sixty_four_times_opens_one_session` |
//! | X-015 | somebody else's backup code | refused, and not spent | `tests/login/replay.rs::nobody_uses_the_backup_codes_of_another` |
//! | X-016 | a backup code in lower case, with spaces, O for 0 | accepted, once under all spellings | `tests/login/replay.rs::a_backup_code_is_read_as_people_write_it` |
//! | X-017 | the last backup codes | signed in, and led to the account, which says so | `tests/login/replay.rs::few_codes_left_lead_to_the_account_only_when_one_was_spent` |
//! | X-018 | renewing the backup codes: twice at once, and while an old one is on its way | the codes that are shown are the ones that work; older ones are dead | `tests/login/replay.rs::of_many_renewals_at_once_the_codes_that_are_shown_are_the_ones_that_work`, `src/authn/backup_code.rs::a_code_of_an_older_set_is_refused` |
//! | X-019a | a power cut right after the answer | what was spent stays spent | `tests/login/replay.rs::what_is_spent_stays_spent_after_a_power_cut_and_a_restart`, `tests/crash.rs::a_killed_gate_keeps_what_it_acknowledged` |
//! | X-019b | a form token after its step | 403 | `tests/login/third_parties.rs::the_token_of_a_form_is_good_for_its_step_and_its_browser` |
//!
//! # Guessing and floods
//!
//! | id | what is tried | what happens | shown by |
//! |---|---|---|---|
//! | X-020, X-021 | many passwords for one name, the right one among them | 429 without a hash after five, the same for the right one | `tests/login/guessing.rs::five_tries_make_a_name_wait_whether_or_not_anybody_has_it` |
//! | X-022 | many codes at once, in one login and in many | five of a login and ten of an account are looked at | `tests/login/guessing.rs::five_guesses_at_a_login_are_looked_at_however_many_come_at_once`, `tests/login/guessing.rs::ten_codes_of_an_account_are_looked_at_in_an_hour_over_all_logins` |
//! | X-023 | one password for many names from one network | as many as an address and its network are granted | `tests/login/guessing.rs::an_address_tries_as_many_names_as_it_may_whatever_it_claims_to_be`, `tests/login/guessing.rs::many_addresses_of_one_network_are_ten_together` |
//! | X-024 | a botnet against one name | five passwords and two a minute; a known browser gets in | `tests/flood.rs::a_botnet_costs_no_memory_and_does_not_keep_the_owner_out` |
//! | X-025 | keeping somebody locked out | known browsers are counted apart, also from the address that the stranger shares; without one the owner waits: [`throttles`](crate::manual::throttles) | `tests/login/guessing.rs::a_hundred_wrong_passwords_leave_the_owners_browser_alone`, `tests/login/guessing.rs::strangers_behind_the_same_address_do_not_keep_a_known_browser_out` |
//! | X-026 | spellings of a name | one counter | `tests/login/guessing.rs::every_spelling_of_a_name_shares_its_counter` |
//! | X-027 | names that nobody has | the same limits, words and time; nothing is stored | `tests/login/guessing.rs::nobody_learns_whose_name_exists_and_how_it_stands` |
//! | X-028 | addresses of one IPv6 /64, or of one /48 | one client; one network | `tests/login/guessing.rs::behind_a_trusted_proxy_each_network_counts_for_itself`, `tests/login/guessing.rs::many_addresses_of_one_network_are_ten_together` |
//! | X-029 | another `X-Forwarded-For` each time | not believed | `tests/login/guessing.rs::an_address_tries_as_many_names_as_it_may_whatever_it_claims_to_be` |
//! | X-030 | ten million keys | no more slots than configured; strangers are refused sooner | `src/rate_limit.rs::ten_million_keys_are_refused_sooner_and_remembered_never` |
//! | X-031 | hundreds of sign-ins at once | a bounded pool, then 503; signed-in visitors notice nothing | `tests/proxy.rs::signed_in_visitors_do_not_notice_a_flood_of_sign_ins`, `src/hashing/tests.rs::a_full_queue_is_busy_at_once_and_the_waiting_get_their_turn` |
//! | X-032 | a password of a megabyte, one of 1025 bytes | 413; like a wrong one, not hashed | `tests/login/guessing.rs::an_endless_password_is_not_hashed` |
//! | X-033 | 8 KiB of cookie, 200 of them, 50 of ours | read; read; none of the 50 counts | `tests/login/guessing.rs::cookies_are_read_within_their_bounds` |
//! | X-034 | the login page, over and over | nothing is kept for it; there is no limit on reading it | `tests/flood.rs::a_botnet_costs_no_memory_and_does_not_keep_the_owner_out` |
//! | X-035 | thousands of sessions for one user | twenty, the least recently used makes room | `tests/login/sessions.rs::no_number_of_sign_ins_at_once_makes_too_many_sessions`, `tests/login/sessions.rs::the_oldest_of_too_many_sessions_ends` |
//! | X-036 | the public keys, over and over | bytes from memory, cacheable | `tests/identity.rs::unchanged_keys_are_not_sent_again` |
//! | X-037 | too many groups for a header | refused when they are set | `tests/identity.rs::too_many_groups_are_refused_and_never_cut` |
//! | X-039 | pages that cost work, unauthenticated | they need the step before | `tests/routes.rs::every_visitor_gets_what_the_table_says` |
//! | X-127 | the time of a known browser's path | the mark is checked by its MAC before anything is looked up | `src/login/device.rs::a_mark_with_one_other_bit_is_none` |
//! | – | the time of a refusal, to learn how an account stands | every refusal leaves at the same age; nothing to measure in 500 samples of each | `src/login/tests.rs::every_refusal_is_of_one_age_when_it_leaves`, `tests/timing/main.rs::a_refused_password_takes_as_long_whoever_has_the_name`, `tests/timing/main.rs::a_refused_code_takes_as_long_however_the_account_stands`, `tests/timing/main.rs::a_refused_backup_code_takes_as_long_however_the_account_stands` |
//! | – | going away before a wrong password is answered | counted all the same | `src/login/tests.rs::a_wrong_password_is_counted_when_its_answer_comes` |
//! | – | the work of a refusal | one hash for each, whoever is meant | `src/login/tests.rs::every_attempt_waits_for_a_hash_whoever_is_meant` |
//!
//! # Targets, forms, cookies, sessions
//!
//! | id | what is tried | what happens | shown by |
//! |---|---|---|---|
//! | X-040, X-043 | `rd` to another site in a thousand spellings, or over plain HTTP | `/` | `tests/login/return_to.rs::a_thousand_ways_to_write_another_site_lead_home`, `tests/login/return_to.rs::no_target_leads_to_another_site_or_in_circles` |
//! | X-041 | `rd` to our own pages | `/` | `tests/login/return_to.rs::no_target_leads_to_another_site_or_in_circles` |
//! | X-042 | a redirect of the app to another site | goes on as the app sent it: it is the app's | `src/web/upstream/headers/tests.rs::an_apps_response_keeps_its_own_and_loses_ours` |
//! | X-044 | a form without token, with an old or a foreign one | 403; `malicious_csrf` is recorded | `tests/login/third_parties.rs::the_token_of_a_form_is_good_for_its_step_and_its_browser` |
//! | X-045 | signing the victim in as the attacker | refused by `Origin` and `Sec-Fetch-Site`, also with a planted cookie | `tests/login/third_parties.rs::a_form_of_another_site_signs_nobody_in` |
//! | X-046 | signing somebody out from elsewhere | refused | `tests/login/third_parties.rs::a_form_of_another_site_signs_nobody_out`, `tests/login/third_parties.rs::signing_out_asks_first` |
//! | X-047, X-139 | every combination of `Sec-Fetch-Site`, `-Mode` and `-Dest`, and `Origin: null` | they only take rights away | `tests/login/outside.rs::only_a_form_of_this_site_in_a_window_of_its_own_signs_in`, `tests/login/outside.rs::what_a_browser_claims_of_a_request_never_opens_anything` |
//! | X-048 | a form as `text/plain` | 415 | `tests/routes.rs::forms_are_read_within_their_bounds` |
//! | X-049, X-072 | our pages in a frame | refused by the request's own words, the policy, and `X-Frame-Options` | `tests/routes.rs::every_answer_of_ours_is_secure`, `tests/routes.rs::scripts_and_frames_of_the_app_load_no_page` |
//! | X-050 | a planted session or login, before the victim signs in | new tokens at each step; the planted session ends | `tests/login/sessions.rs::a_planted_session_ends_when_its_victim_signs_in`, `tests/login/outside.rs::a_jar_full_of_planted_cookies_signs_nobody_in_and_out` |
//! | X-051, X-074 | cookies of our name from a sibling host or a script: twice, in other case, nameless | only the exact name, and once | `tests/login/sessions.rs::only_the_exact_cookie_once_is_a_session` |
//! | X-052 | the app reads or sets our cookies | they do not get there, and not back | `tests/identity.rs::our_cookies_stay_here_and_others_keep_their_bytes`, `src/server/tests/proxying.rs::an_app_keeps_its_cookies_and_cannot_set_ours` |
//! | X-053 | the cookie again after signing out | nobody's | `tests/login/sessions.rs::a_signed_out_session_stays_out` |
//! | X-054 | a revoked user with session, WebSocket, half a login, enrolment, invitation, known browser | all over with the next request; a WebSocket within two seconds | `tests/login/sessions.rs::whatever_ends_a_session_ends_it_with_the_next_request`, `tests/login/sessions.rs::disabling_somebody_ends_what_they_had_begun`, `tests/proxy.rs::an_open_web_socket_ends_with_its_session`, `tests/login/outside.rs::a_revocation_makes_every_browser_a_stranger_again` |
//! | X-057, X-130 | a token or an assertion in the address, in `Authorization`, in a header of ours | ignored | `tests/login/sessions.rs::a_session_is_taken_from_its_cookie_alone` |
//! | X-058 | guessing a session's token | 256 random bits; tries are not limited | `src/authn.rs::no_other_text_is_an_account_token` |
//! | X-059 | a stolen cookie from another network | accepted: addresses change. Short lives, and `session revoke` | none: by design |
//! | – | a session unused for its hour, or in use for its day | over, to the second | `src/authn/session/tests.rs::a_session_lives_an_idle_hour_less_a_second`, `src/authn/session/tests.rs::activity_never_extends_the_whole_life` |
//! | X-131 | a password over plain HTTP where TLS is meant | refused with an explanation | `tests/login/third_parties.rs::no_password_is_taken_over_plain_http_where_tls_is_meant` |
//! | X-132 | cookies of another gate | nobody's, and no known browser's | `tests/login/outside.rs::the_cookies_of_another_gate_are_nobodys` |
//! | – | methods that nobody expects | 4xx before anything is looked at | `tests/login/outside.rs::odd_methods_get_nobody_anywhere`, `tests/routes.rs::nothing_but_get_head_and_post_is_answered` |
//!
//! # Rules, and proxies that ask
//!
//! | id | what is tried | what happens | shown by |
//! |---|---|---|---|
//! | – | `/ADMIN`, `/admin/`, `/admin%20`, `/%40admin`, to miss the rule that shuts `/admin` or `/@admin` | the rule counts | `src/authz/rule/tests.rs::what_a_rule_shuts_stays_shut_for_lax_servers` |
//! | – | `/ADMIN`, where a rule opens `/admin/` and the next one shuts `/admin/**`, so that the first hides the second | both count | `src/authz/rule/tests.rs::what_a_rule_opens_hides_no_later_rule_from_lax_servers` |
//! | – | `/open/..%20/admin`, `/open/.../admin`, `/%20../admin`, for servers that drop blanks and dots, to come in by a rule that opens `/open/**` | every rule of its host counts, and two factors at least | `src/authz/target/tests.rs::segments_of_nothing_but_dots_and_blanks_are_ambiguous`, `tests/proxy.rs::no_other_spelling_of_an_open_path_is_open` |
//! | – | a path in another spelling, to meet a weaker rule | every rule of its host counts, and two factors at least | `src/authz/rule/tests.rs::another_spelling_of_a_path_never_meets_less` |
//! | – | MOVE or COPY of what is one's own, with a `Destination` that a rule shuts, in any spelling, on another host, or twice | judged like PUT there, or 400 | `tests/access/main.rs::nobody_has_the_app_write_where_they_may_not`, `src/web/request/destination.rs::a_destination_that_apps_could_read_in_two_ways_is_refused` |
//! | – | a link or a page elsewhere that leads to what asks for a code, again and again | nothing is kept before a code comes, so nothing is used up or replaced | `tests/access/step_up.rs::a_visit_that_other_sites_begin_keeps_nothing_and_uses_nothing_up`, `tests/third_party.rs::a_link_on_another_site_leads_to_the_code_and_to_the_page` |
//! | – | signing in with a password alone until the owner's sessions are pushed out | a password alone ends no session of both factors, however few may be | `tests/access/main.rs::a_password_alone_pushes_out_nobody_who_has_shown_both_factors` |
//! | – | a password alone, a login under way, a code of another session, a session that was signed out meanwhile, for what asks for more | a code is asked for, and counts only for a session that lives in this browser | `tests/access/main.rs::a_login_under_way_opens_nothing_that_one_factor_opens`, `tests/access/step_up.rs::a_step_up_dies_with_its_session` |
//! | – | an open WebSocket, after its user was taken out of the group | closed within seconds | `tests/access/main.rs::an_open_websocket_closes_when_its_user_may_no_longer_have_it` |
//! | – | an event stream that was opened before the session ended or the user left the group | broken off at the next piece after two seconds | `tests/personal.rs::an_event_stream_ends_with_its_session_and_a_file_comes_whole`, `tests/personal.rs::a_stream_ends_when_its_user_may_no_longer_have_it` |
//! | – | what a cache in front kept for somebody who signed in | it is told to keep nothing | `tests/personal.rs::shared_caches_keep_nothing_that_is_for_a_visitor` |
//! | P-125 | an upgrade to `h2c` on an open path, as a tunnel for requests that nobody judges | only WebSocket is passed on, in line and by every recipe; `vestibule doctor` tries it | `tests/proxies/main.rs::every_proxy_answers_the_table_as_in_line_mode_does`, `tests/doctor/recipes.rs::every_careless_change_of_a_recipe_is_found` |
//! | – | `http:///open/x`, where a proxy finds another path than the app behind it | the app gets the path that was judged | `tests/proxies/main.rs::every_proxy_answers_the_table_as_in_line_mode_does` |
//! | – | asking as a proxy would, from elsewhere | 403; three lines of the audit stream for an address and one a minute, the rest is counted | `tests/auth_check/questions.rs::nobody_but_a_trusted_proxy_is_answered`, `tests/auth_check/questions.rs::a_flood_of_checks_from_elsewhere_is_a_few_lines` |
//! | – | `X-Original-URL` and its like, missing, doubled, or those of another proxy | no question, or nothing | `tests/auth_check/questions.rs::a_header_that_is_missing_or_doubled_is_no_question`, `tests/auth_check/questions.rs::no_dialect_believes_the_headers_of_another` |
//! | – | a `Host` that ends in `?`, or with an open path behind it, so that another path seems to be asked for | nothing is asked, or it is no question | `src/web/auth_check/tests.rs::no_host_of_a_client_makes_another_path_of_the_one_that_follows`, `tests/proxies/main.rs::every_proxy_answers_the_table_as_in_line_mode_does` |
//! | – | `post`, `TRACE`, to miss a rule for a method | no question, as in front of an app | `src/web/auth_check/tests.rs::a_method_that_is_refused_in_front_of_an_app_is_none_here` |
//! | – | a query, body, range, condition, upgrade or user agent, to change a decision | nothing changes | `tests/auth_check/questions.rs::no_method_and_no_header_of_a_client_changes_an_answer`, `tests/auth_check/questions.rs::a_body_is_never_waited_for` |
//! | – | a path of ours that another server finds the app behind | 403 | `tests/auth_check/questions.rs::our_own_pages_are_let_through_on_our_host_and_judged_on_every_other` |
//! | – | forged identity headers through nginx, Caddy, HAProxy, Traefik, Envoy, in every spelling | the app never sees one | `tests/proxies/main.rs::every_proxy_answers_the_table_as_in_line_mode_does` |
//!
//! # The app in the same origin
//!
//! | id | what is tried | what happens | shown by |
//! |---|---|---|---|
//! | X-070 | a script of the app fetches our pages | 403 | `tests/routes.rs::scripts_and_frames_of_the_app_load_no_page` |
//! | X-071 | a script opens a window with our page and reads it | `Cross-Origin-Opener-Policy` cuts it off | `tests/routes.rs::every_answer_of_ours_is_secure` |
//! | X-073 | a service worker of the app with the scope `/` | it sees our pages. A browser gives that scope to a script in the root or with the app's `Service-Worker-Allowed` only, and apps with such a worker are common, so none is refused: a documented risk ([`threats`](crate::manual::threats)); an app that runs other people's scripts belongs on a host of its own | none: browsers decide |
//! | X-075 | a script changes the password or the second factor | no page does that; commands do | `tests/routes.rs::the_table_lists_every_page` |
//! | X-076 | the app shows a page that looks like ours | cannot be stopped in one origin: a documented risk | none |
//!
//! # Names and texts
//!
//! | id | what is tried | what happens | shown by |
//! |---|---|---|---|
//! | X-080 | names that look like another | refused | `tests/login/names.rs::no_account_looks_like_another` |
//! | X-081 | endless, empty, odd names | refused when added; at sign-in a name that nobody has | `tests/login/names.rs::odd_names_are_no_names` |
//! | X-083 | a removed name that is used again | another person: old sessions, codes and marks are dead | `tests/login/names.rs::a_name_that_is_used_again_is_another_person` |
//! | X-084 | display names with line breaks, tags, direction marks | refused, escaped, encoded | `tests/identity.rs::nobody_gets_a_line_of_their_own_into_a_header`, `src/web/page/tests.rs::hostile_values_add_no_tag_and_no_attribute_anywhere` |
//! | X-085 | addresses with two `@` | refused | `src/authn/profile/tests.rs::addresses_have_one_at_and_a_domain` |
//! | X-086 | groups with commas | refused | `src/authn/profile/tests.rs::groups_fit_into_a_list_in_a_header` |
//! | X-087 | a colon in the authenticator's label | a space | `src/authn/totp/tests.rs::the_uri_names_issuer_and_account_without_colons` |
//! | X-134 | a disabled user with password, code, backup code, invitation | no door opens | `tests/login/names.rs::a_disabled_user_gets_in_by_no_door` |
//! | X-135 | an invited user before the enrolment | like a wrong password | `tests/login/guessing.rs::nobody_learns_whose_name_exists_and_how_it_stands` |
//!
//! # Store, process, administration
//!
//! | id | what is tried | what happens | shown by |
//! |---|---|---|---|
//! | X-090, X-104 | a store that is gone, emptied, without its key or with another | does not start, and says what to do | `src/store/data_folder/tests.rs::a_missing_database_is_no_first_start`, `src/store/data_folder/tests.rs::an_emptied_database_is_no_first_start`, `src/store/data_folder/tests.rs::a_missing_master_key_is_refused_and_not_made_anew`, `src/store/data_folder/tests.rs::a_wrong_master_key_is_refused_by_name` |
//! | X-091 | the first administrator, by the web | only by the link that the first start prints | `tests/cli/serve.rs::an_empty_store_gets_a_first_administrator_once` |
//! | X-093, X-094 | a disk that is full or fails | nothing is written any more, reads go on, nobody signs in | `src/store/sled/tests.rs::after_a_failure_nothing_is_written_but_reads_go_on`, `src/login/tests.rs::whichever_operation_of_the_store_fails_nobody_gets_in` |
//! | X-095 | a second process on one store | refused | `tests/cli/serve.rs::a_second_server_on_one_data_folder_says_so` |
//! | X-098 | a stolen copy of the store | shows nothing without the key | `src/store/data_folder/tests.rs::nothing_on_disk_shows_what_was_stored` |
//! | X-099 | a changed or swapped record | refused | `src/store/sealed/tests.rs::a_value_opens_only_in_its_own_row`, `src/store/sealed/tests.rs::every_changed_bit_is_noticed` |
//! | X-111 | a panic in a request | 500 for that request | `src/server/tests/connections.rs::a_panic_costs_one_request_its_answer` |
//! | X-114 | secrets in arguments and output | no option takes one; none is printed | `tests/cli/passwords.rs::no_option_takes_a_password`, `tests/cli/secrets.rs::a_whole_walk_leaves_no_secret_in_any_output` |
//! | X-117 | the admin socket, by another user | no answer | `tests/cli/socket.rs::another_user_gets_no_answer` |
//! | X-125 | probes as an oracle or a way in | a listener of their own | `tests/routes.rs::probes_are_not_answered_in_public` |
//! | X-129 | an assertion from the app's log, again to the same app | valid for up to a minute: a documented risk ([`decisions`](crate::manual::decisions)) | `tests/identity.rs::an_assertion_is_renewed_before_it_expires` |
//! | – | every order of passwords, codes, resets and passing time | a session only by both factors of one account, in one login, and never after its end | `src/login/tests/walk.rs::no_order_of_events_opens_a_session_without_both_factors` |
//!
//! # What is not there
//!
//! | ids | why nothing can be tried |
//! |---|---|
//! | X-009a, X-133, X-136, X-138 | no page changes a password or an authenticator, and an idle session is over, not asked for half of its proofs |
//! | X-013, X-056, X-065, X-124 | one process works on a store: no replicas |
//! | X-019, X-137 | no passkeys |
//! | X-038 | patterns of rules are paths with `*` segments, matched in one pass |
//! | X-055, X-120, X-121, X-122 | nothing is mailed, and nothing outside is asked |
//! | X-082 | a user cannot be renamed |
//! | X-088 | an address is no name to sign in with |
//! | X-100, X-101 | no store but the embedded one |
//! | X-105, X-106, X-107 | the master key and what is derived from it are not changed, and there is no pepper |
//! | X-108, X-109, X-110 | the configuration is read once |
//! | X-118, X-119 | whoever may open the admin socket is trusted; nobody signs in as somebody else |
