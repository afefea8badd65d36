-- The rules that hold for every function: what is refused, with which SQLSTATE, the argument's name in the message, and the
-- caller's value in the detail only, never in the message. Everything is rolled back.
SET timezone = 'UTC';
BEGIN;
SELECT set_config('swipesavvy.trusted_gateways', quote_ident(session_user), true) IS NOT NULL AS trusted;
-- Runs a call as an admin, or as somebody else. A value of the caller's that gets into the message is told.
CREATE FUNCTION pg_temp.refused(call text, value text DEFAULT NULL, caller text DEFAULT 'swipesavvy_admin',
                                OUT state text, OUT message text, OUT detail text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('role', caller, true);
    EXECUTE 'SELECT swipesavvy.' || call;
    PERFORM set_config('role', 'none', true);
    message := 'NOT REFUSED';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
    IF strpos(message, value) > 0 THEN
        message := 'VALUE IN MESSAGE: ' || message;
    ELSIF detail IS NULL OR detail = '' THEN
        message := 'NO DETAIL: ' || message;
    END IF;
END
$$;
\set ann '00000000-0000-7000-8000-0000a0000001'
\set bob '00000000-0000-7000-8000-0000a0000002'
\set none '00000000-0000-7000-8000-0000a000ffff'
SELECT count(swipesavvy.create_user(n || '@rules.test', n, user_id => id::uuid)) FROM (VALUES ('ann', :'ann'), ('bob', :'bob')) v (n, id);
SELECT swipesavvy.create_merchant('R', 'Services', merchant_id => :'ann') ->> 'name' AS merchant, swipesavvy.create_boost('R', 2, boost_id => :'ann') ->> 'name' AS boost,
       swipesavvy.create_segment('r-segment') ->> 'name' AS segment, swipesavvy.create_campaign('R', 'SEASONAL', NULL, 'OTHER', '2026-01-01', campaign_id => 'R-ONE') ->> 'status' AS campaign;

-- pages: 1 to 100, from 0; not clamped
SELECT v.*, r.* FROM (VALUES ('list_campaigns(page_size => 0)', '0'), ('list_campaigns(page_size => 101)', '101'), ('list_campaigns(page_offset => -1)', '-1'),
    ('list_merchants(page_size => 0)', '0'), ('list_merchants(page_size => 101)', '101'), ('list_merchants(page_size => -2147483648)', '-2147483648'), ('list_merchants(page_offset => -1)', '-1'))
    v (call, value), pg_temp.refused(call, value) r;
SELECT swipesavvy.list_campaigns(page_size => 1) -> 'limit' AS lowest, swipesavvy.list_campaigns(page_size => 100, page_offset => 2147483647) -> 'limit' AS highest, swipesavvy.list_campaigns() -> 'limit' AS default,
       swipesavvy.list_merchants(page_size => 1) -> 'limit' AS lowest, swipesavvy.list_merchants(page_size => 100) -> 'limit' AS highest, swipesavvy.list_merchants() -> 'limit' AS default;

-- keys of a document that are unknown, and documents that are none
SELECT v.*, r.* FROM (VALUES ('update_user(''00000000-0000-7000-8000-0000a0000001'', %L)', '{"nmae": "x"}'::jsonb), ('update_user(''00000000-0000-7000-8000-0000a0000001'', %L)', '[]'),
    ('update_merchant(''00000000-0000-7000-8000-0000a0000001'', %L)', '{"nmae": "x"}'), ('update_merchant(''00000000-0000-7000-8000-0000a0000001'', %L)', '5'),
    ('update_campaign(''R-ONE'', %L)', '{"nmae": "x"}'), ('update_campaign(''R-ONE'', %L)', 'null'), ('update_system_settings(%L)', '{"nmae": 1}'), ('update_system_settings(%L)', '"nmae"'),
    ('update_tiers(%L)', '[{"tier": "bronze", "threshold": 0, "multiplier": 1, "nmae": 1}]'), ('update_tiers(%L)', '{}'), ('update_tiers(%L)', '[1]'), ('record_transactions(%L)', '{}'))
    v (call, given), pg_temp.refused(format(call, given), 'nmae') r;

-- words that are none of those allowed
SELECT v.*, r.* FROM (VALUES ('create_user(''x@rules.test'', ''x'', role => ''root'')', 'root'), ('create_campaign(''x'', ''SALE'', NULL, ''OTHER'', now())', 'SALE'),
    ('create_campaign(''x'', ''SEASONAL'', NULL, ''GIFT'', now())', 'GIFT'), ('update_campaign(''R-ONE'', ''{"status": "gone"}'')', 'gone'), ('launch_campaign(''R-ONE'', ''sometime'')', 'sometime'),
    ('list_campaigns(status => ''gone'')', 'gone'), ('list_campaigns(campaign_type => ''sale'')', 'sale'), ('track_event(''R-ONE'', ''glance'')', 'glance'),
    ('link_account(' || quote_literal(:'ann') || ', ''purse'', ''4242'')', 'purse'), ('record_transaction(' || quote_literal(:'ann') || ', 1, status => ''settled'')', 'settled'),
    ('record_transaction(' || quote_literal(:'ann') || ', 1, ''EURO'')', 'EURO'), ('record_transaction(' || quote_literal(:'ann') || ', 1, ''ZZZ'')', 'ZZZ'), ('list_merchants(''Space Travel'')', 'Space Travel'),
    ('update_system_settings(''{"currency": "ZZZ"}'')', 'ZZZ'), ('update_system_settings(''{"timezone": "Mars/Base"}'')', 'Mars/Base')) v (call, value), pg_temp.refused(call, value) r;

-- names and texts: empty, too long, with control characters (a CR/LF in a message would split PostgREST's status line)
SELECT v.*, r.* FROM (VALUES ('create_user(''y@rules.test'', %s)'), ('update_user(''00000000-0000-7000-8000-0000a0000001'', jsonb_build_object(''name'', %s))'), ('create_merchant(%s, ''Services'')'),
    ('update_merchant(''00000000-0000-7000-8000-0000a0000001'', jsonb_build_object(''name'', %s))'), ('create_segment(%s)'), ('create_boost(%s, 2)'), ('create_campaign(%s, ''SEASONAL'', NULL, ''OTHER'', now())'),
    ('update_campaign(''R-ONE'', jsonb_build_object(''name'', %s))'), ('add_segment_members(%s, ''{}'')'), ('list_campaigns(search => %s)'), ('list_merchants(search => %s)'),
    ('record_transaction(''00000000-0000-7000-8000-0000a0000001'', 1, idempotency_key => %s)')) v (call), pg_temp.refused(format(call, quote_literal(' '))) r;
SELECT v.*, r.* FROM (VALUES ('create_user(''y@rules.test'', %s)'), ('create_user(repeat(''y'', 310) || ''@rules.test'', ''y'')'), ('create_user(''y@rules.test'', ''y'', phone => %s)'), ('create_merchant(%s, ''Services'')'), ('create_merchant(''x'', ''Services'', description => repeat(''x'', 4001))'),
    ('create_segment(%s)'), ('create_segment(''x'', repeat(''x'', 4001))'), ('create_boost(%s, 2)'), ('create_campaign(%s, ''SEASONAL'', NULL, ''OTHER'', now())'), ('list_campaigns(search => %s)'), ('list_merchants(search => %s)'),
    ('link_account(''00000000-0000-7000-8000-0000a0000001'', ''card'', ''4242'', issuer => %s)'), ('suspend_user(''00000000-0000-7000-8000-0000a0000001'', repeat(''x'', 4001))'),
    ('record_transaction(''00000000-0000-7000-8000-0000a0000001'', 1, idempotency_key => %s)')) v (call), pg_temp.refused(format(call, quote_literal(repeat('xy', 101))), 'xyxy') r;
SELECT v.*, r.* FROM (VALUES ('create_user(''y@rules.test'', %s)'), ('create_merchant(%s, ''Services'')'), ('create_segment(%s)'), ('create_boost(%s, 2)'), ('create_campaign(%s, ''SEASONAL'', NULL, ''OTHER'', now())'),
    ('record_transaction(''00000000-0000-7000-8000-0000a0000001'', 1, idempotency_key => %s)')) v (call), pg_temp.refused(format(call, quote_literal(E'a\x1b[31m')), E'\x1b') r;
-- what is not found is told in the detail, even when it would split a header
SELECT r.state, r.message, replace(r.detail, E'\r\n', '<CR/LF>') AS detail FROM pg_temp.refused(E'get_campaign(E''x\\r\\nSet-Cookie: a=b'')', 'Set-Cookie') r
UNION ALL SELECT r.state, r.message, replace(r.detail, E'\r\n', '<CR/LF>') FROM pg_temp.refused(E'add_segment_members(E''x\\r\\nSet-Cookie: a=b'', ''{}'')', 'Set-Cookie') r
UNION ALL SELECT r.state, r.message, replace(r.detail, E'\r\n', '<CR/LF>') FROM pg_temp.refused(E'create_merchant(''x'', E''x\\r\\nSet-Cookie: a=b'')', 'Set-Cookie') r
UNION ALL SELECT r.state, r.message, replace(r.detail, E'\r\n', '<CR/LF>') FROM pg_temp.refused(E'launch_campaign(''R-ONE'', E''x\\r\\nSet-Cookie: a=b'')', 'Set-Cookie') r;
-- NUL and invalid UTF-8 do not get as far as a text
SELECT v.*, r.state FROM (VALUES ('create_segment(convert_from(''\x6100'', ''UTF8''))'), ('create_segment(convert_from(''\xc328'', ''UTF8''))'), ('create_segment(convert_from(''\xeda080'', ''UTF8''))'),
    ('update_user(''00000000-0000-7000-8000-0000a0000001'', ''{"name": "a\u0000"}'')'), ('update_user(''00000000-0000-7000-8000-0000a0000001'', ''{"name": "\ud800"}'')')) v (call), pg_temp.refused(call) r;

-- the end is after the start
SELECT v.*, r.* FROM (VALUES ('create_campaign(''x'', ''SEASONAL'', NULL, ''OTHER'', ''2026-03-02'', ''2026-03-01'')'), ('create_campaign(''x'', ''SEASONAL'', NULL, ''OTHER'', ''2026-03-02'', ''2026-03-02'')'),
    ('update_campaign(''R-ONE'', ''{"end_date": "2025-12-31"}'')'), ('create_boost(''x'', 2, NULL, ''2026-03-02'', ''2026-03-01'')'), ('create_boost(''x'', 2, NULL, ''2026-03-02'', ''2026-03-02'')')) v (call), pg_temp.refused(call) r;
-- times: finite
SELECT v.*, r.* FROM (VALUES ('create_campaign(''x'', ''SEASONAL'', NULL, ''OTHER'', ''infinity'')'), ('create_boost(''x'', 2, NULL, ''-infinity'')'), ('create_boost(''x'', 2, NULL, NULL, ''infinity'')'),
    ('track_event(''R-ONE'', ''view'', occurred_at => ''infinity'')'), ('record_transaction(''00000000-0000-7000-8000-0000a0000001'', 1, occurred_at => ''infinity'')'),
    ('update_campaign(''R-ONE'', ''{"start_date": "infinity"}'')')) v (call), pg_temp.refused(call, 'infinity') r;
-- and times, where they come as JSON; call_times.sql has their forms
SELECT v.*, r.* FROM (VALUES ('soon'), ('2026-02-30'), ('2026-03-01 25:00'), ('300000-01-01'), ('2026-03-01T12:00:00Z and more'), ('allballs 2026'), ('12:00'))
    v (value), pg_temp.refused(format('update_campaign(''R-ONE'', %L)', jsonb_build_object('start_date', value)), value) r;
SELECT v.*, swipesavvy.update_campaign('R-ONE', jsonb_build_object('start_date', value)) -> 'start_date' AS start_date FROM (VALUES ('2026-03-01T12:00:00Z'), ('2026-03-01 12:00:00.25+02'),
    ('2026-03-01')) v (value);

-- numbers: not negative, not NaN, not infinite, not more decimals than there are, within bounds; JSON numbers are numbers
SELECT v.*, r.* FROM (VALUES ('create_campaign(''x'', ''SEASONAL'', %s, ''FIXED_DISCOUNT'', now())'), ('create_campaign(''x'', ''SEASONAL'', NULL, ''OTHER'', now(), budget => %s)'), ('create_boost(''x'', %s)'),
    ('track_event(''R-ONE'', ''view'', value => %s)'), ('record_transaction(''00000000-0000-7000-8000-0000a0000001'', %s)')) v (call),
    LATERAL (VALUES ('-7.77', '-7.77'), ('NaN', 'NaN'), ('Infinity', 'Infinity'), ('0.777777', '0.777777'), ('7e77', '7777777')) n (value, shown), LATERAL pg_temp.refused(format(call, quote_literal(value)), value) r
    WHERE NOT (call LIKE 'track%' AND value LIKE '7e%');
SELECT v.*, r.* FROM (VALUES ('update_campaign(''R-ONE'', ''{"budget": -7.77}'')', '-7.77'), ('update_campaign(''R-ONE'', ''{"budget": "7.77"}'')', '7.77'), ('update_campaign(''R-ONE'', ''{"budget": 7.777}'')', '7.777'),
    ('update_campaign(''R-ONE'', ''{"per_user_limit": 0}'')', '0'), ('update_campaign(''R-ONE'', ''{"priority": 7.5}'')', '7.5'), ('update_campaign(''R-ONE'', ''{"stackable": "yes"}'')', 'yes'),
    ('update_system_settings(''{"earn_rate": 7.7777}'')', '7.7777'), ('update_system_settings(''{"max_transaction_amount": -7}'')', '-7'), ('update_system_settings(''{"maintenance_mode": 7}'')', '7'),
    ('update_tiers(''[{"tier": "a", "threshold": 0, "multiplier": 7.7777}]'')', '7.7777'), ('update_tiers(''[{"tier": "a", "threshold": -7, "multiplier": 1}]'')', '-7'), ('update_tiers(''[{"tier": "a", "threshold": 7, "multiplier": 1}]'')', '7'),
    ('link_account(''00000000-0000-7000-8000-0000a0000001'', ''card'', ''4242'', expiry_month => 77, expiry_year => 2030)', '77')) v (call, value), pg_temp.refused(call, value) r;

-- UUIDs in a document or a cursor: 8-4-4-4-12 hexadecimal digits and nothing else that the type uuid takes, or fails with
SELECT v.*, n.value, r.* FROM (VALUES ('update_campaign(''R-ONE'', jsonb_build_object(''target_merchant_id'', %s::text))'), ('list_merchants(after => %s)'), ('get_points_history(''00000000-0000-7000-8000-0000a0000001'', after => %s)'),
    ('list_boosts(after => %s)')) v (call), (VALUES ('0000000-00000-7000-8000-0000a0000001'), ('000000000-000-7000-8000-0000a0000001'), ('{0000000070008000-0000a0000001-----}'), ('00000000-0000-7000-8000-0000a000000g'), ('00000000700080000000a0000001')) n (value),
    pg_temp.refused(format(call, quote_literal(value)), value) r;

-- the error codes: not found PT404, not in this state PT400, duplicate 23505, exhausted PT409, not allowed 42501
SELECT v.*, r.* FROM (VALUES ('get_user_profile(%s)'), ('update_user(%s, ''{}'')'), ('suspend_user(%s)'), ('link_account(%s, ''card'', ''4242'')'), ('get_user_accounts(%s)'), ('verify_account(%s)'), ('set_default_account(%s)'), ('unlink_account(%s)'),
    ('get_merchant(%s)'), ('update_merchant(%s, ''{}'')'), ('activate_boost(%s, ''00000000-0000-7000-8000-0000a0000001'')'), ('activate_boost(''00000000-0000-7000-8000-0000a0000001'', %s)'),
    ('deactivate_boost(''00000000-0000-7000-8000-0000a0000001'', %s)'), ('record_transaction(%s, 1)'), ('record_transaction(''00000000-0000-7000-8000-0000a0000001'', 1, merchant_id => %s)'),
    ('record_transaction(''00000000-0000-7000-8000-0000a0000001'', 1, account_id => %s)'), ('explain_award(%s)'), ('create_user(''y@rules.test'', ''y'', referred_by => %s)'), ('add_segment_members(''r-segment'', ARRAY[%s]::uuid[])'),
    ('create_campaign(''x'', ''SEASONAL'', NULL, ''OTHER'', now(), target_merchant_id => %s)'), ('track_event(''R-ONE'', ''view'', %s)')) v (call), pg_temp.refused(format(call, quote_literal(:'none')), :'none') r;
SELECT v.*, r.* FROM (VALUES ('get_campaign(''R-NONE'')'), ('update_campaign(''R-NONE'', ''{}'')'), ('launch_campaign(''R-NONE'')'), ('pause_campaign(''R-NONE'')'), ('delete_campaign(''R-NONE'')'), ('track_event(''R-NONE'', ''view'')'),
    ('add_segment_members(''R-NONE'', ''{}'')'), ('remove_segment_members(''R-NONE'', ''{}'')'), ('create_campaign(''x'', ''SEASONAL'', NULL, ''OTHER'', now(), target_segment => ''R-NONE'')')) v (call), pg_temp.refused(call, 'R-NONE') r;
SELECT v.*, r.* FROM (VALUES ('pause_campaign(''R-ONE'')', NULL), ('create_user(''ANN@rules.test'', ''x'')', 'ANN@rules.test'), ('create_user(''z@rules.test'', ''x'', user_id => ''00000000-0000-7000-8000-0000a0000001'')', '0000a0000001'),
    ('create_merchant(''x'', ''Services'', merchant_id => ''00000000-0000-7000-8000-0000a0000001'')', '0000a0000001'), ('create_segment(''r-segment'')', 'r-segment'), ('create_campaign(''x'', ''SEASONAL'', NULL, ''OTHER'', now(), campaign_id => ''R-ONE'')', 'R-ONE'),
    ('create_boost(''x'', 2, boost_id => ''00000000-0000-7000-8000-0000a0000001'')', '0000a0000001'),
    ('reactivate_user(''00000000-0000-7000-8000-0000a0000001'')', '0000a0000001')) v (call, value), pg_temp.refused(call, value) r;
-- what must be given
SELECT v.*, r.* FROM (VALUES ('get_user_profile(NULL)'), ('create_user(NULL, ''x'')'), ('update_user(NULL, ''{}'')'), ('update_merchant(''00000000-0000-7000-8000-0000a0000001'', NULL)'), ('get_campaign(NULL)'), ('create_boost(''x'', NULL)'),
    ('create_segment(NULL)'), ('add_segment_members(''r-segment'', NULL)'), ('update_tiers(NULL)'), ('update_system_settings(NULL)'), ('record_transaction(NULL, 1)'), ('record_transaction(''00000000-0000-7000-8000-0000a0000001'', NULL)'),
    ('record_transactions(NULL)'), ('explain_award(NULL)'), ('track_event(NULL, ''view'')'), ('link_account(NULL, ''card'', ''4242'')')) v (call), pg_temp.refused(call) r;
-- an error takes back no more than the call, and a message never has the caller's own data, however long
SELECT r.state, r.message, length(r.detail) AS cut_to FROM pg_temp.refused('get_campaign(repeat(''x'', 200))', 'xxx') r;
SELECT r.state, r.message, length(r.detail) <= 1000 AS cut FROM pg_temp.refused('list_campaigns(status => repeat(''x'', 100000))', 'xxx') r;
ROLLBACK;
