-- (since 1.2.0) What a call says to PostgREST beside its result: the status of what it created; and the hint to whoever forgot to trust a gateway.
\set SHOW_CONTEXT never
BEGIN;
CREATE FUNCTION pg_temp.status(call text, method text DEFAULT 'POST', said text DEFAULT '') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('request.method', method, true), set_config('response.status', said, true);
    EXECUTE 'SELECT swipesavvy.' || call;
    RETURN nullif(current_setting('response.status', true), '');
END
$$;
CREATE TEMP TABLE calls (function, call) AS VALUES
    ('create_user', $$create_user('a@http.test', 'A', 'correct horse', user_id => '00000000-0000-7000-8000-0000000cafe1')$$), ('create_merchant', $$create_merchant('M', 'Services')$$), ('create_segment', $$create_segment('http')$$),
    ('create_boost', $$create_boost('B', 2)$$), ('create_campaign', $$create_campaign('C', 'SEASONAL', NULL, 'OTHER', now())$$), ('create_reward', $$create_reward('R', 5)$$), ('create_charity', $$create_charity('H')$$),
    ('create_sink', $$create_sink('http', 'webhook', 'https://example.com/', 'http')$$), ('create_flag', $$create_flag('http', 'Flag')$$), ('create_geofence', $$create_geofence('http', 1, 2, 100)$$),
    ('create_ab_test', $$create_ab_test('T', 'HTTP-1', '{HTTP-2}')$$), ('create_flag_test', $$create_flag_test('T', 'dark_mode', '[true, false]')$$);
SELECT count(swipesavvy.create_campaign(id, 'SEASONAL', NULL, 'OTHER', now(), campaign_id => id)) AS campaigns FROM unnest('{HTTP-1,HTTP-2}'::text[]) id;
SELECT swipesavvy.set_sink_secret('http', 'x') ->> 'secret' AS secret;
SELECT proname AS missing_here FROM pg_proc WHERE pronamespace = 'swipesavvy'::regnamespace AND proname LIKE 'create%' AND proname NOT IN (SELECT function FROM calls);
SELECT function, pg_temp.status(call) FROM calls ORDER BY function;
SELECT call, pg_temp.status(call) AS nothing FROM (VALUES ($$update_user('00000000-0000-7000-8000-0000000cafe1', '{"name": "B"}')$$), ($$get_user_profile('00000000-0000-7000-8000-0000000cafe1')$$), ('list_segments()')) v (call);
SELECT pg_temp.status('create_segment(''other'')', '') AS not_over_http, pg_temp.status('create_segment(''third'')', said => '202') AS what_the_app_said_stays;
SELECT pg_temp.status('sign_in(''a@http.test'', ''wrong'')') AS refused, swipesavvy.sign_in('a@http.test', 'wrong') AS body;
SELECT swipesavvy.refresh_session('x') AS body;

-- claims that are ignored: the hint says so, and to nobody else
SET LOCAL request.jwt.claims = '{"sub": "00000000-0000-7000-8000-0000000cafe1"}';
SELECT set_config('swipesavvy.trusted_gateways', quote_ident(session_user), true) = quote_ident(session_user) AS trusted;
CREATE FUNCTION pg_temp.hint(call text, gateways text, claims text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    hint text;
BEGIN
    PERFORM set_config('swipesavvy.trusted_gateways', gateways, true), set_config('request.jwt.claims', claims, true), set_config('role', 'swipesavvy_customer', true);
    EXECUTE 'SELECT swipesavvy.' || call;
    RETURN 'ok';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
    RETURN SQLSTATE || ' ' || replace(hint, '"' || session_user || '"', '"..."');
END
$$;
SELECT what, pg_temp.hint(call, replace(gateways, 'me', quote_ident(session_user)), claims) FROM (VALUES
    (1, 'forgotten', $$get_user_profile('00000000-0000-7000-8000-0000000cafe1')$$, '', '{"sub": "00000000-0000-7000-8000-0000000cafe1"}'), (2, 'another one', $$get_user_profile('00000000-0000-7000-8000-0000000cafe1')$$, 'another', '{"sub": "00000000-0000-7000-8000-0000000cafe1"}'),
    (3, 'in order', $$get_user_profile('00000000-0000-7000-8000-0000000cafe1')$$, 'me', '{"sub": "00000000-0000-7000-8000-0000000cafe1"}'), (4, 'trusted, another user', $$get_user_profile('00000000-0000-7000-8000-0000000cafe2')$$, 'me', '{"sub": "00000000-0000-7000-8000-0000000cafe1"}'),
    (5, 'no claims', $$get_user_profile('00000000-0000-7000-8000-0000000cafe1')$$, '', ''), (6, 'trusted, no claims', $$get_user_profile('00000000-0000-7000-8000-0000000cafe1')$$, 'me', '')) v (n, what, call, gateways, claims) ORDER BY n;
ROLLBACK;
