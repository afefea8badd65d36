-- A campaign that a customer is not shown does not exist for it: lists, cursors, single campaigns and events give the very answer
-- that an id gets which nobody has. Campaigns of every kind are made, by state, dates, segment and hold-out.
\set VERBOSITY terse
SET client_min_messages = warning;
BEGIN;
\set ann '00000000-0000-7000-8000-00000000cc01'
\set bob '00000000-0000-7000-8000-00000000cc02'
SELECT set_config('swipesavvy.trusted_gateways', quote_ident(session_user), true) IS NOT NULL AS gateway,
       swipesavvy.create_user('ann@customers.test', 'Ann', user_id => :'ann') IS NOT NULL AS ann,
       swipesavvy.create_user('bob@customers.test', 'Bob', user_id => :'bob') IS NOT NULL AS bob,
       swipesavvy.create_segment('customers-fans') IS NOT NULL AS segment,
       swipesavvy.add_segment_members('customers-fans', ARRAY[:'ann'::uuid]) IS NOT NULL AS member;
CREATE TEMP TABLE kinds AS
    SELECT format('CC-%s-%s-%s-%s', state, dates, aim, held) AS id, state, aim, held, launched,
           state = 'running' AND dates = 'now' AND aim IN ('all', 'fans') AND held <> 10000 AS shown,
           dates <> 'ahead' AND aim IN ('all', 'fans') AND held <> 10000 AND launched AS was_shown, starts, ends
      FROM (VALUES ('draft', false), ('running', true), ('paused', true), ('completed', true), ('archived', true), ('archived0', false)) s (state, launched),
           (VALUES ('now', interval '-1 day', interval '1 day'), ('ahead', '1 day', '2 days'), ('over', '-2 days', '-1 day')) d (dates, starts, ends),
           (VALUES ('all'), ('fans'), ('others')) a (aim), (VALUES (0), (10000)) h (held);
GRANT SELECT ON kinds TO swipesavvy_customer, swipesavvy_analytics;
SELECT swipesavvy.create_segment('customers-others') IS NOT NULL AS segment;
INSERT INTO swipesavvy.campaigns (campaign_id, name, campaign_type, offer_type, offer_amount, currency, status, launched_at, start_date, end_date, hold_out, target_segment_no)
    SELECT id, 'Narwhal', 'SEASONAL', 'OTHER', 0, 'USD', rtrim(state, '0'), CASE WHEN launched THEN now() END, now() + starts, now() + ends, held,
           (SELECT segment_no FROM swipesavvy.segments WHERE name = 'customers-' || aim) FROM kinds;

-- who takes a campaign's id, or goes on behind something, from a customer: what is new here belongs into the table below, or has ids of users alone,
-- or refuses customers whatever the id is (get_recommendations)
SELECT function, arguments ~ 'campaign_id' AS campaign FROM swipesavvy.privileges
 WHERE 'swipesavvy_customer' = ANY (roles) AND arguments ~ '\m(campaign_id|after)\M' ORDER BY 1;
-- what a call answers, without the id that was asked for
CREATE FUNCTION pg_temp.answer(call text, id text) RETURNS text LANGUAGE plpgsql AS $f$
DECLARE message text; detail text; result jsonb;
BEGIN
    EXECUTE format('SELECT swipesavvy.' || call, id) INTO result;
    RETURN coalesce(result ->> 'campaign_id', result ->> 'total', 'answered');
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
    RETURN replace(format('%s %s: %s', SQLSTATE, message, detail), id, 'ID');
END $f$;
CREATE TEMP TABLE calls (call, lasting) AS VALUES ('get_campaign(%L)', false), ('track_event(%L, ''impression'')', false), ('track_event(%L, ''view'')', false),
    ('track_event(%L, ''click'', value => 1)', false), ('list_campaigns(search => ''narwhal'', after => %L)', true),
    ('record_ml_feedback(''affinity'', swipesavvy.current_user_id(), ''accepted'', campaign_id => %L)', true);
DELETE FROM calls WHERE to_regproc('swipesavvy.' || split_part(call, '(', 1)) IS NULL; -- an earlier release lacks it
GRANT SELECT ON calls TO swipesavvy_customer;

SET LOCAL ROLE swipesavvy_customer;
SELECT set_config('request.jwt.claims', jsonb_build_object('sub', :'ann')::text, true) IS NOT NULL AS signed_in;
-- nobody's id
SELECT call, pg_temp.answer(call, 'CC-NONE') FROM calls;
SELECT count(*) AS campaigns, count(*) FILTER (WHERE shown) AS shown, count(*) FILTER (WHERE was_shown) AS was_shown FROM kinds;
-- listed are those that are shown, and no others
SELECT array_agg(c ->> 'campaign_id' ORDER BY c ->> 'campaign_id' COLLATE "C") = (SELECT array_agg(id ORDER BY id COLLATE "C") FROM kinds WHERE shown) AS as_it_should
  FROM jsonb_array_elements(swipesavvy.list_campaigns(search => 'narwhal', page_size => 100) -> 'campaigns') c;
-- every other one is answered like nobody's; those that are shown are not
SELECT call, id, pg_temp.answer(call, id) FROM kinds, calls
 WHERE (pg_temp.answer(call, id) = pg_temp.answer(call, 'CC-NONE')) = CASE WHEN lasting THEN was_shown ELSE shown END;
-- a status or type that is asked for shows no more
SELECT status, swipesavvy.list_campaigns(search => 'narwhal', status => status) ->> 'total' AS total
  FROM unnest('{draft,running,paused,completed,archived}'::text[]) status;
-- no conversions, not even of a campaign that is shown, nor of one that is not: which of them it is, is not said
SELECT id, pg_temp.answer('track_event(%L, ''conversion'', value => 1000000)', id) FROM (VALUES ('CC-running-now-all-0'), ('CC-draft-now-all-0'), ('CC-NONE')) v (id);
-- Bob is in no segment
SELECT set_config('request.jwt.claims', jsonb_build_object('sub', :'bob')::text, true) IS NOT NULL AS signed_in;
SELECT c ->> 'campaign_id' AS id FROM jsonb_array_elements(swipesavvy.list_campaigns(search => 'narwhal', page_size => 100) -> 'campaigns') c;
SELECT call, pg_temp.answer(call, 'CC-running-now-fans-0') FROM calls;
-- nobody is signed in
SELECT set_config('request.jwt.claims', '', true) IS NOT NULL AS signed_out;
SELECT call, pg_temp.answer(call, 'CC-running-now-all-0') FROM calls;
RESET ROLE;
SELECT kind, count(*) AS events, count(DISTINCT campaign_no) AS campaigns FROM swipesavvy.campaign_events JOIN swipesavvy.campaigns USING (campaign_no)
 WHERE name = 'Narwhal' GROUP BY 1 ORDER BY 1;

-- an event that is sent again under its id -------------------------------------------------------------------------------
CREATE FUNCTION pg_temp.event(arguments text) RETURNS text LANGUAGE plpgsql AS $f$
DECLARE result jsonb; detail text;
BEGIN
    EXECUTE 'SELECT swipesavvy.track_event(' || arguments || ')' INTO result;
    RETURN format('replayed %s, %s', result ->> 'replayed', result ->> 'event_id');
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN format('%s %s: %s', SQLSTATE, SQLERRM, detail);
END $f$;
SELECT arguments, pg_temp.event('''CC-running-now-all-0'', ' || arguments || ', event_id => ''00000000-0000-7000-8000-00000000cce1''')
  FROM (VALUES (1, '''click'', value => 1.50, occurred_at => ''2026-01-02T03:04Z'''), (2, '''click'', value => 1.5, occurred_at => ''2026-01-02T03:04Z'''), (3, '''click'', value => 1.5'),
               (4, '''click'''), (5, '''view'', value => 1.5'), (6, '''click'', value => 1.5, occurred_at => ''2026-01-02T03:05Z'''),
               (7, format('''click'', %L', :'ann')), (8, format('''click'', %L', :'ann')), (9, format('''click'', %L, 0', :'ann'))) v (n, arguments) ORDER BY n;
SELECT pg_temp.event('''CC-paused-now-all-0'', ''click'', event_id => ''00000000-0000-7000-8000-00000000cce1''');
SELECT right(user_id::text, 4) AS user_id, kind, value, right(event_id::text, 4) AS event_id FROM swipesavvy.campaign_events
 WHERE event_id = '00000000-0000-7000-8000-00000000cce1' ORDER BY 1;
-- an erased person's event is one of nobody's, though nobody has one of its id already
SELECT swipesavvy.erase_user(:'ann') IS NOT NULL AS erased;
SELECT right(user_id::text, 4) AS user_id, count(*), count(DISTINCT event_id) AS ids FROM swipesavvy.campaign_events JOIN swipesavvy.campaigns USING (campaign_no)
 WHERE name = 'Narwhal' GROUP BY 1 ORDER BY 1;
ROLLBACK;
