-- Signing in and out: what is returned, what is refused, who may. test/t/400_signin.pl looks at the tokens themselves.
\set SHOW_CONTEXT never
\set ON_ERROR_ROLLBACK on
SELECT set_config('swipesavvy.trusted_gateways', quote_ident(session_user), false) = quote_ident(session_user) AS trusted;
\set ada 00000000-0000-7000-8000-0000000e0001
\set bob 00000000-0000-7000-8000-0000000e0002
CREATE FUNCTION pg_temp.shown(document jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT document - '{access_token,refresh_token,session_ends_at,expires_at,session_id}'::text[]
           || CASE WHEN document ? 'access_token' THEN jsonb_build_object('tokens', true) ELSE '{}' END $$;
BEGIN;
SELECT swipesavvy.create_user('Ada@signin.test', 'Ada', 'correct horse', user_id => :'ada') ->> 'name' AS name;
SELECT swipesavvy.create_user('bob@signin.test', 'Bob', user_id => :'bob') ->> 'name' AS without_password;

-- no grace here: what that is comes further below
SELECT swipesavvy.update_system_settings('{"refresh_grace_seconds": 0}') #>> '{updated_settings,refresh_grace_seconds}' AS grace;

-- in, whatever the case of the address
SELECT s AS ada1, s ->> 'access_token' AS access1, s ->> 'refresh_token' AS refresh1 FROM swipesavvy.sign_in('ADA@Signin.test', 'correct horse') s \gset
SELECT pg_temp.shown(:'ada1');
SELECT (:'ada1'::jsonb ->> 'session_ends_at')::timestamptz - now() BETWEEN '29 days 23:59' AND '30 days 00:01' AS thirty_days,
       length(:'refresh1') AS length, last_login_at > now() AS seen FROM swipesavvy.users WHERE user_id = :'ada';
SELECT pg_temp.shown(swipesavvy.verify_token(:'access1'));
-- who is not let in, and that is all they learn
SELECT swipesavvy.sign_in('ada@signin.test', 'correct horsf') AS wrong_password;
SELECT current_setting('response.status') AS http_status;
SELECT swipesavvy.sign_in('nobody@signin.test', 'correct horse') = swipesavvy.sign_in('ada@signin.test', 'x') AS unknown_is_the_same;
SELECT swipesavvy.sign_in('bob@signin.test', 'correct horse') = swipesavvy.sign_in('not an address', 'x') AS without_a_password_is_the_same;
SELECT swipesavvy.sign_in(NULL, 'x');
SELECT swipesavvy.sign_in('ada@signin.test', NULL);
SELECT swipesavvy.sign_in('ada@signin.test', repeat('secret', 167));
SELECT swipesavvy.sign_in(repeat('x', 321), 'correct horse');

-- a refresh token is good for one use
SELECT r ->> 'refresh_token' AS refresh2, pg_temp.shown(r) AS refreshed FROM swipesavvy.refresh_session(:'refresh1') r \gset
\echo :refreshed
SELECT :'refresh1' <> :'refresh2' AS another, use_count, ended_for FROM swipesavvy_private.user_sessions WHERE user_id = :'ada';
SELECT swipesavvy.refresh_session(:'refresh1') AS used_before;
SELECT ended_for FROM swipesavvy_private.user_sessions WHERE user_id = :'ada';
SELECT pg_temp.shown(swipesavvy.refresh_session(:'refresh2')) AS and_the_good_one_is_gone;
SELECT swipesavvy.verify_token(:'access1') AS its_access_token_too;
SELECT count(DISTINCT swipesavvy.refresh_session(t)) AS answers_to_none
  FROM unnest(ARRAY['', 'x', repeat('A', 127), repeat('A', 128), repeat('A', 129), repeat('=', 128), repeat('é', 64), left(:'refresh2', 127) || '.']) t;
SELECT swipesavvy.refresh_session(NULL);
SELECT swipesavvy.refresh_session(repeat('secret', 167));

-- with a grace, the token just used is good once more, and has the same successor: two tabs at once
SELECT swipesavvy.update_system_settings('{"refresh_grace_seconds": 10}') #>> '{updated_settings,refresh_grace_seconds}' AS grace;
SELECT swipesavvy.sign_in('ada@signin.test', 'correct horse') ->> 'refresh_token' AS t0 \gset
SELECT swipesavvy.refresh_session(:'t0') ->> 'refresh_token' AS t1 \gset
SELECT r ->> 'refresh_token' = :'t1' AS same, pg_temp.shown(r) AS second_tab FROM swipesavvy.refresh_session(:'t0') r;
SELECT swipesavvy.refresh_session(:'t1') ->> 'refresh_token' AS t2 \gset
SELECT swipesavvy.refresh_session(:'t1') ->> 'refresh_token' = :'t2' AS again, :'t0' <> :'t1' AND :'t1' <> :'t2' AS others;
SELECT use_count, ended_for FROM swipesavvy_private.user_sessions WHERE user_id = :'ada' ORDER BY session_id DESC LIMIT 1;
SAVEPOINT s;
SELECT swipesavvy.refresh_session(:'t1') ->> 'error' AS a_third_time, swipesavvy.refresh_session(:'t2') ->> 'error' AS ended;
SELECT use_count, ended_for FROM swipesavvy_private.user_sessions WHERE user_id = :'ada' ORDER BY session_id DESC LIMIT 1;
ROLLBACK TO s;
SELECT swipesavvy.refresh_session(:'t2') ->> 'refresh_token' AS t3 \gset
SELECT swipesavvy.refresh_session(:'t1') ->> 'error' AS the_one_before_the_last;
SELECT ended_for FROM swipesavvy_private.user_sessions WHERE user_id = :'ada' ORDER BY session_id DESC LIMIT 1;
ROLLBACK TO s;
SELECT swipesavvy.refresh_session(:'t2') ->> 'refresh_token' AS t3 \gset
UPDATE swipesavvy_private.user_sessions SET last_used_at = last_used_at - interval '10 seconds' WHERE user_id = :'ada';
SELECT swipesavvy.refresh_session(:'t2') ->> 'error' AS after_ten_seconds;
ROLLBACK TO s;
SELECT swipesavvy.refresh_session(:'t2') ->> 'refresh_token' AS t3 \gset
UPDATE swipesavvy_private.user_sessions SET last_used_at = last_used_at + interval '8 hours' WHERE user_id = :'ada';
SELECT swipesavvy.refresh_session(:'t2') ->> 'error' AS a_clock_set_back_is_no_grace;
ROLLBACK TO s;
UPDATE swipesavvy_private.user_sessions SET created_at = created_at + interval '8 hours', expires_at = expires_at + interval '8 hours' WHERE user_id = :'ada';
SELECT (swipesavvy.refresh_session(:'t2') ->> 'session_ends_at')::timestamptz - clock_timestamp() < '30 days' AS a_session_begun_by_a_clock_that_was_ahead_lasts_no_longer;
ROLLBACK TO s;
SELECT swipesavvy.sign_out(:'t0') AS any_token_ends_it, swipesavvy.refresh_session(:'t2') ->> 'error' AS and_the_last_is_gone;
SELECT swipesavvy.update_system_settings(jsonb_build_object('refresh_grace_seconds', s)) #> '{updated_settings,refresh_grace_seconds}' AS grace FROM unnest('{0,60}'::int[]) s;
SELECT swipesavvy.update_system_settings('{"refresh_grace_seconds": 61}');
SELECT swipesavvy.update_system_settings('{"refresh_grace_seconds": -1}');
DELETE FROM swipesavvy_private.user_sessions;

-- out: of this one, of all
SELECT s ->> 'refresh_token' AS a, s ->> 'access_token' AS a_access FROM swipesavvy.sign_in('ada@signin.test', 'correct horse') s \gset
SELECT s ->> 'refresh_token' AS b, s ->> 'access_token' AS b_access FROM swipesavvy.sign_in('ada@signin.test', 'correct horse') s \gset
SELECT swipesavvy.sign_in('ada@signin.test', 'correct horse') IS NOT NULL AS a_third;
SELECT swipesavvy.sign_out('no token') AS none, swipesavvy.sign_out(:'a') AS one, swipesavvy.sign_out(:'a') AS again;
SELECT swipesavvy.refresh_session(:'a') ->> 'error' AS a, swipesavvy.verify_token(:'a_access') ->> 'reason' AS a_access,
       swipesavvy.verify_token(:'b_access') ->> 'valid' AS b_access;
SELECT swipesavvy.sign_out(:'b', everywhere => true) AS the_others;
SELECT swipesavvy.sign_out();
SELECT pg_temp.shown(swipesavvy.sign_in('ada@signin.test', 'correct horse')) ->> 'tokens' AS in_again;
SELECT swipesavvy.sign_in('ada@signin.test', 'correct horse') ->> 'access_token' AS access \gset
SELECT swipesavvy.authenticate(:'access') ->> 'user_id' AS user_id;
SELECT swipesavvy.sign_out() AS of_the_access_token, swipesavvy.sign_out(everywhere => true) AS of_its_user;
SELECT ended_for, count(*) FROM swipesavvy_private.user_sessions WHERE user_id = :'ada' GROUP BY 1 ORDER BY 1;
ROLLBACK;

-- a new password ends every session but the one it begins
BEGIN;
SELECT swipesavvy.create_user('Ada@signin.test', 'Ada', 'correct horse', user_id => :'ada') ->> 'name' AS name;
SELECT swipesavvy.change_password('correct horse', 'battery staple');
SELECT s ->> 'refresh_token' AS a, s ->> 'access_token' AS access FROM swipesavvy.sign_in('ada@signin.test', 'correct horse') s \gset
SELECT swipesavvy.authenticate(:'access') ->> 'role' AS role, swipesavvy.current_user_id();
SELECT swipesavvy.change_password('correct horsf', 'battery staple') AS wrong_password, current_setting('response.status') AS http_status;
SELECT swipesavvy.change_password('correct horse', 'staple!');
SELECT swipesavvy.change_password('correct horse', 'correct horse');
SELECT swipesavvy.change_password('correct horse', NULL);
SELECT swipesavvy.change_password(NULL, 'battery staple');
SELECT swipesavvy.change_password('correct horse', repeat('secret', 167));
SELECT pg_temp.shown(c) AS changed, c ->> 'refresh_token' AS b FROM swipesavvy.change_password('correct horse', 'battery staple') c \gset
\echo :changed
SELECT swipesavvy.refresh_session(:'a') ->> 'error' AS old_session, swipesavvy.refresh_session(:'b') ->> 'token_type' AS new_session;
SELECT swipesavvy.sign_in('ada@signin.test', 'correct horse') ->> 'error' AS old_password, swipesavvy.sign_in('ada@signin.test', 'battery staple') ->> 'role' AS new_password;
SELECT ended_for, count(*) FROM swipesavvy_private.user_sessions WHERE user_id = :'ada' GROUP BY 1 ORDER BY 1;

-- who is not active is out, and stays out
SELECT s ->> 'refresh_token' AS a, s ->> 'access_token' AS access FROM swipesavvy.sign_in('ada@signin.test', 'battery staple') s \gset
SELECT swipesavvy.suspend_user(:'ada') ->> 'account_status' AS status;
SELECT swipesavvy.sign_in('ada@signin.test', 'battery staple') ->> 'error' AS sign_in, swipesavvy.refresh_session(:'a') ->> 'error' AS refresh,
       swipesavvy.verify_token(:'access') ->> 'reason' AS token;
SELECT swipesavvy.authenticate(:'access');
\echo :LAST_ERROR_SQLSTATE
SELECT swipesavvy.change_password('battery staple', 'something new') ->> 'error' AS change_password;
SELECT swipesavvy.reactivate_user(:'ada') ->> 'account_status' AS status;
SELECT swipesavvy.refresh_session(:'a') ->> 'error' AS refresh, swipesavvy.sign_in('ada@signin.test', 'battery staple') ->> 'role' AS sign_in;
ROLLBACK;

-- a temporary password lets in to change it, and to nothing else
BEGIN;
SELECT swipesavvy.create_user('Ada@signin.test', 'Ada', 'temporary', role => 'admin', user_id => :'ada') ->> 'name' AS name;
UPDATE swipesavvy_private.user_credentials SET must_change = true, valid_until = clock_timestamp() + '1 hour' WHERE user_id = :'ada';
SELECT pg_temp.shown(s) AS temporary, s ->> 'access_token' AS access, s ->> 'refresh_token' AS refresh FROM swipesavvy.sign_in('ada@signin.test', 'temporary') s \gset
\echo :temporary
SELECT r -> 'must_change_password' AS must_change, r ->> 'access_token' AS access FROM swipesavvy.refresh_session(:'refresh') r \gset
\echo :must_change
SELECT pg_temp.shown(swipesavvy.authenticate(:'access'));
SELECT swipesavvy.current_user_id();
SELECT swipesavvy.get_user_profile(:'ada');
SELECT swipesavvy.list_merchants();
SELECT swipesavvy.record_transaction(:'ada', 5);
SELECT pg_temp.shown(swipesavvy.change_password('temporary', 'correct horse'));
SELECT swipesavvy.current_user_id() AS this_token_stays_what_it_is;
SELECT must_change, valid_until FROM swipesavvy_private.user_credentials WHERE user_id = :'ada';
SELECT swipesavvy.sign_in('ada@signin.test', 'correct horse') -> 'must_change_password' AS must_change;
UPDATE swipesavvy_private.user_credentials SET must_change = true, valid_until = clock_timestamp() - interval '1 second' WHERE user_id = :'ada';
SELECT swipesavvy.sign_in('ada@signin.test', 'correct horse') ->> 'error' AS run_out;
ROLLBACK;
BEGIN;
SET LOCAL request.jwt.claims = '{"sub": "00000000-0000-7000-8000-0000000e0001", "must_change_password": true}';
SELECT swipesavvy.list_merchants();
INSERT INTO swipesavvy.purchases (user_id, amount_minor) VALUES (:'ada', 5);
SET LOCAL request.jwt.claims = '{"sub": "00000000-0000-7000-8000-0000000e0001", "must_change_password": false}';
SELECT swipesavvy.list_merchants() IS NOT NULL AS merchants;
ROLLBACK;

-- a reset: the password goes out through the outbox, into nothing else; the old one, its sessions and a lock-out are gone
BEGIN;
\set eve 00000000-0000-7000-8000-0000000e0003
SELECT swipesavvy.create_user('Ada@signin.test', 'Ada', 'correct horse', user_id => :'ada') ->> 'name' AS name,
       swipesavvy.create_user('bob@signin.test', 'Bob', user_id => :'bob') ->> 'name' AS without_password,
       swipesavvy.create_user('eve@signin.test', 'Eve', 'correct horse', role => 'admin', user_id => :'eve') ->> 'name' AS admin;
SELECT swipesavvy.sign_in('ada@signin.test', 'correct horse') ->> 'refresh_token' AS refresh \gset
SELECT count(swipesavvy.sign_in('ada@signin.test', 'wrong')) AS wrong FROM generate_series(1, 5);
SET LOCAL ROLE swipesavvy_support;
SELECT r - 'temp_password_valid_until' AS reset, (r ->> 'temp_password_valid_until')::timestamptz - now() BETWEEN '24 hours' AND '24:01:00' AS a_day
  FROM swipesavvy.reset_user_password(:'ada') r;
SELECT swipesavvy.reset_user_password(:'bob', send_email => false, temporary_password_valid_hours => 2) ->> 'status' AS who_had_none;
SELECT swipesavvy.reset_user_password(:'eve');
RESET ROLE;
SELECT event, version, order_key = 'user:' || (body ->> 'user_id') AS in_order, body - 'valid_until' AS body,
       (body ->> 'valid_until')::timestamptz - now() > '23:59:00' AS a_day, secret ->> 'temporary_password' ~ '^[2-9a-km-np-z]{20}$' AS secret
  FROM swipesavvy.outbox JOIN swipesavvy_private.outbox_secrets USING (message_id) WHERE event = 'user.password_reset' AND body ->> 'user_id' IN (:'ada', :'bob') ORDER BY message_id;
SELECT secret ->> 'temporary_password' AS temporary FROM swipesavvy.outbox JOIN swipesavvy_private.outbox_secrets USING (message_id) WHERE event = 'user.password_reset' AND body ->> 'user_id' = :'ada' \gset
SELECT swipesavvy.refresh_session(:'refresh') ->> 'error' AS session, swipesavvy.sign_in('ada@signin.test', 'correct horse') ->> 'error' AS old_password;
SELECT s -> 'must_change_password' AS must_change, s ->> 'access_token' AS access FROM swipesavvy.sign_in('ada@signin.test', :'temporary') s \gset
\echo :must_change
CREATE FUNCTION pg_temp.places(what text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    place regclass;
    found boolean;
    places text := '';
BEGIN
    FOR place IN SELECT oid FROM pg_class WHERE relnamespace::regnamespace::text LIKE 'swipesavvy%' AND relkind = 'r' ORDER BY relname LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s t WHERE strpos(t::text, $1) > 0)', place) INTO found USING what;
        places := places || CASE WHEN found THEN ' ' || place ELSE '' END;
    END LOOP;
    RETURN places;
END
$$;
SELECT pg_temp.places(:'temporary') AS where_it_is;
SELECT event_type, status, details FROM swipesavvy.audit_logs WHERE xid = pg_current_xact_id() AND event_type LIKE '%reset%' ORDER BY log_id;
SELECT ended_for FROM swipesavvy_private.user_sessions WHERE user_id = :'ada' ORDER BY created_at LIMIT 1;
SELECT swipesavvy.reset_user_password(:'eve') ->> 'status' AS an_admin_may;
SELECT swipesavvy.reset_user_password(:'ada', NULL, NULL) ->> 'status' AS again;
SELECT count(DISTINCT secret) AS passwords FROM swipesavvy_private.outbox_secrets;
SELECT swipesavvy.sign_in('ada@signin.test', :'temporary') ->> 'error' AS the_one_before;
SELECT swipesavvy.reset_user_password(NULL);
SELECT swipesavvy.reset_user_password('00000000-0000-7000-8000-0000000effff');
\echo :LAST_ERROR_SQLSTATE
SELECT swipesavvy.reset_user_password(:'ada', temporary_password_valid_hours => 0);
SELECT swipesavvy.reset_user_password(:'ada', temporary_password_valid_hours => 721);
SELECT swipesavvy.suspend_user(:'ada') ->> 'account_status' AS status;
SELECT swipesavvy.reset_user_password(:'ada');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;

-- what a gateway says of the client is kept with the session
BEGIN;
SELECT swipesavvy.create_user('Ada@signin.test', 'Ada', 'correct horse', user_id => :'ada') ->> 'name' AS name;
SELECT set_config('request.headers', '{"user-agent": "App/1.0 (é)\n", "x-forwarded-for": "10.9.9.9, 192.0.2.7"}', true) IS NOT NULL AS said;
SELECT swipesavvy.sign_in('ada@signin.test', 'correct horse') ->> 'role' AS role;
SELECT user_agent, ip_address FROM swipesavvy_private.user_sessions WHERE user_id = :'ada';
SELECT set_config('request.headers', jsonb_build_object('user-agent', repeat('é', 1000), 'x-forwarded-for', 7)::text, true) IS NOT NULL AS said;
SELECT swipesavvy.sign_in('ada@signin.test', 'correct horse') ->> 'role' AS role;
SELECT length(user_agent), ip_address FROM swipesavvy_private.user_sessions WHERE user_id = :'ada' ORDER BY created_at DESC LIMIT 1;
-- of an address no port and no brackets
CREATE FUNCTION pg_temp.address_of(forwarded text, header text DEFAULT 'x-forwarded-for') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('request.headers', jsonb_build_object(header, forwarded)::text, true), swipesavvy.sign_in('ada@signin.test', 'correct horse');
    RETURN (SELECT ip_address FROM swipesavvy_private.user_sessions ORDER BY session_id DESC LIMIT 1);
END
$$;
SELECT f AS forwarded, pg_temp.address_of(f) AS kept FROM unnest(ARRAY['192.0.2.7:443', '10.9.9.9, [2001:db8::7]:443', '[2001:db8::7]', '2001:db8::7', '::1', 'x, 192.0.2.7 ', '[2001:db8::7', '[]', '192.0.2.7:', ':443', '192.0.2.7 x', '']) f;
SELECT pg_temp.address_of('[2001:db8::7]:443', 'x-real-ip') AS real_ip;
SET LOCAL swipesavvy.trusted_gateways = '';
SELECT swipesavvy.sign_in('ada@signin.test', 'correct horse') ->> 'role' AS role;
SELECT user_agent, ip_address FROM swipesavvy_private.user_sessions WHERE user_id = :'ada' ORDER BY created_at DESC LIMIT 1;
ROLLBACK;

-- authenticate: for the transaction, as far as it is not rolled back
BEGIN;
SELECT swipesavvy.create_user('Ada@signin.test', 'Ada', 'correct horse', user_id => :'ada') ->> 'name' AS name;
SELECT swipesavvy.create_user('bob@signin.test', 'Bob', 'correct horse', user_id => :'bob') ->> 'name' AS name;
COMMIT;
SELECT swipesavvy.sign_in('ada@signin.test', 'correct horse') ->> 'access_token' AS ada_token \gset
SELECT swipesavvy.sign_in('bob@signin.test', 'correct horse') ->> 'access_token' AS bob_token \gset
\set ON_ERROR_ROLLBACK off
SELECT swipesavvy.authenticate(:'ada_token') ->> 'user_id' AS alone_it_means_nothing;
SELECT swipesavvy.current_user_id();
BEGIN;
SAVEPOINT s1;
SELECT swipesavvy.authenticate(:'ada_token') ->> 'user_id' AS ada;
RELEASE s1;
SELECT swipesavvy.current_user_id() AS released;
SAVEPOINT s2;
SELECT swipesavvy.authenticate(:'bob_token') ->> 'user_id' AS bob;
SAVEPOINT s3;
SELECT swipesavvy.authenticate(:'ada_token') ->> 'user_id' AS ada;
RELEASE s3;
SELECT swipesavvy.current_user_id() AS ada;
ROLLBACK TO s2;
SELECT swipesavvy.current_user_id() AS rolled_back_to_ada;
SELECT swipesavvy.authenticate(:'bob_token') ->> 'user_id' AS bob;
DO $$ BEGIN PERFORM swipesavvy.authenticate('x.y.z'); EXCEPTION WHEN SQLSTATE 'PT401' THEN RAISE NOTICE '%', SQLERRM; END $$;
SELECT swipesavvy.current_user_id() AS still_bob;
SET LOCAL request.jwt.claims = '{"sub": "00000000-0000-7000-8000-0000000e0001"}';
SELECT swipesavvy.current_user_id() AS the_token_comes_first;
SET LOCAL ROLE swipesavvy_customer;
SELECT swipesavvy.get_user_profile(:'bob') ->> 'name' AS own;
SELECT swipesavvy.get_user_profile(:'ada') ->> 'name' AS of_another;
ROLLBACK;
SELECT swipesavvy.current_user_id();
BEGIN;
SELECT swipesavvy.authenticate(:'ada_token') ->> 'user_id' AS ada;
COMMIT AND CHAIN;
SELECT swipesavvy.current_user_id() AS in_the_next_transaction;
COMMIT;
SELECT swipesavvy.authenticate(NULL);
SELECT swipesavvy.verify_token(NULL);
SELECT swipesavvy.verify_token(t) ->> 'reason' AS reason FROM (VALUES (''), ('..'), ('a.b.c'), (repeat('x', 5000))) v (t);
-- who only reads can be told who somebody is, but nobody signs in
BEGIN READ ONLY;
\set ON_ERROR_ROLLBACK on
SELECT swipesavvy.sign_in('ada@signin.test', 'correct horse');
SELECT swipesavvy.refresh_session('x');
SELECT swipesavvy.sign_out('x');
SELECT swipesavvy.change_password('correct horse', 'battery staple');
SELECT swipesavvy.verify_token(:'ada_token') ->> 'valid' AS valid, swipesavvy.authenticate(:'ada_token') ->> 'user_id' AS ada;
COMMIT;

-- keys
SELECT swipesavvy.rotate_token_key(NULL);
SELECT swipesavvy.rotate_token_key('-1 hour');
SELECT swipesavvy.rotate_token_key('2 years');
SELECT swipesavvy.add_token_key('a b', repeat('x', 32));
SELECT swipesavvy.add_token_key(NULL, repeat('x', 32));
SELECT swipesavvy.add_token_key('k', NULL);
SELECT swipesavvy.add_token_key('k', repeat('x', 31));
SELECT swipesavvy.add_token_key('k', 'not*base64', is_base64 => true);
SELECT swipesavvy.add_token_key('k', encode(repeat('x', 31)::bytea, 'base64'), is_base64 => true);
BEGIN;
SELECT swipesavvy.rotate_token_key() IS NOT NULL AS rotated;
SELECT k ->> 'signs' AS signs, k ->> 'is_imported' AS imported, k - '{kid,created_at,retires_at,signs,is_imported}'::text[] AS nothing_else,
       (k ->> 'retires_at')::timestamptz - now() BETWEEN '59 minutes' AND '61 minutes' AS in_an_hour
  FROM jsonb_array_elements(swipesavvy.list_token_keys() -> 'token_keys') k;
SELECT swipesavvy.verify_token(:'ada_token') ->> 'valid' AS old_token;
SELECT k ->> 'kid' AS kid, k ->> 'is_imported' AS imported
  FROM jsonb_array_elements(swipesavvy.add_token_key('shared', encode(repeat('x', 40)::bytea, 'base64'), is_base64 => true) -> 'token_keys') k LIMIT 1;
SELECT secret = repeat('x', 40)::bytea AS decoded, retires_at FROM swipesavvy_private.token_keys WHERE kid = 'shared';
SAVEPOINT s;
SELECT swipesavvy.add_token_key('shared', repeat('y', 32));
ROLLBACK TO s;
SELECT swipesavvy.sign_in('ada@signin.test', 'correct horse') ->> 'access_token' AS access \gset
SELECT swipesavvy.verify_token(:'access') ->> 'valid' AS signed_with_it;
UPDATE swipesavvy_private.token_keys SET retires_at = now() - interval '1 second' WHERE kid <> 'shared';
SELECT swipesavvy.verify_token(:'ada_token') ->> 'reason' AS retired;
UPDATE swipesavvy_private.token_keys SET retires_at = now() - interval '2 days' WHERE kid <> 'shared';
-- a key that a gateway has, too, is not replaced by one that it has not
SAVEPOINT s;
SELECT swipesavvy.rotate_token_key('0');
\echo :LAST_ERROR_SQLSTATE
ROLLBACK TO s;
SELECT swipesavvy.rotate_token_key(force => NULL);
ROLLBACK TO s;
SELECT jsonb_array_length(swipesavvy.rotate_token_key('0', force => true) -> 'token_keys') AS only_the_new_one;
SELECT count(*) AS without_an_overlap_they_go_at_once FROM swipesavvy_private.token_keys WHERE retires_at IS NOT NULL;
SELECT swipesavvy.verify_token(:'access') ->> 'reason' AS the_shared_one;
SELECT jsonb_array_length(swipesavvy.rotate_token_key() -> 'token_keys') AS made_here_it_may_go;
SELECT count(*) AS long_retired_ones_are_gone FROM swipesavvy_private.token_keys WHERE retires_at < now();
ROLLBACK;
SET ROLE swipesavvy_support;
SELECT swipesavvy.rotate_token_key();
RESET ROLE;

-- what the audit log says of it
BEGIN;
SELECT swipesavvy.sign_in('ada@signin.test', 'correct horse') ->> 'refresh_token' AS a \gset
SELECT swipesavvy.refresh_session(swipesavvy.refresh_session(:'a') ->> 'refresh_token') ->> 'role' AS two_uses_one_after_the_other;
SELECT swipesavvy.refresh_session(:'a') ->> 'error' AS used_before;
SELECT swipesavvy.sign_in('ada@signin.test', 'wrong') ->> 'error' AS error;
SELECT swipesavvy.sign_in('nobody@signin.test', 'wrong') ->> 'error' AS error;
SELECT swipesavvy.sign_in('ada@signin.test', 'correct horse') ->> 'refresh_token' AS b \gset
SELECT swipesavvy.sign_out(:'b') ->> 'sessions_ended' AS ended, swipesavvy.sign_out(:'b') ->> 'sessions_ended' AS again;
SELECT swipesavvy.sign_in('ada@signin.test', 'correct horse') ->> 'access_token' AS access \gset
SELECT swipesavvy.authenticate(:'access') ->> 'role' AS role;
SELECT swipesavvy.change_password('wrong', 'battery staple') ->> 'error' AS error;
SELECT swipesavvy.change_password('correct horse', 'battery staple') ->> 'role' AS changed;
SELECT swipesavvy.sign_out(everywhere => true) ->> 'sessions_ended' AS ended;
SELECT count(swipesavvy.sign_in('nobody2@signin.test', 'wrong')) AS wrong FROM generate_series(1, 6);
SELECT swipesavvy.rotate_token_key() IS NOT NULL AS rotated;
SELECT event_type, status, l.user_id = :'ada' AS adas, actor_id = l.user_id AS by_herself,
       CASE WHEN resource_id = :'ada' THEN 'Ada' WHEN s.session_id IS NOT NULL THEN 'a session' WHEN k.kid IS NOT NULL THEN 'a key' ELSE resource_id END AS resource,
       details
  FROM swipesavvy.audit_logs l LEFT JOIN swipesavvy_private.user_sessions s ON s.session_id::text = l.resource_id LEFT JOIN swipesavvy_private.token_keys k ON k.kid = l.resource_id
 WHERE xid = pg_current_xact_id() ORDER BY log_id;
ROLLBACK;

-- five failures, and longer and longer; times are of the clock, so the test sets it back
BEGIN;
CREATE VIEW pg_temp.failures AS
    SELECT failures, round(extract(epoch FROM locked_until - last_attempt_at) / 60) AS minutes FROM swipesavvy_private.sign_in_failures
     WHERE email_hash = sha256('ada@signin.test');
SELECT n, swipesavvy.sign_in('ada@signin.test', 'wrong') ->> 'error' AS error FROM generate_series(1, 4) n;
SELECT * FROM pg_temp.failures;
SELECT swipesavvy.sign_in('ada@signin.test', 'wrong') ->> 'error' AS error;
SELECT * FROM pg_temp.failures;
SELECT swipesavvy.sign_in('ada@signin.test', 'correct horse') ->> 'error' AS right_but_locked_out, swipesavvy.sign_in('ada@signin.test', 'wrong') IS NOT NULL AS wrong;
SELECT failures AS not_counted FROM pg_temp.failures;
DO $$
BEGIN
    FOR n IN 6 .. 13 LOOP
        UPDATE swipesavvy_private.sign_in_failures SET locked_until = clock_timestamp() - interval '1 second' WHERE email_hash = sha256('ada@signin.test');
        PERFORM swipesavvy.sign_in('ada@signin.test', 'wrong');
        RAISE NOTICE '%', (SELECT f FROM pg_temp.failures f);
    END LOOP;
END $$;
-- a right one forgets them, and so does a day
SAVEPOINT s;
UPDATE swipesavvy_private.sign_in_failures SET locked_until = clock_timestamp() - interval '1 second' WHERE email_hash = sha256('ada@signin.test');
SELECT swipesavvy.sign_in('ada@signin.test', 'correct horse') ->> 'role' AS role;
SELECT * FROM pg_temp.failures;
ROLLBACK TO s;
UPDATE swipesavvy_private.sign_in_failures SET locked_until = clock_timestamp() - interval '1 day', last_attempt_at = clock_timestamp() - interval '25 hours';
SELECT swipesavvy.sign_in('ada@signin.test', 'wrong') ->> 'error' AS error;
SELECT * FROM pg_temp.failures;
-- a clock that was ahead and is set right: what was left is left, and no more
UPDATE swipesavvy_private.sign_in_failures SET failures = 7, last_attempt_at = clock_timestamp() + interval '8 hours', locked_until = clock_timestamp() + interval '8 hours 4 minutes';
SELECT swipesavvy.sign_in('ada@signin.test', 'correct horse') ->> 'error' AS still_locked_out;
SELECT failures, round(extract(epoch FROM locked_until - clock_timestamp()) / 60) AS minutes, last_attempt_at <= clock_timestamp() AS now FROM swipesavvy_private.sign_in_failures WHERE email_hash = sha256('ada@signin.test');
UPDATE swipesavvy_private.sign_in_failures SET last_attempt_at = clock_timestamp() + interval '8 hours', locked_until = clock_timestamp() + interval '7 hours 59 minutes';
SAVEPOINT s;
SELECT swipesavvy.sign_in('ada@signin.test', 'correct horse') ->> 'role' AS one_that_was_over_is_over;
ROLLBACK TO s;
-- those of strangers do not pile up
INSERT INTO swipesavvy_private.sign_in_failures (email_hash, failures, last_attempt_at) SELECT sha256(n::text::bytea), 1, now() - interval '2 days' FROM generate_series(1, 15) n;
ANALYZE swipesavvy_private.sign_in_failures;
SELECT swipesavvy.sign_in('nobody@signin.test', 'wrong') ->> 'error' AS error;
SELECT count(*) FROM swipesavvy_private.sign_in_failures WHERE last_attempt_at < now() - interval '1 day';
ROLLBACK;

-- a password is one however its letters are composed, and whatever blanks are in it; hashes of the bytes as they were given verify, too
BEGIN;
SELECT swipesavvy.update_system_settings('{"refresh_grace_seconds": 0}') #>> '{updated_settings,refresh_grace_seconds}' AS grace;
CREATE FUNCTION pg_temp.enters(password text) RETURNS text LANGUAGE sql AS $$ SELECT coalesce(s ->> 'error', 'in') FROM swipesavvy.sign_in('pass@signin.test', password) s $$;
CREATE FUNCTION pg_temp.set_to(password text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    DELETE FROM swipesavvy.reward_accounts USING swipesavvy.users u WHERE u.user_id = reward_accounts.user_id AND email = 'pass@signin.test';
    DELETE FROM swipesavvy.users WHERE email = 'pass@signin.test';
    DELETE FROM swipesavvy_private.sign_in_failures;
    PERFORM swipesavvy.create_user('pass@signin.test', 'P', password);
    RETURN 'set';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(' ', SQLSTATE, SQLERRM, detail);
END
$$;
SELECT what, pg_temp.set_to(given), pg_temp.enters(given) AS as_it_is, pg_temp.enters(other) AS as_the_other, pg_temp.enters(wrong) AS wrong FROM (VALUES
    (1, 'composed', U&'Pr\00FCfung 2026', U&'Pru\0308fung 2026', 'Prufung 2026'), (2, 'decomposed', U&'man\0303ana manana', U&'ma\00F1ana manana', 'manana manana'), (3, 'Hangul', U&'\D55C\AD6D\C5B4 \BE44\BC00\BC88\D638', normalize(U&'\D55C\AD6D\C5B4 \BE44\BC00\BC88\D638', NFD), U&'\D55C\AD6D\C5B4'),
    (4, 'blanks', U&'correct\3000horse\00A0battery', 'correct horse battery', 'correcthorsebattery'), (5, 'case counts', 'Correct horse', 'Correct horse', 'correct horse'), (6, 'so do wide letters', U&'\FF21\FF22\FF23 12345', U&'\FF21\FF22\FF23 12345', 'ABC 12345'),
    (7, 'blanks around it count', ' correct horse ', ' correct horse ', 'correct horse'), (8, 'eight letters with accents', repeat(U&'e\0301', 8), repeat(U&'\00E9', 8), repeat('e', 8))) v (n, what, given, other, wrong) ORDER BY n;
SELECT what, pg_temp.set_to(given || ' 12345678') AS outcome FROM (VALUES
    (1, 'tab', E'a\tb'), (2, 'line feed', E'a\nb'), (3, 'zero-width space', U&'a\200Bb'), (4, 'soft hyphen', U&'a\00ADb'), (5, 'right to left', U&'a\202Eb'), (6, 'unassigned', U&'a\0378b'), (7, 'private', U&'a\E000b'), (8, 'noncharacter', U&'a\FDD0b'),
    (9, 'line separator', U&'a\2028b'), (10, 'old Hangul', U&'\A960\1161'), (11, 'non-joiner in Latin', U&'a\200Cb'), (12, 'non-joiner in Persian', U&'\0645\06CC\200C\062E\0648\0627\0647\0645'), (13, 'joiner after a virama', U&'\0915\094D\200D\0937'), (14, 'joiner elsewhere', U&'a\200Db'),
    (15, 'middle dot in Catalan', U&'col\00B7legi'), (16, 'elsewhere', U&'a\00B7b'), (17, 'keraia before Greek', U&'\0375\03B1'), (18, 'before Latin', U&'\0375a'), (19, 'geresh after Hebrew', U&'\05D0\05F3'), (20, 'after Latin', U&'a\05F3'), (21, 'kana middle dot', U&'\30A2\30FB\30A2'), (22, 'among Latin', U&'a\30FBb'),
    (23, 'Arabic digits', U&'\0661\0662'), (24, 'of both kinds', U&'\0661\06F2'), (25, 'an emoji', U&'\+01F600'), (26, 'tatweel', U&'\0628\0640'), (27, 'too short when composed', NULL)) v (n, what, given) WHERE given IS NOT NULL ORDER BY n;
SELECT pg_temp.set_to(repeat(U&'e\0301', 7)) AS seven_letters;
-- nor is it a new one by being written otherwise
SELECT pg_temp.set_to(U&'Pr\00FCfung 2026') AS outcome;
SELECT swipesavvy.sign_in('pass@signin.test', U&'Pr\00FCfung 2026') ->> 'access_token' AS access \gset
SAVEPOINT s;
SELECT swipesavvy.authenticate(:'access') ->> 'role' AS role;
SELECT swipesavvy.change_password(U&'Pr\00FCfung 2026', U&'Pru\0308fung\00A02026');
ROLLBACK TO s;
-- hashed by another program, or before passwords were prepared
SELECT pg_temp.set_to('correct horse') AS outcome;
UPDATE swipesavvy_private.user_credentials SET password_hash = '$argon2id$v=19$m=19456,t=2,p=1$PZG2p5h7s6X0TLx8Rum+Jg$6KFFulJaX1yyEKR2tPuN8J4O6dasYqdlDEPap+bH42o' FROM swipesavvy.users u WHERE u.user_id = user_credentials.user_id AND email = 'pass@signin.test';
SELECT pg_temp.enters(E'tab\tand decomposed u\u0308') AS old_one, pg_temp.enters(E'tab and decomposed u\u0308') AS another;
ROLLBACK;

-- nothing stays of the test
DELETE FROM swipesavvy_private.user_sessions WHERE user_id IN (:'ada', :'bob');
SELECT count(*) FROM swipesavvy_private.sign_in_failures;
DELETE FROM swipesavvy.reward_accounts WHERE user_id IN (:'ada', :'bob');
DELETE FROM swipesavvy.users WHERE user_id IN (:'ada', :'bob');
