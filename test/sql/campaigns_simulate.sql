-- simulate_campaign: what it tells of a few purchases, and what it refuses. Everything is rolled back. Larger ones, against what
-- really happened, are in test/t/310_simulate.pl.
SET timezone = 'UTC';
BEGIN;
SELECT swipesavvy.update_system_settings('{"currency": "USD", "timezone": "UTC", "earn_rate": 1, "point_value_minor": 1}') ->> 'status' AS status;
SELECT count(swipesavvy.create_user(n || '@simulate.test', n, user_id => id::uuid)) FROM (VALUES
    ('ann', '00000000-0000-7000-8000-00005a000001'), ('bob', '00000000-0000-7000-8000-00005a000002')) v (n, id);
SELECT swipesavvy.create_merchant('Simulated shop', 'Entertainment', merchant_id => '00000000-0000-7000-8000-00005a000011') ->> 'name' AS merchant;
SELECT swipesavvy.create_segment('simulated') ->> 'name' AS segment, swipesavvy.add_segment_members('simulated', '{00000000-0000-7000-8000-00005a000002}') -> 'added' AS added;
-- what a purchase is: day, user, cents, merchant, status, metadata
CREATE FUNCTION pg_temp.buy(at text, who int, minor bigint, shop boolean DEFAULT false, state text DEFAULT 'completed', currency text DEFAULT 'USD', more jsonb DEFAULT NULL)
    RETURNS bigint LANGUAGE sql AS $$
    INSERT INTO swipesavvy.purchases (user_id, amount_minor, occurred_at, merchant_id, status, currency, metadata)
    VALUES (('00000000-0000-7000-8000-00005a00000' || who)::uuid, minor, at::timestamptz, CASE WHEN shop THEN '00000000-0000-7000-8000-00005a000011'::uuid END, state, currency, more)
    RETURNING NULL::bigint $$;
SELECT pg_temp.buy('1985-03-01 10:00', 1, 1000), pg_temp.buy('1985-03-01 11:00', 1, 2000, true), pg_temp.buy('1985-03-01 11:00', 2, 500, true, 'pending'),
       pg_temp.buy('1985-03-02 00:00', 2, 9999, false, 'completed', 'USD', '{"shipping_amount": 1.5}'), pg_temp.buy('1985-03-02 12:00', 1, 700, true, 'failed'),
       pg_temp.buy('1985-03-03 23:59:59.999999', 1, 4000), pg_temp.buy('1985-03-04', 1, 6000), pg_temp.buy('1985-03-02', 1, 0), pg_temp.buy('1985-03-02', 1, 800, true, 'completed', 'EUR');
CREATE FUNCTION pg_temp.simulate(changes jsonb, since text DEFAULT '1985-03-01', until text DEFAULT '1985-03-04') RETURNS jsonb LANGUAGE sql AS $$
    SELECT swipesavvy.simulate_campaign('{"name": "Ten", "campaign_type": "SEASONAL", "offer_type": "PERCENTAGE", "offer_amount": 10, "start_date": "1985-01-01"}' || changes,
                                        since::timestamptz, until::timestamptz) $$;

-- the whole answer
SELECT jsonb_pretty(pg_temp.simulate('{}'));
-- alone, by what it is limited by
CREATE FUNCTION pg_temp.alone(changes jsonb, OUT redemptions text, OUT users text, OUT discount text, OUT points text, OUT cost text, OUT budget_left text, OUT budget_short_on text,
                              OUT not_applied text, OUT days text) LANGUAGE sql AS $$
    SELECT s ->> 'redemptions', s ->> 'users', s ->> 'discount', s ->> 'points', s ->> 'cost', s ->> 'budget_left', s ->> 'budget_short_on', s ->> 'not_applied',
           (SELECT string_agg(right(d ->> 'day', 2) || ':' || (d ->> 'redemptions') || '/' || (d ->> 'users'), ' ' ORDER BY n) FROM jsonb_array_elements(s -> 'days') WITH ORDINALITY t (d, n))
      FROM (SELECT pg_temp.simulate(changes) -> 'alone') t (s) $$;
SELECT v.*, r.* FROM (VALUES ('{"start_date": "1985-03-02"}'::jsonb), ('{"end_date": "1985-03-02"}'), ('{"target_merchant_id": "00000000-0000-7000-8000-00005a000011"}'),
    ('{"target_category": "Entertainment"}'), ('{"target_segment": "simulated"}'), ('{"min_spend": 10.01}'), ('{"max_discount": 2}'), ('{"budget": 12.99}'), ('{"budget": 13.00}'),
    ('{"budget": 0}'), ('{"per_user_limit": 1}'), ('{"daily_limit": 2}'), ('{"hold_out": 100}'), ('{"hold_out": 100, "campaign_id": "S-HELD"}'), ('{"currency": "EUR"}'),
    ('{"offer_type": "FREE_SHIPPING", "offer_amount": 3}'), ('{"offer_type": "BOGO", "bonus_points": 7}'), ('{"offer_type": "OTHER", "points_multiplier": 2.5}'),
    ('{"offer_amount": 0}'), ('{"offer_type": "OTHER"}'), ('{"status": "archived"}')) v (changes), pg_temp.alone(changes) r;
-- bonus points beyond 64 bits are an error here as well
SELECT pg_temp.buy('1985-04-01', 1, 9000000000000000000) > 0 AS bought;
\set VERBOSITY sqlstate
SAVEPOINT s;
SELECT pg_temp.simulate('{"points_multiplier": 1000}', '1985-04-01', '1985-04-02');
ROLLBACK TO s;
\set VERBOSITY default

-- the calendar day is that of the programme's time zone; the period is given in instants
SELECT swipesavvy.update_system_settings('{"timezone": "America/New_York"}') ->> 'status' AS status;
SELECT days FROM pg_temp.alone('{}');
SELECT swipesavvy.update_system_settings('{"timezone": "UTC"}') ->> 'status' AS status;
-- DateStyle does not matter
SET datestyle = 'SQL, DMY';
SELECT pg_temp.simulate('{}') #> '{alone,days,0,day}' AS day;
RESET datestyle;
-- nothing in the period
SELECT pg_temp.simulate('{}', '1980-01-01', '1980-01-02') - 'together' AS nothing;

-- together: those that were launched and have dates in the period, whatever they are now, and not the one that is meant itself
SELECT swipesavvy.create_campaign('Better', 'SEASONAL', 3, 'FIXED_DISCOUNT', '1985-03-01', '1985-03-03', priority => 5, budget => 5, campaign_id => 'S-BETTER') ->> 'status' AS status,
       swipesavvy.create_campaign('Worse', 'SEASONAL', 1, 'FIXED_DISCOUNT', '1985-01-01', campaign_id => 'S-WORSE') ->> 'status' AS status,
       swipesavvy.create_campaign('Beside', 'SEASONAL', 95, 'PERCENTAGE', '1985-01-01', stackable => true, target_category => 'Entertainment', campaign_id => 'S-BESIDE') ->> 'status' AS status,
       swipesavvy.create_campaign('Draft', 'SEASONAL', 50, 'PERCENTAGE', '1985-01-01', campaign_id => 'S-DRAFT') ->> 'status' AS status,
       swipesavvy.create_campaign('Later', 'SEASONAL', 50, 'PERCENTAGE', '1985-03-04', campaign_id => 'S-LATER') ->> 'status' AS status,
       swipesavvy.create_campaign('Earlier', 'SEASONAL', 50, 'PERCENTAGE', '1985-01-01', '1985-03-01', campaign_id => 'S-EARLIER') ->> 'status' AS status;
SELECT swipesavvy.launch_campaign('S-' || c, 'scheduled') ->> 'status' AS status FROM unnest('{BETTER,WORSE,BESIDE,LATER,EARLIER}'::text[]) c;
SELECT swipesavvy.pause_campaign('S-WORSE') ->> 'status' AS worse, swipesavvy.delete_campaign('S-BESIDE') ->> 'status' AS beside;
SELECT jsonb_pretty(pg_temp.simulate('{"campaign_id": "S-NEW"}') - 'alone' #- '{together,days}');
SELECT s -> 'others' AS others, s #> '{together,redemptions}' AS redemptions, s #> '{together,not_applied}' AS not_applied
  FROM pg_temp.simulate('{"campaign_id": "S-BETTER"}') s;
-- a tie goes to the smaller id; without one it is like a new campaign's
SELECT pg_temp.simulate(v.changes) #> '{together,redemptions}' AS redemptions FROM (VALUES
    ('{"offer_type": "FIXED_DISCOUNT", "offer_amount": 1, "campaign_id": "S-WORS"}'::jsonb), ('{"offer_type": "FIXED_DISCOUNT", "offer_amount": 1, "campaign_id": "S-WORSF"}'),
    ('{"offer_type": "FIXED_DISCOUNT", "offer_amount": 1}')) v (changes);
-- the same through the executor
SET LOCAL swipesavvy.direct_tables = off;
CREATE TEMP TABLE through_executor AS
    SELECT c, pg_temp.simulate(c) AS s FROM unnest(ARRAY['{"target_segment": "simulated", "min_spend": 5}', '{"offer_type": "FREE_SHIPPING"}', '{"hold_out": 50}']::jsonb[]) c;
SET LOCAL swipesavvy.direct_tables = on;
SELECT c, s #> '{alone,redemptions}' AS redemptions, s = pg_temp.simulate(c) AS same FROM through_executor;

-- launch_campaign expects what the campaign alone would have had in the last 30 days: budget, limits and hold-out included
SELECT count(pg_temp.buy((now() - n * interval '1 day')::text, 1, 1000, true)) FROM generate_series(0, 31) n;
CREATE FUNCTION pg_temp.expected(changes jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    expected jsonb;
BEGIN
    PERFORM swipesavvy.create_campaign('Expected', 'SEASONAL', 1, 'FIXED_DISCOUNT', now() + interval '1 year', target_merchant_id => '00000000-0000-7000-8000-00005a000011', campaign_id => 'S-EXPECTED');
    PERFORM swipesavvy.update_campaign('S-EXPECTED', changes);
    expected := swipesavvy.launch_campaign('S-EXPECTED', 'scheduled') -> 'expected_conversions';
    RAISE EXCEPTION USING MESSAGE = expected::text;
EXCEPTION WHEN raise_exception THEN
    RETURN SQLERRM;
END
$$;
SELECT pg_temp.expected('{}') AS all, pg_temp.expected('{"budget": 12.50}') AS budget, pg_temp.expected('{"per_user_limit": 3}') AS per_user, pg_temp.expected('{"hold_out": 100}') AS held_out,
       pg_temp.expected('{"min_spend": 10.01}') AS min_spend;

-- errors: those of create_campaign, and of the period
CREATE FUNCTION pg_temp.refused(call text, caller text DEFAULT 'swipesavvy_analytics', OUT state text, OUT message text, OUT detail text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('role', caller, true);
    EXECUTE 'SELECT swipesavvy.simulate_campaign(' || call || ')';
    PERFORM set_config('role', 'none', true);
    message := 'NOT REFUSED';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
END
$$;
SELECT v.*, r.* FROM (VALUES ('{"name": null}'::jsonb), ('{"offer_amount": null}'), ('{"start_date": null}'), ('{"colour": "red"}'), ('{"name": 5}'), ('{"budget": -1}'), ('{"budget": "1"}'), ('{"offer_amount": 100.001}'),
    ('{"end_date": "1985-01-01"}'), ('{"start_date": "infinity"}'), ('{"start_date": "soon"}'), ('{"target_segment": "none such"}'), ('{"target_category": "none such"}'), ('{"target_merchant_id": "00000000-0000-7000-8000-00005a0000ff"}'),
    ('{"currency": "XXX"}'), ('{"status": "lost"}'), ('{"campaign_id": "a b"}'), ('{"per_user_limit": 0}')) v (given),
    pg_temp.refused(quote_literal('{"name": "Ten", "campaign_type": "SEASONAL", "offer_type": "PERCENTAGE", "offer_amount": 10, "start_date": "1985-01-01"}'::jsonb || given) || ', ''1985-01-01'', ''1985-02-01''') r;
SELECT v.*, r.* FROM (VALUES ('''1985-01-01'', ''1985-01-01'''), ('''1985-01-02'', ''1985-01-01'''), ('''-infinity'', ''1985-01-01'''), ('''1985-01-01'', ''infinity'''), ('NULL, ''1985-01-01'''), ('''1985-01-01'', NULL')) v (period),
    pg_temp.refused(quote_literal('{"name": "Ten", "campaign_type": "SEASONAL", "offer_type": "OTHER", "start_date": "1985-01-01"}') || ', ' || period) r;
SELECT v.*, r.* FROM (VALUES ('NULL'), ('''[]'''), ('''{}'''), ('''5''')) v (campaign), pg_temp.refused(campaign || ', ''1985-01-01'', ''1986-01-01''') r;
SELECT r.* FROM pg_temp.refused('''{}'', ''1985-01-01'', ''1986-01-01''', 'swipesavvy_backend') r;
ROLLBACK;

-- in a read-only transaction
BEGIN TRANSACTION READ ONLY;
SELECT swipesavvy.simulate_campaign('{"name": "Ten", "campaign_type": "SEASONAL", "offer_type": "OTHER", "start_date": "1985-01-01"}', '1985-01-01', '1985-01-02') -> 'purchases' AS purchases;
COMMIT;
