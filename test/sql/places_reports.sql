-- report_location: consent, what is ignored, the states of a fence by traces, campaigns that a stay triggers, what is kept and for how long.
\set VERBOSITY terse
\pset tuples_only on
\pset format unaligned
BEGIN;
CREATE FUNCTION pg_temp.try(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result jsonb;
    detail text;
BEGIN
    EXECUTE 'SELECT swipesavvy.' || call INTO result;
    RETURN result;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN SQLSTATE || ' ' || SQLERRM || ': ' || detail;
END
$$;
\set ann '00000000-0000-7000-8000-00000000000a'
SELECT swipesavvy.create_user('ann@example.com', 'Ann', user_id => :'ann') ->> 'name';
SELECT swipesavvy.create_merchant('Corner Coffee', 'Restaurants & Cafes', merchant_id => '00000000-0000-7000-8000-00000000cafe') ->> 'name';
-- at the equator a degree of latitude is 111,195.08 m: a fence of 100 m around (0, 0), and one that waits for five minutes and takes only what is exact
SELECT swipesavvy.create_geofence('at once', 0, 0, 100, merchant_id => '00000000-0000-7000-8000-00000000cafe', dwell_seconds => 0, max_accuracy_meters => 1000, geofence_id => '00000000-0000-7000-8000-0000000000c1') ->> 'kind',
       swipesavvy.create_geofence('patient', 0, 1, 100, dwell_seconds => 300, geofence_id => '00000000-0000-7000-8000-0000000000c2') ->> 'kind';

-- consent
SELECT pg_temp.try(format('report_location(%L, 0, 0)', :'ann')), pg_temp.try($$report_location('00000000-0000-7000-8000-00000000dead', 0, 0)$$);
SELECT pg_temp.try(format('set_location_consent(%s)', a)) FROM (VALUES ('NULL, true'), (format('%L, NULL', :'ann')), ($$'00000000-0000-7000-8000-00000000dead', true$$)) v (a);
SELECT swipesavvy.set_location_consent(:'ann', true) -> 'location_consent', swipesavvy.set_location_consent(:'ann', true) -> 'location_consent';
SELECT details::jsonb -> 'after' ->> 'location_consent' FROM swipesavvy.audit_logs WHERE event_type = 'location_consent.set' ORDER BY log_id;

-- what is refused, and what is ignored
SELECT pg_temp.try(format('report_location(%L, %s)', :'ann', a)) FROM (VALUES ('NULL, 0'), ('91, 0'), ($$0, 0, -1$$), ($$0, 0, 'NaN'$$), ($$0, 0, 1, clock_timestamp() + interval '65 seconds'$$), ($$0, 0, 1, 'infinity'$$)) v (a);
SELECT pg_temp.try(format('report_location(%L, %s)', :'ann', a)) FROM (VALUES ('10, 10, 1000.1'), ($$10, 10, 'Infinity'$$), ($$10, 10, 5, now() - interval '24 hours 1 second'$$), ($$10, 10, 5, now() - interval '1 hour'$$), ($$10, 10, 5, now() - interval '1 hour'$$),
    ($$10, 10.1, 5, now() - interval '61 minutes'$$), ($$10, 10.1, 5, now() - interval '59 minutes 30 seconds'$$), ($$11, 10, 5, now() - interval '58 minutes'$$), ($$10.1, 10.1, 5, now() - interval '58 minutes'$$)) v (a);
SELECT lat_e7, lon_e7, accuracy_mm, occurred_at = now() - interval '58 minutes' FROM swipesavvy.user_positions;

-- the accuracy is kept in millimetres, halves away from zero, also where the double of a number lies below the half (0.5005); more than 1,000 m is none
CREATE FUNCTION pg_temp.kept(given numeric) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    said text;
BEGIN
    UPDATE swipesavvy.user_positions SET occurred_at = NULL, lat_e7 = NULL, lon_e7 = NULL, accuracy_mm = NULL;
    said := pg_temp.try(format('report_location(%L, 10, 10, %L, now() - interval ''1 hour'')', '00000000-0000-7000-8000-00000000000a', given));
    RETURN coalesce((SELECT accuracy_mm || ' mm, exported ' || (swipesavvy.export_user_data(user_id) #>> '{positions,0,accuracy_meters}') FROM swipesavvy.user_positions WHERE occurred_at IS NOT NULL), said);
END
$$;
SELECT given, pg_temp.kept(given) FROM unnest('{NULL,0,0.0004,0.0005,0.4995,0.5005,0.5015,0.50049999999999999999,12.3456,65.000,999.9994,999.9995,1000,1000.0004,1001,1e9,-0.0001}'::numeric[]) given;
SELECT count(*) FILTER (WHERE pg_temp.kept(n + 0.0005) IS DISTINCT FROM format('%s mm, exported %s', round((n + 0.0005) * 1000), round(n + 0.0005, 3))) AS wrong FROM generate_series(0.5, 0.6, 0.001) n;
SELECT pg_typeof(accuracy_mm), jsonb_typeof(swipesavvy.export_user_data(user_id) #> '{positions,0,accuracy_meters}') FROM swipesavvy.user_positions;
UPDATE swipesavvy.user_positions SET occurred_at = now() - interval '58 minutes', lat_e7 = 101000000, lon_e7 = 101000000, accuracy_mm = 5000;

-- traces: seconds, metres north of (0, 0) or of (0, 1), accuracy
CREATE FUNCTION pg_temp.trace(longitude int, steps float8[]) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    who uuid := gen_random_uuid();
    start timestamptz := now() - interval '20 hours';
    s float8[];
    result jsonb;
BEGIN
    INSERT INTO swipesavvy.user_positions (user_id) VALUES (who);
    FOREACH s SLICE 1 IN ARRAY steps LOOP
        result := swipesavvy.report_location(who, s[2] / 111195.0797, longitude, s[3]::numeric, start + s[1] * interval '1 second');
        RETURN NEXT format('%s s, %s m +-%s: %s', s[1], s[2], s[3], coalesce(result ->> 'ignored', (SELECT string_agg(format('%s since %s', z ->> 'event', extract(epoch FROM (z ->> 'since')::timestamptz - start)::int), ', ') FROM jsonb_array_elements(result -> 'zones') z), '-'));
    END LOOP;
    RETURN NEXT (SELECT 'visits: ' || coalesce(string_agg(format('%s to %s, stay %s', extract(epoch FROM entered_at - start)::int, extract(epoch FROM exited_at - start)::int, extract(epoch FROM dwelt_at - start)::int), '; ' ORDER BY entered_at), 'none') FROM swipesavvy.geofence_visits WHERE user_id = who);
END
$$;
-- dwell 0: entered and dwelt together; far out is gone at once
SELECT pg_temp.trace(0, '{{0,0,5},{10,50,5},{60,90,5},{120,400,5}}');
-- a stay of five minutes; between inside and outside nothing is said; the second report from outside a minute later ends it at the first
SELECT pg_temp.trace(1, '{{0,0,5},{299,0,5},{300,0,5},{360,0,5},{400,110,5},{420,130,5},{450,140,5},{479,140,5},{480,140,5},{500,150,5}}');
-- leaving is forgotten when a report says inside
SELECT pg_temp.trace(1, '{{0,0,5},{60,130,5},{110,50,5},{120,130,5},{170,130,5},{180,130,5}}');
-- back within five minutes: the visit goes on, and nothing is said; later it is another one
SELECT pg_temp.trace(1, '{{0,0,5},{60,500,5},{120,0,5},{330,0,5},{400,500,5},{700,0,5},{760,500,5},{1059,0,5}}');
-- not exact enough to enter, nor to say outside; a large band for what is not exact
SELECT pg_temp.trace(1, '{{0,0,101},{30,0,100},{60,190,90},{90,195,90},{150,195,90},{160,180,150},{170,600,150}}');
-- silence of half an hour: over with the last report from inside; the next one may begin another
SELECT pg_temp.trace(1, '{{0,0,5},{600,20,5},{700,130,5},{2500,0,5}}');
SELECT pg_temp.trace(1, '{{0,0,5},{600,20,5},{2399,20,5},{4199,20,5},{9000,5000,5}}');
-- straight past, and never there
SELECT pg_temp.trace(1, '{{0,500,5},{60,200,5},{120,115,5},{180,300,5}}');

-- a fence that is deleted, or over, ends a visit with its last report from inside
UPDATE swipesavvy.user_positions SET occurred_at = NULL, lat_e7 = NULL, lon_e7 = NULL, accuracy_mm = NULL WHERE user_id = :'ann';
SELECT swipesavvy.report_location(:'ann', 0.0001, 0, 5, now() - interval '20 minutes') #- '{zones,0,since}' #- '{zones,1,since}';
SELECT swipesavvy.delete_geofence('00000000-0000-7000-8000-0000000000c1') -> 'is_active';
SELECT swipesavvy.report_location(:'ann', 0.0001, 0, 5, now() - interval '10 minutes') #>> '{zones,0,event}';
SELECT exited_at = now() - interval '20 minutes' FROM swipesavvy.geofence_visits WHERE user_id = :'ann';

-- campaigns: at a stay, of the fence, or deals at its merchant; by priority, once a day, not for those who are not shown them
DELETE FROM swipesavvy.geofence_states; DELETE FROM swipesavvy.geofence_visits;
SELECT swipesavvy.create_segment('Friends') ->> 'name';
SELECT count(swipesavvy.create_campaign(campaign_id => c.id, name => c.id, campaign_type => c.type, offer_type => 'PERCENTAGE', offer_amount => 10, start_date => '2020-01-01',
    target_merchant_id => c.merchant::uuid, target_segment => c.segment, priority => c.priority, hold_out => c.held)) FROM (VALUES
    ('OWN', 'SEASONAL', NULL, NULL, 0, NULL), ('DEAL-1', 'LOCATION_DEAL', '00000000-0000-7000-8000-00000000cafe', NULL, 1, NULL), ('DEAL-9', 'LOCATION_DEAL', '00000000-0000-7000-8000-00000000cafe', NULL, 9, NULL),
    ('FRIENDS', 'LOCATION_DEAL', '00000000-0000-7000-8000-00000000cafe', 'Friends', 9, NULL), ('NOBODY', 'LOCATION_DEAL', '00000000-0000-7000-8000-00000000cafe', NULL, 9, 100),
    ('NO-DEAL', 'SEASONAL', '00000000-0000-7000-8000-00000000cafe', NULL, 9, NULL), ('DRAFT', 'LOCATION_DEAL', '00000000-0000-7000-8000-00000000cafe', NULL, 9, NULL)) c (id, type, merchant, segment, priority, held);
SELECT count(swipesavvy.launch_campaign(c)) FROM unnest('{OWN,DEAL-1,DEAL-9,FRIENDS,NOBODY,NO-DEAL}'::text[]) c;
SELECT swipesavvy.create_geofence('deals', 5, 5, 100, merchant_id => '00000000-0000-7000-8000-00000000cafe', dwell_seconds => 0, geofence_id => '00000000-0000-7000-8000-0000000000c3') ->> 'kind',
       swipesavvy.create_geofence('own', 6, 6, 100, campaign_id => 'OWN', dwell_seconds => 0, geofence_id => '00000000-0000-7000-8000-0000000000c4') ->> 'kind';
CREATE FUNCTION pg_temp.triggered(latitude float8, longitude float8, ago text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    UPDATE swipesavvy.user_positions SET occurred_at = NULL, lat_e7 = NULL, lon_e7 = NULL, accuracy_mm = NULL WHERE user_id = '00000000-0000-7000-8000-00000000000a';
    DELETE FROM swipesavvy.geofence_states;
    RETURN (SELECT string_agg((c ->> 'campaign_id') || ' ' || (c ->> 'offer_type') || ' ' || (c ->> 'offer_amount') || ' ' || right(c ->> 'geofence_id', 2), ', ')
      FROM jsonb_array_elements(swipesavvy.report_location('00000000-0000-7000-8000-00000000000a', latitude, longitude, 5, now() - ago::interval) -> 'campaigns_triggered') c);
END
$$;
SELECT pg_temp.triggered(5, 5, '23 hours 50 minutes');
SELECT pg_temp.triggered(5, 5, '1 hour');
SELECT pg_temp.triggered(6, 6, '30 minutes');
SELECT user_id = :'ann', kind, c.campaign_id, occurred_at - now() FROM swipesavvy.campaign_events JOIN swipesavvy.campaigns c USING (campaign_no) ORDER BY occurred_at, campaign_id;
SELECT event, version, order_key, body - 'occurred_at' FROM swipesavvy.outbox WHERE event = 'location.triggered' ORDER BY message_id;
SELECT count(*) FROM swipesavvy.points_entries WHERE user_id = :'ann';
-- in a test a user gets one arm
SAVEPOINT untested;
DELETE FROM swipesavvy.geofence_triggers;
SELECT swipesavvy.create_ab_test('T', 'DEAL-1', '{DEAL-9}', exposure => 'assignment', test_id => '00000000-0000-7000-8000-0000000000e3') ->> 'status';
SELECT swipesavvy.start_ab_test('00000000-0000-7000-8000-0000000000e3') ->> 'status';
SELECT t ~ 'DEAL-1' AND t ~ 'DEAL-9' AS both, t ~ 'DEAL-1' OR t ~ 'DEAL-9' AS one FROM pg_temp.triggered(5, 5, '20 minutes') t;
ROLLBACK TO untested;

-- visits that nobody ends, and retention
DELETE FROM swipesavvy.geofence_states; DELETE FROM swipesavvy.geofence_visits;
SELECT pg_temp.triggered(6, 6, '31 minutes');
SELECT swipesavvy.close_geofence_visits();
SELECT exited_at = entered_at FROM swipesavvy.geofence_visits WHERE user_id = :'ann';
SELECT swipesavvy.close_geofence_visits();
SELECT pg_temp.triggered(6, 6, '5 minutes');
SELECT swipesavvy.close_geofence_visits();
SELECT swipesavvy.update_system_settings('{"position_retention_hours": 1, "visit_retention_days": 1}') -> 'status';
UPDATE swipesavvy.user_positions SET occurred_at = now() - interval '61 minutes' WHERE user_id = :'ann';
UPDATE swipesavvy.geofence_visits SET entered_at = now() - interval '25 hours', exited_at = now() - interval '25 hours' WHERE exited_at IS NOT NULL;
SELECT swipesavvy.apply_location_retention() -> 'visits';
SELECT lat_e7 IS NULL AND lon_e7 IS NULL AND accuracy_mm IS NULL AS no_place, occurred_at IS NULL AS no_time FROM swipesavvy.user_positions WHERE user_id = :'ann';
SELECT jsonb_array_length(swipesavvy.export_user_data(:'ann') -> 'positions'), swipesavvy.export_user_data(:'ann') -> 'positions' -> 0 -> 'latitude';
SELECT swipesavvy.apply_location_retention();
-- where the last report was is not known any more, but when: what is from before comes too late, and how fast the user was nobody knows
SELECT swipesavvy.report_location(:'ann', 6, 6, 5, now() - interval '62 minutes') ->> 'ignored', swipesavvy.report_location(:'ann', 60, 6, 5, now() - interval '60 minutes') ->> 'ignored';
UPDATE swipesavvy.user_positions SET occurred_at = now() - interval '25 hours' WHERE user_id = :'ann';
SELECT swipesavvy.apply_location_retention();
SELECT lat_e7 IS NULL AND lon_e7 IS NULL AND accuracy_mm IS NULL AS no_place, occurred_at IS NULL AS no_time FROM swipesavvy.user_positions WHERE user_id = :'ann';
-- whoever was not heard of for so long has left, also if no job has seen to that
SAVEPOINT silent;
DELETE FROM swipesavvy.geofence_states;
SELECT swipesavvy.report_location(:'ann', 0, 1, 5, now() - interval '23 hours') #>> '{zones,0,event}';
UPDATE swipesavvy.user_positions SET occurred_at = NULL, lat_e7 = NULL, lon_e7 = NULL, accuracy_mm = NULL WHERE user_id = :'ann';
SELECT jsonb_path_query_array(swipesavvy.report_location(:'ann', 0, 1, 5), '$.zones[*].event');
ROLLBACK TO silent;

-- taken back: everything is gone at once; and so it is with the user
SELECT jsonb_path_query_array(swipesavvy.export_user_data(:'ann'), '$.location_consents[*].consent'), jsonb_array_length(swipesavvy.export_user_data(:'ann') -> 'geofence_visits');
SELECT swipesavvy.set_location_consent(:'ann', false) -> 'location_consent';
SELECT (SELECT count(*) FROM swipesavvy.user_positions WHERE user_id = :'ann'), (SELECT count(*) FROM swipesavvy.geofence_states WHERE user_id = :'ann'), (SELECT count(*) FROM swipesavvy.geofence_visits WHERE user_id = :'ann'), (SELECT count(*) FROM swipesavvy.geofence_triggers WHERE user_id = :'ann');
SELECT pg_temp.try(format('report_location(%L, 0, 0)', :'ann'));
SELECT swipesavvy.set_location_consent(:'ann', true) -> 'location_consent', swipesavvy.erase_user(:'ann') ->> 'account_status';
SELECT count(*) FROM swipesavvy.location_consents WHERE user_id = :'ann';
SELECT pg_temp.try(format('set_location_consent(%L, true)', :'ann')), pg_temp.try(format('report_location(%L, 0, 0)', :'ann'));
ROLLBACK;
