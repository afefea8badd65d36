-- The outbox: claiming, acknowledging, failing, giving up and replaying; order per key; secrets.
\set QUIET on
BEGIN;
SELECT no_plan();

-- Messages as the library writes them, with ids that ascend.
CREATE FUNCTION pg_temp.id(n integer) RETURNS uuid LANGUAGE sql AS $$SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid$$;
CREATE FUNCTION pg_temp.put(n integer, key text DEFAULT NULL, secret jsonb DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
    INSERT INTO swipesavvy.outbox (message_id, event, version, order_key, body) VALUES (pg_temp.id(n), 'test.happened', 1, key, jsonb_build_object('n', n));
    INSERT INTO swipesavvy_private.outbox_secrets SELECT pg_temp.id(n), secret WHERE secret IS NOT NULL$$;
CREATE FUNCTION pg_temp.claimed(document jsonb) RETURNS integer[] LANGUAGE sql AS
    $$SELECT ARRAY(SELECT (m #>> '{body,n}')::integer FROM jsonb_array_elements(document -> 'messages') WITH ORDINALITY a (m, o) ORDER BY o)$$;
CREATE FUNCTION pg_temp.later(seconds integer) RETURNS void LANGUAGE sql AS
    $$UPDATE swipesavvy.outbox SET due_at = due_at - make_interval(secs => seconds)$$;

SELECT pg_temp.put(1), pg_temp.put(2, 'a', '{"password": "s3cret"}'), pg_temp.put(3, 'a'), pg_temp.put(4, 'b'), pg_temp.put(5) \g /dev/null
CREATE TEMP TABLE first AS SELECT swipesavvy.claim_outbox(3) AS document;
SELECT is(pg_temp.claimed(document), '{1,2,4}', 'the oldest, of each key the first only') FROM first;
SELECT is(m - '{created_at,lease_until}'::text[], jsonb_build_object('message_id', pg_temp.id(2), 'event', 'test.happened', 'version', 1, 'order_key', 'a',
          'body', '{"n": 2}'::jsonb, 'secret', '{"password": "s3cret"}'::jsonb, 'attempts', 1), 'all of a message') FROM first, jsonb_array_elements(document -> 'messages') m
 WHERE m ->> 'message_id' = pg_temp.id(2)::text;
SELECT is(round(extract(epoch FROM (m ->> 'lease_until')::timestamptz - clock_timestamp())), 60::numeric, 'for a minute unless told') FROM first, jsonb_array_elements(document -> 'messages') m;
SELECT is(pg_temp.claimed(swipesavvy.claim_outbox()), '{5}', 'what is claimed is not handed out again, nor what follows it');
SELECT is(swipesavvy.acknowledge_outbox(ARRAY[pg_temp.id(2), pg_temp.id(3), pg_temp.id(99)]), '{"acknowledged": 1, "ignored": 2}',
          'delivered; never claimed and unknown ones are not');
SELECT is_empty('SELECT FROM swipesavvy_private.outbox_secrets WHERE message_id = pg_temp.id(2)', 'its secret is gone');
SELECT is(delivered_at IS NOT NULL, true, 'it is delivered') FROM swipesavvy.outbox WHERE message_id = pg_temp.id(2);
SELECT is(delivered_at, NULL, 'the one that was never claimed is not') FROM swipesavvy.outbox WHERE message_id = pg_temp.id(3);
SELECT is(swipesavvy.acknowledge_outbox(ARRAY[pg_temp.id(2)]), '{"acknowledged": 0, "ignored": 1}', 'once');
SELECT is(pg_temp.claimed(swipesavvy.claim_outbox(10, 600)), '{3}', 'then the next of its key');

-- a lease ends
SELECT pg_temp.later(61) \g /dev/null
SELECT is(pg_temp.claimed(swipesavvy.claim_outbox()), '{1,4,5}', 'a lease that ended: again, but for what has a longer one');
SELECT is(attempts, 2, 'for the second time') FROM swipesavvy.outbox WHERE message_id = pg_temp.id(1);
SELECT is(swipesavvy.acknowledge_outbox(ARRAY[pg_temp.id(1)]), '{"acknowledged": 1, "ignored": 0}', 'the first deliverer may say so late');

-- failure: each time later
CREATE TEMP TABLE waits (attempt integer, seconds numeric, status text);
DO $$
BEGIN
    FOR attempt IN 2 .. 16 LOOP
        INSERT INTO waits SELECT attempt, extract(epoch FROM (f ->> 'next_attempt_at')::timestamptz - clock_timestamp()), f ->> 'status'
          FROM swipesavvy.fail_outbox(pg_temp.id(4), 'no route, attempt ' || attempt) f;
        PERFORM pg_temp.later(5000);
        PERFORM swipesavvy.claim_outbox();
        EXIT WHEN (SELECT dead_at IS NOT NULL FROM swipesavvy.outbox WHERE message_id = pg_temp.id(4));
    END LOOP;
END
$$;
SELECT is_empty('SELECT * FROM waits WHERE status = ''retry'' AND seconds NOT BETWEEN least(10 * 2 ^ (attempt - 1), 3600) * 0.74 AND least(10 * 2 ^ (attempt - 1), 3600) * 1.26',
                'it waits twice as long each time, an hour at most, give or take a quarter');
SELECT is((SELECT array_agg(status ORDER BY attempt) FROM waits), array_fill('retry'::text, ARRAY[13]) || 'dead'::text, 'and is given up after 15 attempts');
SELECT is(last_error, 'no route, attempt 15', 'the last error stays') FROM swipesavvy.outbox WHERE message_id = pg_temp.id(4);
SELECT is(pg_temp.claimed(swipesavvy.claim_outbox()) @> '{4}', false, 'a dead message is not handed out');
SELECT pg_temp.put(6, 'b') \g /dev/null
SELECT is(pg_temp.claimed(swipesavvy.claim_outbox()) @> '{6}', true, 'and does not hold up its key');
SELECT is(swipesavvy.replay_outbox(ARRAY[pg_temp.id(4), pg_temp.id(2)]), '{"ignored": 1, "replayed": 1}', 'replayed: the dead one');
SELECT is(pg_temp.claimed(swipesavvy.claim_outbox()), '{4}', 'it is handed out again');
SELECT is(attempts, 1, 'from the start') FROM swipesavvy.outbox WHERE message_id = pg_temp.id(4);

-- a message that every deliverer dies of
UPDATE swipesavvy.outbox SET attempts = 15, due_at = now() WHERE message_id = pg_temp.id(5);
SELECT is(pg_temp.claimed(swipesavvy.claim_outbox()), '{}', 'claimed as often as is allowed, and still there');
SELECT is(last_error, 'the last lease ended', 'it is given up') FROM swipesavvy.outbox WHERE message_id = pg_temp.id(5) AND dead_at IS NOT NULL;
SELECT is(swipesavvy.acknowledge_outbox(ARRAY[pg_temp.id(5)]), '{"acknowledged": 1, "ignored": 0}', 'unless it was delivered after all');

-- errors
SELECT throws_ok('SELECT swipesavvy.' || s, c, m, s)
  FROM (VALUES ('claim_outbox(0)', '22023', 'invalid value for argument "page_size"'), ('claim_outbox(101)', '22023', 'invalid value for argument "page_size"'),
               ('claim_outbox(1, 0)', '22023', 'invalid value for argument "lease_seconds"'), ('claim_outbox(1, 3601)', '22023', 'invalid value for argument "lease_seconds"'),
               ('acknowledge_outbox(NULL)', '22023', 'argument "ids" must be given'), ('replay_outbox(''{NULL}'')', '22023', 'invalid value for argument "ids"'),
               ('acknowledge_outbox(array_fill(gen_random_uuid(), ARRAY[1001]))', '22023', 'invalid value for argument "ids"'),
               ('acknowledge_outbox(array_fill(gen_random_uuid(), ARRAY[2, 2]))', '22023', 'invalid value for argument "ids"'),
               ('fail_outbox(NULL, ''x'')', '22023', 'argument "id" must be given'), ('fail_outbox(pg_temp.id(1), NULL)', '22023', 'argument "error" must be given'),
               ('fail_outbox(pg_temp.id(99), ''x'')', 'PT404', 'message not found'), ('fail_outbox(pg_temp.id(1), ''x'')', 'PT400', 'the message is not claimed')) v (s, c, m);

-- retention
UPDATE swipesavvy.outbox SET delivered_at = now() - interval '91 days' WHERE message_id IN (pg_temp.id(1), pg_temp.id(2));
UPDATE swipesavvy.outbox SET delivered_at = NULL, dead_at = now() - interval '91 days' WHERE message_id = pg_temp.id(5);
SELECT is(swipesavvy.apply_outbox_retention(), '{"more": false, "deleted_messages": 3}', 'delivered or dead for 91 days');
SELECT set_eq('SELECT (body ->> ''n'')::integer FROM swipesavvy.outbox WHERE event = ''test.happened''', '{3,4,6}'::integer[], 'the others stay');

-- what is delivered costs nothing: the plan of a claim touches open messages only
-- (with rows enough of other keys and sinks, and statistics of them: on an almost empty table any index is as good)
INSERT INTO swipesavvy.outbox (message_id, event, version, order_key, sink, body, due_at)
SELECT swipesavvy.uuid_v7(), 'test.filler', 1, 'key ' || n, CASE n % 2 WHEN 0 THEN 'sink ' || n END, '{}', now() + n * interval '1 second' FROM generate_series(1, 2000) n;
ANALYZE swipesavvy.outbox;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_sort = off;
SET LOCAL enable_bitmapscan = off;
CREATE FUNCTION pg_temp.plan(condition text, columns text, suffix text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    plan text;
BEGIN
    EXECUTE format('EXPLAIN (FORMAT json) SELECT message_id FROM swipesavvy.outbox m WHERE m.delivered_at IS NULL AND m.dead_at IS NULL AND %s ORDER BY %s LIMIT 5 %s',
                   condition, columns, suffix) INTO plan;
    RETURN plan;
END
$$;
SELECT is(pg_temp.plan(p.condition, p.columns, p.suffix) LIKE '%"' || p.index || '"%', true, p.what)
  FROM (VALUES ('outbox_due', 'm.sink IS NULL AND m.due_at <= now()', 'm.due_at, m.message_id', 'FOR NO KEY UPDATE SKIP LOCKED', 'what is due, by its index'),
               ('outbox_order', 'm.sink IS NULL AND m.order_key = ''a''', 'm.order_key, m.message_id', '', 'the first of a key, by its index'),
               ('outbox_sink_due', 'm.sink = ''a'' AND m.due_at <= now()', 'm.sink, m.due_at, m.message_id', '', 'what is due for a sink, by its index'),
               ('outbox_sink_order', 'm.sink = ''a'' AND m.order_key = ''a''', 'm.sink, m.order_key, m.message_id', '', 'the first of a key of a sink, by its index'),
               ('outbox_sink_due', 'm.sink > ''a'' AND m.sink IS NOT NULL', 'm.sink', '', 'the next sink with messages, by its index')) p (index, condition, columns, suffix, what);

SELECT * FROM finish();
ROLLBACK;
