//! What went wrong in programs of this kind, and why it cannot here.
//!
//! Every row is a published weakness of a neighbour, or a defect that was seen in its source. The last column names the test that fails
//! when the same mistake is made here, or says why there is nothing to get wrong.
//! Numbers and products: Go vulnerability database of 2026-08-21, changelogs and fix commits of the products, CVE records of 2026-11.
//!
//! # Public paths that open more than they should
//!
//! | advisory | what went wrong | here | held by |
//! |---|---|---|---|
//! | CVE-2025-54576 oauth2-proxy | a rule looked at path *and query*: `?path=/status` opened anything | rules see the path alone | `src/authz/rule/tests.rs::the_query_takes_no_part`, `tests/proxy.rs::open_paths_are_open_and_no_others` |
//! | CVE-2026-41059 oauth2-proxy, CVE-2023-47106 Traefik | a raw `#fragment` counted as path | `#` in a target is refused | `src/authz/target/tests.rs::bytes_that_no_server_agrees_on_are_no_target` |
//! | CVE-2025-66490, CVE-2025-32431, CVE-2025-47952 Traefik; CVE-2026-33494 Oathkeeper; CVE-2026-52844, CVE-2026-27587 Caddy | the path that was judged was decoded or cleaned otherwise by the server behind | the judged bytes are the forwarded bytes; a path that servers read differently meets the strictest rule of its host | `src/authz/rule/tests.rs::an_ambiguous_target_meets_no_bypass_and_no_single_factor`, `src/authz/rule/tests.rs::an_ambiguous_target_meets_the_strictest_rule_of_its_host`, `tests/proxy.rs::what_may_pass_goes_to_the_app_byte_for_byte`, `tests/proxy.rs::no_other_spelling_of_an_open_path_is_open` |
//! | CVE-2026-48020, CVE-2026-40912, CVE-2026-65600, CVE-2026-67309 Traefik | a path was rewritten after it was judged | nothing rewrites a path | `src/authz/target/tests.rs::what_is_judged_is_what_was_received` |
//! | CVE-2026-48794 Authelia, CVE-2026-27588 Caddy | `App.EXAMPLE.com` missed the rule for `app.example.com` | hosts have one spelling before anything compares them | `src/authz/pattern/tests.rs::hosts_match_on_label_boundaries_and_in_any_case`, `src/authz/target/tests.rs::hosts_have_one_spelling` |
//! | CVE-2026-34457 oauth2-proxy | the user agent of a health check was let in everywhere | no rule can see a header; probes have a listener of their own | `tests/routes.rs::probes_are_not_answered_in_public`, `tests/routes.rs::every_visitor_gets_what_the_table_says` |
//! | CVE-2026-32246 tinyauth | somebody with the password but not the code was accepted by another endpoint | half a sign-in is another type with another cookie; it opens no path | `tests/login/sequence.rs::half_a_sign_in_opens_nothing`, `tests/routes.rs::every_visitor_gets_what_the_table_says` |
//! | CVE-2023-33189 Pomerium | a crafted request got another decision | one [`Target`](crate::authz::target::Target), parsed once, goes into the one decision | `src/authz/rule/tests.rs::no_spelling_of_a_path_weakens_its_policy` |
//! | CVE-2026-54762 Traefik, CVE-2026-27586 Caddy | a secret or CA that did not load left the door open | what cannot be loaded stops the start | `tests/cli/serve.rs::a_wrong_configuration_does_not_start`, `src/store/data_folder/tests.rs::a_missing_master_key_is_refused_and_not_made_anew` |
//!
//! # Identity headers that a client sends itself
//!
//! | advisory | what went wrong | here | held by |
//! |---|---|---|---|
//! | CVE-2025-64484 oauth2-proxy, CVE-2026-52845 Caddy, CVE-2026-54763, CVE-2026-33433, CVE-2026-88011 Traefik | `X_Forwarded_User` or `X.Forwarded.User` passed, and the app read it as `X-Forwarded-User` | `_` and every other sign count as `-`; other names with `_` are dropped by default | `src/web/upstream/headers/tests.rs::no_spelling_of_our_names_ever_passes`, `src/web/upstream/headers/tests.rs::no_sign_in_the_place_of_a_dash_passes_what_is_ours_to_set`, `src/web/upstream/headers/tests.rs::names_with_an_underscore_follow_the_setting`, `tests/proxies/main.rs::every_proxy_answers_the_table_as_in_line_mode_does`, `tests/identity.rs::forged_identities_never_arrive` |
//! | CVE-2026-30851 Caddy | a header that the login did not set kept the client's value | all names are removed first and all are set, empty ones too | `tests/identity.rs::what_nobody_said_of_somebody_is_empty`, `tests/identity.rs::forged_identities_never_arrive` |
//! | authentik, seen in its source | identity headers were not removed on open paths | removal knows no path | `src/web/upstream/headers/tests.rs::every_spelling_of_an_identity_name_is_removed_from_everyone` |
//! | GHSA-w9mr-28mw-j8hg Oathkeeper; CVE-2021-32813, CVE-2024-45410, CVE-2026-29054 Traefik | `Connection: X-User` made the next hop drop the real header | what the client nominates is removed from what it sent; ours is added afterwards | `tests/identity.rs::nobody_strikes_out_what_we_say`, `src/web/upstream/headers/tests.rs::nominated_headers_end_here` |
//! | CVE-2026-71326 Traefik, CVE-2026-33544 tinyauth | two visitors at once were mixed up through shared state | a request carries its own proof; nothing about a visitor is shared | `tests/one_time.rs::one_of_many_visitors_with_the_same_code_gets_in` |
//! | CVE-2026-33496, CVE-2021-32701 Oathkeeper | a cached "yes" was used for another host or scope | sessions are cached, decisions never: each request is judged | `tests/proxy.rs::what_is_forbidden_is_forbidden_to_everybody_under_every_spelling` |
//! | CVE-2022-24797, CVE-2024-39315 Pomerium; CVE-2022-23469 Traefik | a debug page or log showed tokens | no debug page; secrets have no printed form | `tests/cli/secrets.rs::a_whole_walk_leaves_no_secret_in_any_output` |
//! | CVE-2026-41181 Traefik | cookies and credentials went to a service for error pages | error pages are made here | `tests/proxy.rs::an_app_that_is_away_is_said_to_be_away_and_no_more` |
//!
//! # Belief in `X-Forwarded-*`
//!
//! | advisory | what went wrong | here | held by |
//! |---|---|---|---|
//! | CVE-2026-40575 oauth2-proxy | a client's `X-Forwarded-Uri` chose the rule | in front of an app, path and method come from the request line alone | `tests/proxy.rs::nobody_says_that_the_path_or_the_method_was_another` |
//! | CVE-2026-33495 Oathkeeper | `X-Forwarded-Proto` was always believed | from `trusted_proxies` only, nobody by default | `src/web/request/tests.rs::only_a_trusted_proxy_is_believed`, `src/web/request/tests.rs::a_proxys_nonsense_about_the_scheme_is_refused` |
//! | CVE-2026-35051, CVE-2026-54764 Traefik | two names of the family were forgotten | all of the family are removed and made anew | `src/web/upstream/headers/tests.rs::what_we_set_or_what_renames_the_target_passes_from_nobody`, `src/web/upstream/headers/tests.rs::forwarding_headers_are_a_trusted_proxys_to_set` |
//! | `X-Script-Name`, the Flask snippet in Calibre-Web and many others; `SCRIPT_NAME` of gunicorn; Pyramid's `X-Vhm-Root`: a class | a header named what the app cuts off the path or puts before it, so `/open/admin` was judged and `/admin` served | none of them arrives, from trusted proxies neither, in line or by a recipe | `src/web/upstream/headers/tests.rs::what_we_set_or_what_renames_the_target_passes_from_nobody`, `tests/proxies/main.rs::every_proxy_answers_the_table_as_in_line_mode_does` |
//! | CVE-2025-29927 Next.js, GHSA-mr6q-rp88-fx84 Astro | `X-Middleware-Subrequest` made an app skip its own checks, `X-Astro-Path` serve another page | what such apps say to themselves (`X-Middleware-*` but the harmless `-Prefetch`, `X-Invoke-*`, `X-Matched-Path`, `X-Astro-*`) is dropped: a weakness of the app all the same, and no reason to leave it there | `src/web/upstream/headers/tests.rs::what_we_set_or_what_renames_the_target_passes_from_nobody` |
//! | `X-Forwarded-For: unknown`, `unix:`, seen here | what was no address was passed over, and the trusted proxy itself counted as the client: a rule for `127.0.0.0/8` opened to all | behind such an element stands a client that nobody knows; no network opens anything to it, and each that shuts counts | `tests/access/nowhere.rs::who_comes_from_nowhere_is_in_no_network_that_opens_and_in_each_that_shuts`, `src/authz/rule/tests.rs::no_network_opens_anything_to_a_client_that_nobody_knows_and_each_could_shut_it_out` |
//! | CVE-2024-21494 caddy-security, CVE-2023-36456 authentik | a made-up address fooled the lock-out | the nearest address that no trusted proxy vouches for counts | `tests/login/guessing.rs::an_address_tries_as_many_names_as_it_may_whatever_it_claims_to_be` |
//! | CVE-2021-29652 Pomerium | an unsigned internal call was accepted | there are no internal calls over HTTP; the admin socket asks for the peer's user id | `tests/cli/socket.rs::another_user_gets_no_answer` |
//!
//! # Another proxy asks
//!
//! | advisory | what went wrong | here | held by |
//! |---|---|---|---|
//! | CVE-2026-40575, CVE-2026-76835 oauth2-proxy | anybody was believed who sent `X-Forwarded-Uri`: the list of proxies held every address by default | checks are answered for `trusted_proxies` alone, which is empty by default | `tests/auth_check/questions.rs::nobody_but_a_trusted_proxy_is_answered` |
//! | the same, through the proxy | a client's own `X-Original-URL`, `X-Forwarded-Uri` or `X_Original_URL` was handed on | one dialect reads its own headers, each once, and the recipes write all of them | `tests/auth_check/questions.rs::no_dialect_believes_the_headers_of_another`, `tests/auth_check/questions.rs::a_header_that_is_missing_or_doubled_is_no_question`, `tests/proxies/main.rs::every_proxy_answers_the_table_as_in_line_mode_does` |
//! | nginx and HAProxy recipes, seen here | the `Host` of the client and the path behind it made a URL with another path | only a slash ends the host, and no proxy takes one in it | `src/web/auth_check/tests.rs::no_host_of_a_client_makes_another_path_of_the_one_that_follows`, `tests/proxies/main.rs::every_proxy_answers_the_table_as_in_line_mode_does` |
//! | CVE-2021-32637 Authelia | a URL that could not be read was answered with 200 | what is not said once and clearly is 403 or 400 | `tests/auth_check/questions.rs::hosts_are_judged_in_one_spelling_and_nonsense_is_refused`, `src/web/auth_check/tests.rs::every_dialect_reads_the_target_that_in_line_mode_reads_or_none` |
//! | CVE-2026-34457 oauth2-proxy | a user agent was enough for 200 | the check has no other say than what it asks about | `tests/auth_check/questions.rs::no_method_and_no_header_of_a_client_changes_an_answer` |
//! | CVE-2026-25748 authentik | a malformed cookie was let through behind Traefik and Caddy, without identity headers | it is nobody's cookie, and a sign-in is asked for | `tests/proxies/main.rs::every_proxy_answers_the_table_as_in_line_mode_does`, `tests/auth_check/questions.rs::two_session_cookies_are_nobodys` |
//! | CVE-2026-30851 Caddy | a header that the answer lacked kept the client's value | each 200 has every identity header, empty ones too | `tests/auth_check/answers.rs::somebody_who_is_signed_in_passes_with_every_identity_header`, `tests/auth_check/answers.rs::what_is_open_passes_and_every_identity_header_is_empty` |
//! | CVE-2026-35051, CVE-2026-39858 Traefik | `X-Forwarded-Prefix` and aliases of forwarded names reached the server that was asked | they are none of the names that are read | `tests/auth_check/questions.rs::no_dialect_believes_the_headers_of_another` |
//! | CVE-2024-23324 Envoy, with `failure_mode_allow` | a check that failed let the request through | the recipes let nobody through without an answer, and a failed store answers no 200 | `tests/proxies/main.rs::no_proxy_lets_anybody_pass_when_the_gate_is_dead`, `tests/auth_check/answers.rs::a_session_that_cannot_be_looked_up_lets_nobody_in` |
//! | CVE-2026-26998 Traefik | the reply of the server that was asked had no bound | less than 3 KiB | `tests/auth_check/answers.rs::every_reply_is_below_three_kibibytes` |
//! | CVE-2026-33496 Oathkeeper, the class | a cached answer was used for another request | `no-store`, and each check is judged | `tests/auth_check/questions.rs::an_ended_session_is_out_at_the_next_check` |
//! | CVE-2026-47203 Authelia | the check took passwords, and each spelling of a name had a counter of its own there | it takes none: a session or nothing | `tests/auth_check/questions.rs::whoever_gave_a_password_alone_does_not_pass` |
//!
//! # Redirects
//!
//! | advisory | what went wrong | here | held by |
//! |---|---|---|---|
//! | CVE-2020-5233, CVE-2020-11053, CVE-2020-4037 oauth2-proxy | `/\evil`, `/%09/evil` and relatives led away | a target is a path that a browser can read in one way only, or a configured origin, by the WHATWG parser | `tests/login/return_to.rs::no_target_leads_to_another_site_or_in_circles` |
//! | CVE-2021-21291 oauth2-proxy; Ory and tinyauth without number | `.example.com` matched `badexample.com` | hosts are compared whole, or at a dot | `src/authz/pattern/tests.rs::hosts_match_on_label_boundaries_and_in_any_case` |
//! | CVE-2021-29456 Authelia, CVE-2021-29651 Pomerium, CVE-2024-21497 caddy-security | the address after the sign-in could be any | as above; no token ever travels in a URL | `tests/login/return_to.rs::no_target_leads_to_another_site_or_in_circles`, `tests/login/sessions.rs::a_session_is_taken_from_its_cookie_alone` |
//! | CVE-2022-28923 Caddy, CVE-2024-52003 Traefik | `//host` in a path, or a forwarded prefix, became a redirect | `Location` is made of configured values | `tests/login/return_to.rs::an_address_of_the_app_that_looks_like_another_site_is_not_gone_back_to` |
//! | CVE-2021-32637 Authelia | a malformed URL let the request through | what cannot be parsed is refused | `src/authz/target/tests.rs::parsing_never_panics`, `src/server/tests/framing.rs::odd_request_lines_are_refused` |
//!
//! # Guessing
//!
//! | advisory | what went wrong | here | held by |
//! |---|---|---|---|
//! | CVE-2025-24806, CVE-2026-47203 Authelia | spellings of one name had counters of their own | the counter's key is the canonical name | `tests/login/guessing.rs::every_spelling_of_a_name_shares_its_counter` |
//! | CVE-2024-21500 caddy-security | codes could be tried without limit | five for a login, ten an hour for an account, twenty in a row | `tests/login/sequence.rs::five_wrong_codes_end_a_login`, `tests/login/guessing.rs::ten_codes_of_an_account_are_looked_at_in_an_hour_over_all_logins`, `tests/login/guessing.rs::twenty_wrong_codes_in_a_row_put_the_authenticator_out_of_use` |
//! | CVE-2026-32595, CVE-2026-41263 Traefik; oauth2-proxy and tinyauth, seen in their source | unknown names were refused faster | the same work for every refusal | `src/login/tests.rs::every_refusal_of_a_password_is_the_same_refusal`, `src/authn/password/tests.rs::argon2_runs_over_the_account_s_hash_or_over_the_decoy_but_never_not` |
//! | tinyauth, authcrunch, rotproxy, seen in their source | a code could be used again while it was fresh | the newest step is stored before the answer | `src/authn/totp/tests.rs::a_spent_step_and_every_earlier_one_are_replays`, `tests/login/replay.rs::one_code_sixty_four_times_in_sixteen_logins_opens_one_session` |
//! | totp-gateway, seen in its source | one counter for all users, wrong codes in the log | the step is the account's; no code is logged | `tests/one_time.rs::one_of_many_visitors_with_the_same_code_gets_in`, `tests/cli/secrets.rs::a_whole_walk_leaves_no_secret_in_any_output` |
//! | CVE-2020-15105 django-two-factor-auth | the password waited in the session for the code | it is dropped once it is verified | `tests/cli/secrets.rs::a_whole_walk_leaves_no_secret_in_any_output` |
//! | PYSEC-2018-20 privacyIDEA | a user name of one space stopped the service | names have a form, and a wrong one is an unknown one | `tests/cli/names.rs::hostile_names_are_refused_and_never_printed_raw` |
//! | CVE-2024-21493 caddy-security | malformed input panicked | parsers are fuzzed; a panic costs one request | `src/web/request/tests.rs::reading_never_panics`, `src/server/tests/connections.rs::a_panic_costs_one_request_its_answer` |
//! | CVE-2024-21495 caddy-security | tokens were guessable | the provider's random generator only, in one file | `src/authn/session/tests.rs::every_session_has_a_name_of_its_own` |
//! | CVE-2026-40574 oauth2-proxy | `a@evil@example.com` passed for an address of `example.com` | an address has one `@`; no right depends on its domain | `src/authn/profile/tests.rs::addresses_have_one_at_and_a_domain` |
//!
//! # Sessions, pages, protocol
//!
//! | advisory | what went wrong | here | held by |
//! |---|---|---|---|
//! | CVE-2024-21492 caddy-security | a token lived on after signing out | sessions are in the store, and ended there | `tests/login/sessions.rs::a_signed_out_session_stays_out` |
//! | CVE-2026-34454 oauth2-proxy | signing in kept the session that was there | a fresh token at each step; a planted session ends | `tests/login/sessions.rs::a_planted_session_ends_when_its_victim_signs_in` |
//! | GHSA-x883-2vmg-xwf7 Authelia, CVE-2021-41230 Pomerium | changed groups did not reach live sessions | the next request has them | `tests/identity.rs::a_change_shows_with_the_next_request` |
//! | CVE-2025-53942, CVE-2025-64521, CVE-2025-64708 authentik | turned-off accounts got in, links expired late | accounts are asked at every door, also in the midst of a sign-in | `tests/login/names.rs::a_disabled_user_gets_in_by_no_door`, `tests/login/sessions.rs::whatever_ends_a_session_ends_it_with_the_next_request` |
//! | CVE-2026-33525 Authelia; CVE-2023-52430, CVE-2024-21496 caddy-security | a cookie, URL or host was written into a page | templates escape; the policy forbids scripts of others | `src/web/page/tests.rs::hostile_values_add_no_tag_and_no_attribute_anywhere` |
//! | CVE-2024-21498, CVE-2024-21499 caddy-security | a header chose whom the server connects to, or the scheme in a header | connections go to configured addresses only | `tests/routes.rs::a_host_that_nobody_configured_gets_nothing` |
//! | CVE-2026-53622, CVE-2026-32305, CVE-2022-23632 Traefik; CVE-2024-39321 Traefik | TLS client checks or early data went around the rules | no TLS here yet; what the proxy in front took as early data may read the app, and nothing else | `tests/http1/early.rs::a_copy_may_read_the_app_and_nothing_else` |
//! | GHSA-5423-jcjm-2gpv, CVE-2024-28869, CVE-2021-39162, CVE-2026-33186 in Go, Envoy, gRPC | two servers saw two messages in the same bytes | messages are built anew from parsed parts; unclear framing is refused | `src/server/tests/framing.rs::the_app_sees_one_well_formed_request_or_none`, `src/server/tests/proxying.rs::answers_that_can_be_read_in_two_ways_are_502` |
//! | oauth2-proxy issues 2996 and 1125 | WebSockets went around the login or outlived it | the handshake is judged like any request; the tunnel ends with its session | `tests/proxy.rs::a_handshake_of_nobody_is_told_so`, `tests/proxy.rs::an_open_web_socket_ends_with_its_session` |
//! | CVE-2021-21411 oauth2-proxy | an option was silently ignored | every key of the configuration is used or refused, and shown by `vestibule check` | `src/config/tests.rs::sources_list_every_key`, `tests/cli/check.rs::every_mistake_is_named_with_its_line_and_what_to_do` |
//! | CVE-2026-32245 tinyauth, CVE-2024-23647 authentik | weaknesses of OAuth flows | no OAuth here | |
//! | CVE-2024-42490 authentik, CVE-2024-47616 Pomerium | an administrator's interface took a lesser token | it is a socket of the file system | `tests/cli/socket.rs::socket_and_folder_belong_to_their_user_alone` |
//! | CVE-2025-61780 Rack | a client's header made the app answer with `X-Accel-Redirect`, and nginx served a path that was not judged | nginx's recipe obeys no such answer, in-line mode removes it, and neither passes on the client's header | `tests/proxies/main.rs::every_proxy_answers_the_table_as_in_line_mode_does`, `src/web/upstream/headers/tests.rs::an_apps_response_keeps_its_own_and_loses_ours` |
//! | CL.0 desync, a class (PortSwigger, 2022) | an app left a body unread and took it for the next request, which nobody had judged; the next visitor got its answer | a request with a body has its connection to the app for itself, and closes it | `tests/upstream/unread.rs::python_s_own_server_runs_no_request_from_within_a_body` |
//! | h2c smuggling, a class (Bishop Fox, 2020) | a proxy handed `Upgrade: h2c` on, and what went through the tunnel was judged by nobody | no upgrade but WebSocket's is handed on | `tests/proxies/main.rs::every_proxy_answers_the_table_as_in_line_mode_does` |
//! | cookie tossing, a class | a sibling host plants a cookie of our name | `__Host-` names; a doubled cookie is none, and a page says so | `tests/login/sessions.rs::only_the_exact_cookie_once_is_a_session`, `tests/access/twice.rs::a_cookie_that_we_cannot_take_back_is_explained_in_place_of_the_form`, `tests/login/sessions.rs::cookies_over_tls_are_bound_to_their_host` |
