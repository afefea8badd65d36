-- Times in documents: ISO 8601 and nothing else, in the programme's time zone where they name none, whatever the session's settings.
\set VERBOSITY terse
SET client_min_messages = warning;
BEGIN;
\set ada '00000000-0000-7000-8000-00000000c701'
SELECT swipesavvy.create_user('ada@times.test', 'Ada', user_id => :'ada') IS NOT NULL AS ada,
       swipesavvy.create_campaign('Times', 'SEASONAL', offer_type => 'OTHER', start_date => '0001-01-01Z', campaign_id => 'TIMES') IS NOT NULL AS campaign,
       swipesavvy.create_reward('Times', 5, starts_at => '0001-01-01Z', reward_id => :'ada') IS NOT NULL AS reward;

-- The moment as each of the doors reads it, in UTC, or what it says instead.
CREATE FUNCTION pg_temp.taken(door text, v text) RETURNS text LANGUAGE plpgsql AS $f$
DECLARE r jsonb; detail text;
BEGIN
    CASE door
    WHEN 'campaign' THEN RETURN swipesavvy.update_campaign('TIMES', jsonb_build_object('end_date', v)) ->> 'end_date';
    WHEN 'reward' THEN RETURN swipesavvy.update_reward('00000000-0000-7000-8000-00000000c701', jsonb_build_object('ends_at', v)) ->> 'ends_at';
    WHEN 'simulation' THEN
        r := swipesavvy.simulate_campaign(jsonb_build_object('name', 'S', 'campaign_type', 'SEASONAL', 'offer_type', 'OTHER', 'start_date', v), '2026-01-01', '2026-01-02');
        RETURN 'taken';
    WHEN 'purchase' THEN
        r := swipesavvy.record_transactions(jsonb_build_array(jsonb_build_object('user_id', '00000000-0000-7000-8000-00000000c701', 'amount', 1, 'occurred_at', v))) #> '{results,0}';
        IF r ? 'error' THEN RETURN format('%s %s: %s', r #>> '{error,code}', r #>> '{error,message}', r #>> '{error,detail}'); END IF;
        RETURN to_char((SELECT occurred_at FROM swipesavvy.transactions t WHERE t.transaction_id = (r ->> 'transaction_id')::uuid) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"');
    END CASE;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN format('%s %s: %s', SQLSTATE, SQLERRM, detail);
END $f$;

-- what is taken: programme in the Azores, where midnight comes twice on 26 October 2025 and not at all on 30 March
SELECT swipesavvy.update_system_settings('{"timezone": "Atlantic/Azores"}') #>> '{updated_settings,timezone}' AS timezone;
SELECT v AS text, pg_temp.taken('campaign', v) FROM unnest(ARRAY['2025-10-26', '2025-10-26 00:30', '2025-10-26T01:30', '2025-10-25T24:00', '2025-03-30', '2025-03-30T00:30', '2025-03-30T01:30',
    '2025-10-26T00:30Z', '2025-10-26T00:30+00:00', '2025-10-26T00:30-01', '2024-02-29', '2024-02-29T12:00:60', '2026-03-01T12:00:00.1234565Z', '2026-03-01T12:00:00,5+0530', '2026-03-01T12:00:00.9999995Z',
    '2026-03-01t12:00z', '2026-03-01T12:00:00+05:30', '0001-01-02T00:00Z', '9999-12-31T23:59:59Z']) WITH ORDINALITY x (v, n) ORDER BY n;
-- what is not, by any door
SELECT v AS text, d AS door, pg_temp.taken(d, v) FROM unnest(ARRAY['today', '04/05/2027']) v, unnest(ARRAY['campaign', 'reward', 'simulation', 'purchase']) d ORDER BY 1, 2;
SELECT v AS text FROM unnest(ARRAY['now', 'tomorrow', 'epoch', 'infinity', '-infinity', 'today 10:00', '5 April 2027', '2027-4-5', '27-04-05', '20270405', '2027-095', '2027-W14-1', '2027-04', '2027', '+02027-04-05', '2027-04-05BC',
    '2027-04-31', '2027-02-29', '2100-02-29', '2027-13-01', '2027-00-01', '2027-01-00', '0000-01-01', '2027-04-05T', '2027-04-05T10', '2027-04-05T1000', '2027-04-05T10:60', '2027-04-05T24:01', '2027-04-05T25:00', '2027-04-05T10:00:61',
    '2027-04-05T10:00:00.', '2027-04-05T10:00.5', '2027-04-05  10:00', ' 2027-04-05', '2027-04-05 ', '2027-04-05Z', '2027-04-05T10:00 Z', '2027-04-05T10:00ZZ', '2027-04-05T10:00+16', '2027-04-05T10:00+1', '2027-04-05T10:00+01:60',
    '2027-04-05T10:00+01:', '2027-04-05T10:00 UTC', '2027-04-05T10:00 Europe/Berlin', '2027-04-05T10:00 PM', '10:00', 'J2461000', '1775383200', U&'\FF12027-04-05', '2027/04/05', '2027.04.05', '2027-04-05T10.00', repeat('0', 101)]) v
 WHERE pg_temp.taken('campaign', v) NOT LIKE '22023 invalid value for argument "end_date": %' OR pg_temp.taken('purchase', v) NOT LIKE '22023 invalid value for argument "occurred_at": %';
SELECT document, (swipesavvy.record_transactions(jsonb_build_array(jsonb_build_object('user_id', :'ada', 'amount', 1) || document::jsonb)) #> '{results,0,error}') - 'hint' AS error
  FROM (VALUES ('{"occurred_at": 1775383200}'), ('{"occurred_at": true}'), ('{"occurred_at": {}}'), ('{"occurred_at": ["2026-01-01"]}'), ('{"occurred_at": null}')) v (document);

-- Local times around every change of clocks: the first moment at which clocks show it; where none does, as if they had not been set yet.
CREATE FUNCTION pg_temp.wrong(zone text) RETURNS TABLE (compared bigint, wrong text[]) LANGUAGE plpgsql AS $f$
DECLARE locals timestamp[]; results jsonb;
BEGIN
    PERFORM swipesavvy.update_system_settings(jsonb_build_object('timezone', zone));
    SELECT array_agg(local ORDER BY local) INTO locals
      FROM generate_series(timestamp '2020-01-01', '2025-12-31', '1 day') d, generate_series(d - interval '2 hours', d + interval '5 hours', '30 minutes') local
     WHERE (d + interval '1 day') AT TIME ZONE zone - d AT TIME ZONE zone <> interval '24 hours';
    results := swipesavvy.record_transactions((SELECT jsonb_agg(jsonb_build_object('user_id', '00000000-0000-7000-8000-00000000c701', 'amount', 1, 'occurred_at', to_char(l, 'YYYY-MM-DD"T"HH24:MI')) ORDER BY n)
                                                 FROM unnest(locals) WITH ORDINALITY x (l, n))) -> 'results';
    RETURN QUERY
    SELECT count(*), array_agg(local::text || ' ' || t.occurred_at::text) FILTER (WHERE CASE WHEN first IS NULL THEN t.occurred_at AT TIME ZONE zone <= local ELSE t.occurred_at <> first END)
      FROM unnest(locals) WITH ORDINALITY x (local, n) JOIN swipesavvy.transactions t ON t.transaction_id = (results #>> ARRAY[(n - 1)::text, 'transaction_id'])::uuid,
           LATERAL (SELECT min(m) AS first FROM generate_series(local AT TIME ZONE 'UTC' - interval '14 hours', local AT TIME ZONE 'UTC' + interval '12 hours', '30 minutes') m WHERE m AT TIME ZONE zone = local) f;
END $f$;
SELECT zone, compared > 100 AS enough, wrong FROM unnest(ARRAY['Atlantic/Azores', 'America/Havana', 'America/New_York', 'Europe/London', 'Australia/Lord_Howe', 'Africa/Casablanca', 'Asia/Gaza']) zone, pg_temp.wrong(zone);

-- the session's settings change nothing, at any door
SELECT swipesavvy.update_system_settings('{"timezone": "America/New_York"}') #>> '{updated_settings,timezone}' AS timezone;
CREATE TEMP TABLE seen (settings text, door text, text text, moment text);
DO $$
DECLARE zone text; style text;
BEGIN
    FOREACH zone IN ARRAY ARRAY['UTC', 'Asia/Tokyo', 'America/New_York'] LOOP
        FOREACH style IN ARRAY ARRAY['ISO, MDY', 'German, DMY', 'Postgres, MDY'] LOOP
            PERFORM set_config('timezone', zone, true), set_config('datestyle', style, true);
            INSERT INTO seen SELECT zone || ' ' || style, d, v, pg_temp.taken(d, v)
              FROM unnest(ARRAY['2025-03-31', '2025-03-15 10:00', '2025-11-02T01:30', '2025-03-15T10:00Z', '04/05/2025', '01.02.2025', 'yesterday']) v, unnest(ARRAY['campaign', 'reward', 'simulation', 'purchase']) d;
        END LOOP;
    END LOOP;
END $$;
SELECT door, text, count(*), CASE WHEN count(DISTINCT moment) = 1 THEN min(moment) ELSE string_agg(DISTINCT moment, ' / ') END AS moment FROM seen GROUP BY 1, 2 ORDER BY 2, 1;
ROLLBACK;
