-- The calendar day of a purchase where a midnight comes twice, or never: what is spent on it, and what a campaign's day
-- counts. Everything is rolled back.
SET timezone = 'UTC';
BEGIN;
CREATE FUNCTION pg_temp.id(name text) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN ('00000000-0000-7000-8000-' || substr(md5(name), 1, 12))::uuid;
-- Buys for 100, of a limit of 100 a day, as somebody new: first at one time, then at another; was each recorded?
CREATE FUNCTION pg_temp.both(zone text, first timestamptz, second timestamptz) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    who uuid := gen_random_uuid();
    second_is text := 'recorded';
BEGIN
    PERFORM swipesavvy.update_system_settings(jsonb_build_object('timezone', zone));
    PERFORM swipesavvy.create_user(who || '@days.test', 'Day', user_id => who);
    PERFORM swipesavvy.record_transaction(who, 100, occurred_at => first);
    BEGIN
        PERFORM swipesavvy.record_transaction(who, 100, occurred_at => second);
    EXCEPTION WHEN SQLSTATE 'PT409' THEN
        second_is := 'refused';
    END;
    -- several in one call, in either order
    DELETE FROM swipesavvy.transactions WHERE user_id = who;
    RETURN second_is || ', ' || (SELECT count(*) FILTER (WHERE r ? 'transaction_id') || ' of 2'
        FROM jsonb_array_elements(swipesavvy.record_transactions(jsonb_build_array(
            jsonb_build_object('user_id', who, 'amount', 100, 'occurred_at', second),
            jsonb_build_object('user_id', who, 'amount', 100, 'occurred_at', first))) -> 'results') r);
END
$$;
SELECT swipesavvy.update_system_settings('{"daily_spending_limit": 100}') ->> 'status' AS changed;

-- In the Azores clocks go from 01:00 (00:59:59 summer time) back to 00:00: 26 October 2025 lasts from 00:00Z to 27 October 01:00Z.
SELECT pg_temp.both('Atlantic/Azores', '2025-10-26 00:30+00', '2025-10-26 12:00+00') AS same_day,
       pg_temp.both('Atlantic/Azores', '2025-10-26 00:00+00', '2025-10-27 00:59:59.999999+00') AS first_and_last_of_it,
       pg_temp.both('Atlantic/Azores', '2025-10-26 00:30+00', '2025-10-25 23:59:59.999999+00') AS day_before,
       pg_temp.both('Atlantic/Azores', '2025-10-26 00:30+00', '2025-10-27 01:00+00') AS day_after,
       pg_temp.both('Atlantic/Azores', '2025-10-26 00:59:59+00', '2025-10-26 01:00+00') AS twice_the_same_hour;
-- Havana the same; in Sao Paulo clocks went from midnight back to 23:00: that hour is of the day before, both times.
SELECT pg_temp.both('America/Havana', '2025-11-02 04:30+00', '2025-11-02 20:00+00') AS same_day,
       pg_temp.both('America/Havana', '2025-11-02 04:30+00', '2025-11-02 03:59+00') AS day_before,
       pg_temp.both('America/Sao_Paulo', '2018-02-18 01:30+00', '2018-02-18 02:30+00') AS same_hour_twice,
       pg_temp.both('America/Sao_Paulo', '2018-02-18 02:30+00', '2018-02-18 03:00+00') AS day_after;
-- Days that begin at one o'clock, and an ordinary one.
SELECT pg_temp.both('America/Sao_Paulo', '2018-11-04 02:59:59+00', '2018-11-04 03:00+00') AS day_after,
       pg_temp.both('America/Sao_Paulo', '2018-11-04 03:00+00', '2018-11-05 01:59:59+00') AS same_day,
       pg_temp.both('Asia/Kolkata', '2025-10-25 18:30+00', '2025-10-26 18:29:59.999999+00') AS same_day,
       pg_temp.both('Asia/Kolkata', '2025-10-25 18:30+00', '2025-10-26 18:30+00') AS day_after;
-- without the direct way
SET LOCAL swipesavvy.direct_tables = off;
SELECT pg_temp.both('Atlantic/Azores', '2025-10-26 00:30+00', '2025-10-26 12:00+00') AS same_day,
       pg_temp.both('Atlantic/Azores', '2025-10-26 00:30+00', '2025-10-25 12:00+00') AS day_before;
SET LOCAL swipesavvy.direct_tables = on;

-- A campaign's daily limit counts by the same days.
SELECT swipesavvy.update_system_settings('{"daily_spending_limit": null, "timezone": "Atlantic/Azores"}') ->> 'status' AS changed;
SELECT swipesavvy.create_user('daily@days.test', 'Daily', user_id => pg_temp.id('daily')) ->> 'name' AS name,
       swipesavvy.create_campaign('DAYS', 'SEASONAL', offer_type => 'OTHER', bonus_points => 1, daily_limit => 1, start_date => '2025-01-01', campaign_id => 'DAYS') ->> 'status' AS made,
       swipesavvy.launch_campaign('DAYS') ->> 'status' AS launched;
SELECT at, swipesavvy.record_transaction(pg_temp.id('daily'), 10, occurred_at => at) -> 'points_earned' AS points
  FROM unnest(ARRAY['2025-10-26 00:30+00', '2025-10-26 12:00+00', '2025-10-27 00:30+00', '2025-10-25 23:30+00', '2025-10-27 01:00+00']::timestamptz[]) WITH ORDINALITY t (at, n) ORDER BY n;
SELECT s.day, sum(s.used) AS used FROM swipesavvy.campaign_slots s JOIN swipesavvy.campaigns c USING (campaign_no) WHERE c.campaign_id = 'DAYS' GROUP BY s.day ORDER BY s.day;
ROLLBACK;
