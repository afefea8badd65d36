-- The catalogue: rewards and charities: create, change, list; what is refused, and who sees what. All is rolled back.
\set SHOW_CONTEXT never
SET timezone = 'UTC';
\set ON_ERROR_ROLLBACK on
BEGIN;
SELECT set_config('swipesavvy.trusted_gateways', quote_ident(session_user), true) = quote_ident(session_user) AS trusted;
\set mug 00000000-0000-7000-8000-0000e0000001
\set pen 00000000-0000-7000-8000-0000e0000002
\set trees 00000000-0000-7000-8000-0000e0000011
\set nobody 00000000-0000-7000-8000-0000e000ffff
-- what a call gives without its moments, or its error
CREATE FUNCTION pg_temp.try(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result jsonb;
    detail text;
BEGIN
    EXECUTE 'SELECT swipesavvy.' || call INTO result;
    RETURN result - ARRAY['created_at', 'updated_at'];
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN format('%s %s: %s', SQLSTATE, SQLERRM, detail);
END
$$;

-- create_reward: everything given, and as little as possible
SELECT pg_temp.try(format('create_reward(%L, 500, 3, %L, %L, %L, %L)', 'Mug', 'A blue one', '2026-01-01', '2999-01-01', :'mug'));
SELECT r - ARRAY['reward_id', 'starts_at', 'created_at', 'updated_at'] AS reward, (r ->> 'starts_at')::timestamptz = now() AS from_now
  FROM swipesavvy.create_reward('Voucher', 100) r;
SELECT call, pg_temp.try(call) FROM (VALUES
    ('create_reward(NULL, 1)'), ('create_reward(''  '', 1)'), ('create_reward(''X'', NULL)'), ('create_reward(''X'', 0)'), ('create_reward(''X'', -1)'),
    ('create_reward(''X'', 1, -1)'), ('create_reward(''X'', 1, starts_at => ''infinity'')'),
    ('create_reward(''X'', 1, starts_at => ''2026-01-01'', ends_at => ''2026-01-01'')'), ('create_reward(''X'', 1, description => '''')'),
    (format('create_reward(''X'', 1, reward_id => %L)', :'mug'))) v (call);
SELECT pg_temp.try(format('create_reward(%L, 1)', repeat('x', 201)));
SELECT pg_temp.try('create_reward(''Free shipping'', 1, 0, starts_at => ''2026-01-01'', reward_id => ''' || :'pen' || ''')') AS sold_out_from_the_start;

-- update_reward: each key, null clears, and what is refused
SELECT changes, pg_temp.try(format('update_reward(%L, %L)', :'mug', changes)) FROM (VALUES
    ('{}'), ('{"name": "Cup", "points": 400}'), ('{"stock": 7}'), ('{"stock": null, "description": null, "ends_at": null}'), ('{"stock": 2}'),
    ('{"ends_at": "2027-01-01T00:00:00Z"}'), ('{"starts_at": "2027-01-01T00:00:00Z"}'), ('{"starts_at": "2025-01-01T00:00:00Z", "ends_at": "2025-01-01T00:00:00Z"}'),
    ('{"starts_at": "2025-01-01T00:00:00Z", "ends_at": null, "is_active": false}'),
    ('{"points": 0}'), ('{"points": 1.5}'), ('{"points": null}'), ('{"name": null}'), ('{"name": ""}'), ('{"stock": -1}'), ('{"stock": "7"}'),
    ('{"is_active": null}'), ('{"is_active": "no"}'), ('{"starts_at": null}'), ('{"price": 1}'), ('[]')) v (changes);
SELECT pg_temp.try(format('update_reward(%L, %L)', :'nobody', '{}')), pg_temp.try('update_reward(NULL, ''{}'')'), pg_temp.try(format('update_reward(%L, NULL)', :'mug'));
-- what was ever put in stock follows
SELECT name, stock, stocked FROM swipesavvy.rewards WHERE reward_id IN (:'mug', :'pen') ORDER BY 1;
SELECT swipesavvy.verify_ledger() #> '{checks,stocks}' AS mismatches;

-- charities
SELECT pg_temp.try(format('create_charity(%L, %L, %L)', 'Trees', 'Plants them', :'trees'));
SELECT call, pg_temp.try(call) FROM (VALUES ('create_charity(NULL)'), ('create_charity('' '')'), (format('create_charity(''X'', charity_id => %L)', :'trees'))) v (call);
SELECT changes, pg_temp.try(format('update_charity(%L, %L)', :'trees', changes)) FROM (VALUES
    ('{"name": "More trees", "description": null}'), ('{"is_active": false}'), ('{"is_active": true, "description": "Again"}'), ('{}'), ('{"name": null}'), ('{"points": 1}')) v (changes);
SELECT pg_temp.try(format('update_charity(%L, %L)', :'nobody', '{}'));

-- lists: by points and name, page by page
CREATE FUNCTION pg_temp.names(things text, list jsonb) RETURNS text LANGUAGE sql
    RETURN (SELECT coalesce(string_agg(e ->> 'name', ', ' ORDER BY n), 'none') FROM jsonb_array_elements(list -> things) WITH ORDINALITY a (e, n))
        || format(' (total %s%s)', list -> 'total', CASE WHEN list ->> 'next_cursor' IS NOT NULL THEN ', more' END);
SELECT count(swipesavvy.create_reward(name, points, starts_at => starts, ends_at => ends)) FROM (VALUES
    ('Old', 5, '2020-01-01'::timestamptz, '2021-01-01'::timestamptz), ('Not yet', 6, '2999-01-01', NULL), ('Until now', 7, '2020-01-01', now()),
    ('From now', 8, now(), NULL), ('Withdrawn', 9, '2020-01-01', NULL), ('Dear', 1000000000000, '2020-01-01', '2999-01-01')) v (name, points, starts, ends);
SELECT count(swipesavvy.update_reward(reward_id, '{"is_active": false}')) FROM swipesavvy.rewards WHERE name = 'Withdrawn';
SELECT count(swipesavvy.create_charity(name)) FROM unnest(ARRAY['Animals', 'Cities', 'Books', 'Closed']) name;
SELECT count(swipesavvy.update_charity(charity_id, '{"is_active": false}')) FROM swipesavvy.charities WHERE name = 'Closed';
CREATE FUNCTION pg_temp.pages() RETURNS TABLE (what text, shown text) LANGUAGE plpgsql AS $$
DECLARE
    list jsonb;
    things text;
BEGIN
    FOREACH things IN ARRAY ARRAY['rewards', 'charities'] LOOP
        list := '{"next_cursor": null}';
        LOOP
            EXECUTE format('SELECT swipesavvy.list_%s(page_size => 3, after => %L)', things, list ->> 'next_cursor') INTO list;
            RETURN QUERY SELECT current_user || ': ' || things, pg_temp.names(things, list);
            EXIT WHEN list ->> 'next_cursor' IS NULL;
        END LOOP;
        EXECUTE format('SELECT swipesavvy.list_%s(page_size => 1, page_offset => 1)', things) INTO list;
        RETURN QUERY SELECT 'the second of ' || things, pg_temp.names(things, list);
    END LOOP;
END
$$;
SET LOCAL ROLE swipesavvy_admin;
SELECT * FROM pg_temp.pages();
SET LOCAL ROLE swipesavvy_customer;
SET LOCAL request.jwt.claims = '{"sub": "00000000-0000-7000-8000-0000e000ffff"}';
SELECT * FROM pg_temp.pages();
-- a cursor tells of no reward that has not been on show yet; of one that was, a page goes on
CREATE FUNCTION pg_temp.after(reward text, id uuid) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN format('%s: %s', reward, pg_temp.names('rewards', swipesavvy.list_rewards(after => id::text)));
EXCEPTION WHEN OTHERS THEN RETURN format('%s: %s', reward, SQLSTATE);
END
$$;
RESET ROLE;
SELECT jsonb_object_agg(name, reward_id) AS ids FROM swipesavvy.rewards WHERE name IN ('Old', 'Not yet', 'Withdrawn') \gset
SET LOCAL ROLE swipesavvy_customer;
SELECT pg_temp.after(key, value::uuid) FROM jsonb_each_text(:'ids') ORDER BY 1;
SET LOCAL ROLE swipesavvy_admin;
SELECT pg_temp.after(key, value::uuid) FROM jsonb_each_text(:'ids') ORDER BY 1;
SET LOCAL ROLE swipesavvy_customer;
SELECT jsonb_object_keys(swipesavvy.list_rewards(page_size => 1) #> '{rewards,0}') AS keys;
SELECT call, pg_temp.try(call) FROM (VALUES ('list_rewards(page_size => 0)'), ('list_rewards(page_size => 101)'), ('list_rewards(page_offset => -1)'),
    ('list_rewards(after => ''x'')'), ('list_rewards(after => ''00000000-0000-7000-8000-0000e000ffff'')'),
    ('list_charities(after => ''00000000-0000-7000-8000-0000e000ffff'')'), ('create_reward(''X'', 1)')) v (call);
ROLLBACK;
