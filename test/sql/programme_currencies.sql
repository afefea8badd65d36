-- Currencies: today's list of ISO 4217, what has left it, and those that the programme adds.
\set VERBOSITY terse
SET client_min_messages = warning;
BEGIN;
\set ada '00000000-0000-7000-8000-00000000c001'
SELECT swipesavvy.create_user('ada@currencies.test', 'Ada', user_id => :'ada') IS NOT NULL AS ada;
CREATE FUNCTION pg_temp.try(call text) RETURNS text LANGUAGE plpgsql AS $f$
DECLARE result jsonb; detail text;
BEGIN
    EXECUTE 'SELECT swipesavvy.' || call INTO result;
    RETURN CASE jsonb_typeof(result) WHEN 'object' THEN result - '{transaction_id,created_at}'::text[] ELSE result END;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN format('%s %s: %s', SQLSTATE, SQLERRM, detail);
END $f$;

-- adding: refused, and done
SELECT call, pg_temp.try(call) FROM (VALUES (1, 'add_currency(NULL, 2)'), (2, 'add_currency(''QQQ'', NULL)'), (3, 'add_currency('''', 2)'), (4, 'add_currency(''qqq'', 2)'), (5, 'add_currency(''QQ'', 2)'),
    (6, 'add_currency(''QQQQ'', 2)'), (7, 'add_currency(''Q1Q'', 2)'), (8, U&'add_currency(''\00C4QQ'', 2)'), (9, 'add_currency(''QQ '', 2)'), (10, 'add_currency(''QQQ'', -1)'), (11, 'add_currency(''QQQ'', 5)'),
    (12, 'add_currency(''QQQ'', 2, '' '')'), (13, 'add_currency(''QQQ'', 2, repeat(''x'', 201))'), (14, 'add_currency(''USD'', 2)'), (15, 'add_currency(''XAU'', 2)'), (16, 'add_currency(''BGN'', 2)'),
    (17, 'add_currency(''QQQ'', 2, ''Quid'')'), (18, 'add_currency(''QQQ'', 2, ''Quid'')'), (19, 'add_currency(''QQQ'', 3)'), (20, 'add_currency(''QQA'', 0)'), (21, 'add_currency(''QQB'', 4)')) v (n, call) ORDER BY n;
SELECT * FROM swipesavvy.currencies WHERE code LIKE 'QQ%' ORDER BY code;
-- at once in all that has money
SELECT call, pg_temp.try(call) FROM (VALUES
    (1, format('record_transaction(%L, 12.34, ''QQQ'')', :'ada')), (2, format('record_transaction(%L, 12.345, ''QQQ'')', :'ada')), (3, format('record_transaction(%L, 12, ''QQA'')', :'ada')),
    (4, format('record_transaction(%L, 12.5, ''QQA'')', :'ada')), (5, format('record_transaction(%L, 1.2345, ''QQB'')', :'ada')), (6, format('record_transaction(%L, 1, ''QQC'')', :'ada')),
    (7, 'create_campaign(''Quid'', ''SEASONAL'', 1.5, ''FIXED_DISCOUNT'', now(), currency => ''QQQ'', campaign_id => ''CUR-Q'')'), (8, 'launch_campaign(''CUR-Q'') #- ''{launched_at}'''),
    (9, format('record_transaction(%L, 2, ''QQQ'')', :'ada')), (10, 'update_system_settings(''{"currency": "QQB"}'') #> ''{updated_settings,currency}''')) v (n, call) ORDER BY n;
-- new ones of ISO 4217, and those that left it
SELECT call, pg_temp.try(call) FROM (SELECT format('record_transaction(%L, 12.34, %L, occurred_at => %L)', :'ada', code, '2020-06-01T12:00Z') FROM unnest('{XCG,XAD,ZWG,SLE,ANG,BGN,CUC,HRK,SLL,ZWL}'::text[]) code) v (call);
INSERT INTO swipesavvy.purchases (user_id, amount_minor, currency) SELECT :'ada', 1234, code FROM unnest('{XCG,QQQ,HRK}'::text[]) code;
-- a campaign's currency is for ever once something was redeemed in it: also what was declined or refunded since
SELECT call, pg_temp.try(call) FROM (VALUES
    (1, 'update_campaign(''CUR-Q'', ''{"currency": "USD"}'') #> ''{currency}'''), (2, 'update_campaign(''CUR-Q'', ''{"currency": "QQQ"}'') #> ''{currency}'''),
    (3, 'create_campaign(''Pending'', ''SEASONAL'', 1, ''FIXED_DISCOUNT'', now(), currency => ''XCG'', campaign_id => ''CUR-P'') #> ''{status}'''), (4, 'launch_campaign(''CUR-P'') #> ''{status}'''),
    (5, 'update_campaign(''CUR-P'', ''{"currency": "ANG"}'') #> ''{currency}'''),
    (6, format('record_transaction(%L, 2, ''ANG'', status => ''pending'', transaction_id => ''00000000-0000-7000-8000-00000000c0a1'')', :'ada')), (7, 'decline_transaction(''00000000-0000-7000-8000-00000000c0a1'') #> ''{status}'''),
    (8, 'update_campaign(''CUR-P'', ''{"currency": "XCG"}'') #> ''{currency}''')) v (n, call) ORDER BY n;
-- who may
SET LOCAL ROLE swipesavvy_analytics;
SELECT pg_temp.try('add_currency(''QQZ'', 2)');
RESET ROLE;
SELECT event_type, resource_id, details FROM swipesavvy.audit_logs WHERE resource = 'currency' ORDER BY log_id;
ROLLBACK;
