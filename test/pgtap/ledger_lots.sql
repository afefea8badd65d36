-- How old points are: random histories, with late postings and settling, ties, refunds, adjustments, redemptions and expiry at odd times, and
-- after each step the account's place in its lots, the oldest points left and what would expire, against a plain reading
-- of the rules over all rows. \set seed repeats a run.
\set QUIET on
BEGIN;
SELECT no_plan();
SELECT coalesce(nullif(current_setting('swipesavvy_test.seed', true), ''), ((extract(epoch FROM clock_timestamp()) * 1000)::bigint % 1000000)::text) AS seed \gset
SELECT diag('lots: seed ' || :'seed');
SELECT setseed(:seed / 1000000.0) IS NOT NULL AS seeded \g /dev/null

CREATE TEMP TABLE people AS
    SELECT n, (swipesavvy.create_user(email => format('u%s@example.com', n), name => 'U') ->> 'user_id')::uuid AS user_id FROM generate_series(1, 6) n;
CREATE TEMP TABLE zones AS SELECT unnest(ARRAY['UTC', 'America/New_York', 'Asia/Kolkata', 'America/Havana', 'Pacific/Kiritimati']) AS zone;
-- few instants, so that several purchases share one: ends of months in several time zones, and either side of them
CREATE TEMP TABLE instants AS
    SELECT row_number() OVER () AS n, i.at FROM (SELECT DISTINCT (m AT TIME ZONE z.zone) + d AS at
      FROM generate_series(timestamp '2020-01-01', '2021-01-01', '1 month') m, zones z, (VALUES (interval '-1 microsecond'), ('0'), ('30 minutes')) v (d)) i;

-- All that was credited, each with its time; what was ever taken, less what came back; the plain reading of both.
CREATE TEMP VIEW credits AS
    SELECT t.user_id, t.occurred_at AS at, t.points_base + t.points_bonus AS points FROM swipesavvy.transactions t WHERE t.status = 'completed'
    UNION ALL SELECT e.user_id, e.recorded_at, e.points FROM swipesavvy.points_entries e WHERE e.kind IN ('adjust', 'referral') AND e.credit_account = 'available';
CREATE FUNCTION pg_temp.taken(who uuid) RETURNS numeric LANGUAGE sql
    RETURN (SELECT coalesce(sum(CASE kind WHEN 'return' THEN -points ELSE points END), 0) FROM swipesavvy.points_entries
             WHERE user_id = who AND (debit_account = 'available' OR kind = 'return'));
CREATE FUNCTION pg_temp.due(who uuid, as_of timestamptz, months int, zone text) RETURNS numeric LANGUAGE sql
    RETURN greatest(0, (SELECT coalesce(sum(points), 0) FROM credits WHERE user_id = who
        AND date_trunc('month', at AT TIME ZONE zone) + make_interval(months => months + 1) <= date_trunc('month', as_of AT TIME ZONE zone)) - pg_temp.taken(who));
-- the first lot that what was taken does not use up
CREATE FUNCTION pg_temp.oldest(who uuid) RETURNS timestamptz LANGUAGE sql
    RETURN (SELECT min(at) FROM (SELECT at, sum(points) OVER (ORDER BY at) AS through FROM credits WHERE user_id = who) l WHERE l.through > pg_temp.taken(who));

-- What is wrong with the account; null when nothing is.
CREATE FUNCTION pg_temp.wrong(who uuid, months int, zone text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    a swipesavvy.reward_accounts;
    oldest timestamptz := pg_temp.oldest(who);
    before numeric;
    expires text;
    shown text := swipesavvy.get_user_rewards(who) ->> 'points_expiry_date';
BEGIN
    SELECT * INTO a FROM swipesavvy.reward_accounts WHERE user_id = who;
    SELECT coalesce(sum(points), 0) INTO before FROM credits WHERE user_id = who AND at < a.lot_at;
    IF a.points_debited <> pg_temp.taken(who) THEN RETURN format('taken %s, not %s', a.points_debited, pg_temp.taken(who)); END IF;
    IF a.lot_before <> before THEN RETURN format('before %s were %s, not %s', a.lot_at, before, a.lot_before); END IF;
    IF a.lot_at > oldest THEN RETURN format('the place %s is behind the oldest %s', a.lot_at, oldest); END IF;
    IF months > 0 AND oldest IS NOT NULL
       AND date_trunc('month', shown::timestamptz AT TIME ZONE zone) <> date_trunc('month', oldest AT TIME ZONE zone) + make_interval(months => months + 1) THEN
        RETURN format('expires %s, the oldest is of %s', shown, oldest);
    END IF;
    IF (shown IS NULL) <> (months = 0 OR oldest IS NULL) THEN RETURN format('expires %s, the oldest is of %s, months %s', shown, oldest, months); END IF;
    RETURN NULL;
END
$$;

CREATE TEMP TABLE problems (step int, what text, problem text);
CREATE TEMP TABLE held (user_id uuid, points_available bigint);
CREATE TEMP TABLE steps (what text, done bigint);
CREATE FUNCTION pg_temp.run(steps int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    who uuid;
    what text;
    months int := 24;
    zone text := 'UTC';
    moment timestamptz;
    purchase uuid;
    available bigint;
    expected numeric;
    result jsonb;
BEGIN
    FOR step IN 1 .. steps LOOP
        SELECT user_id INTO who FROM people ORDER BY random() LIMIT 1;
        SELECT at INTO moment FROM instants ORDER BY random() LIMIT 1;
        SELECT points_available INTO available FROM swipesavvy.reward_accounts WHERE user_id = who;
        what := (ARRAY['buy', 'buy', 'buy', 'pending', 'settle', 'refund', 'refund', 'redeem', 'redeem all', 'cancel', 'cancel', 'adjust', 'take', 'expire', 'expire', 'settings'])[1 + floor(random() * 16)::int];
        expected := NULL;
        DELETE FROM held;
        INSERT INTO held SELECT user_id, points_available FROM swipesavvy.reward_accounts JOIN people USING (user_id);
        CASE what
            WHEN 'buy' THEN PERFORM swipesavvy.record_transaction(who, floor(random() * 20)::int, occurred_at => moment);
            WHEN 'pending' THEN PERFORM swipesavvy.record_transaction(who, 5, occurred_at => moment, status => 'pending');
            WHEN 'settle' THEN
                SELECT t.transaction_id INTO purchase FROM swipesavvy.transactions t WHERE t.user_id = who AND status = 'pending' ORDER BY random() LIMIT 1;
                IF FOUND THEN PERFORM swipesavvy.settle_transaction(purchase, who, CASE WHEN random() < 0.5 THEN 1 + floor(random() * 12)::int END); END IF;
            WHEN 'refund' THEN
                SELECT t.transaction_id INTO purchase FROM swipesavvy.transactions t WHERE t.user_id = who AND status = 'completed' AND refunded_minor < amount_minor ORDER BY random() LIMIT 1;
                IF FOUND THEN PERFORM swipesavvy.refund_transaction(purchase, CASE WHEN random() < 0.5 THEN 0.5 END, user_id => who); END IF;
            WHEN 'redeem' THEN
                IF available > 0 THEN PERFORM swipesavvy.redeem_points(who, points => 1 + floor(random() * available)::bigint); END IF;
            WHEN 'redeem all' THEN
                IF available > 0 THEN PERFORM swipesavvy.redeem_points(who, points => available); END IF;
            WHEN 'cancel' THEN
                SELECT r.entry_id INTO purchase FROM swipesavvy.reward_redemptions r
                 WHERE r.user_id = who AND NOT EXISTS (SELECT FROM swipesavvy.redemption_returns x WHERE x.redemption_id = r.entry_id) ORDER BY random() LIMIT 1;
                IF FOUND THEN PERFORM swipesavvy.cancel_redemption(purchase, 'test', who); END IF;
            WHEN 'adjust' THEN PERFORM swipesavvy.adjust_points(who, 1 + floor(random() * 10)::bigint, 'test');
            WHEN 'take' THEN
                IF available > 0 THEN PERFORM swipesavvy.adjust_points(who, -1 - floor(random() * available)::bigint, 'test'); END IF;
            WHEN 'expire' THEN
                moment := moment + make_interval(months => 1 + floor(random() * 30)::int);
                expected := CASE months WHEN 0 THEN 0 ELSE (SELECT sum(pg_temp.due(user_id, moment, months, zone)) FROM people) END;
                result := swipesavvy.expire_points(moment);
                IF (result -> 'points')::numeric <> expected THEN
                    INSERT INTO problems VALUES (step, what, format('%s: took %s, due were %s (%s months, %s)', moment, result -> 'points', expected, months, zone));
                END IF;
                IF months > 0 AND EXISTS (SELECT FROM people WHERE pg_temp.due(user_id, moment, months, zone) > 0) THEN
                    INSERT INTO problems VALUES (step, what, 'something is still due');
                END IF;
            WHEN 'settings' THEN
                months := (ARRAY[0, 1, 2, 12, 24])[1 + floor(random() * 5)::int];
                SELECT z.zone INTO zone FROM zones z ORDER BY random() LIMIT 1;
                PERFORM swipesavvy.update_system_settings(jsonb_build_object('points_expiry_months', months, 'timezone', zone));
        END CASE;
        INSERT INTO steps SELECT 'below zero', 1 FROM swipesavvy.reward_accounts WHERE user_id = who AND points_available < 0 AND available >= 0 AND what = 'refund';
        INSERT INTO problems SELECT step, what, 'expiry took it below zero' FROM swipesavvy.reward_accounts a JOIN people USING (user_id) JOIN held USING (user_id)
         WHERE what = 'expire' AND a.points_available < 0 AND a.points_available < held.points_available;
        INSERT INTO steps VALUES (CASE WHEN expected > 0 THEN 'something expired' ELSE what END, 1);
        INSERT INTO problems SELECT step, what, problem FROM people, pg_temp.wrong(user_id, months, zone) problem WHERE problem IS NOT NULL;
        EXIT WHEN EXISTS (SELECT FROM problems);
    END LOOP;
END
$$;
SELECT pg_temp.run(400) \g /dev/null
SET LOCAL swipesavvy.direct_tables = off;
SELECT swipesavvy.update_system_settings('{"points_expiry_months": 24, "timezone": "UTC"}') \g /dev/null
SELECT pg_temp.run(100) \g /dev/null
SET LOCAL swipesavvy.direct_tables = on;
SELECT is_empty('SELECT * FROM problems', 'every account is in its place after each step');
SELECT cmp_ok(count(*)::int, '>', 5, 'points expired now and then') FROM steps WHERE what = 'something expired';
SELECT set_has('SELECT what FROM steps', $$VALUES ('buy'), ('pending'), ('settle'), ('refund'), ('below zero'), ('redeem'), ('redeem all'), ('cancel'), ('adjust'), ('take'), ('settings'), ('something expired')$$, 'all kinds of steps were made');
SELECT is((swipesavvy.verify_ledger() -> 'mismatches')::int, 0, 'and the ledger is sound');

-- An entry's id says nothing of its time: one that was brought here from elsewhere is as old as it says.
SELECT swipesavvy.create_user(email => 'late@example.com', name => 'L') ->> 'user_id' AS late \gset
SELECT swipesavvy.update_system_settings('{"points_expiry_months": 24, "timezone": "UTC"}') \g /dev/null
SELECT swipesavvy.record_transaction(:'late', 10, occurred_at => '2020-06-15') \g /dev/null
INSERT INTO swipesavvy.points_entries (user_id, entry_id, points, recorded_at, kind, debit_account, credit_account)
SELECT :'late', swipesavvy.uuid_v7(), 7, at, 'adjust', 'issuance', 'available' FROM unnest(ARRAY['2020-01-15', '2020-09-15']::timestamptz[]) at;
UPDATE swipesavvy.reward_accounts SET points_available = points_available + 14 WHERE user_id = :'late';
SELECT is(pg_temp.wrong(:'late', 24, 'UTC'), NULL, 'a credit with a later id is the oldest lot');
SELECT swipesavvy.redeem_points(:'late', points => 8) \g /dev/null
SELECT is(pg_temp.wrong(:'late', 24, 'UTC'), NULL, 'taken from the oldest');
SELECT swipesavvy.redeem_points(:'late', points => (SELECT points_available - 7 FROM swipesavvy.reward_accounts WHERE user_id = :'late')) \g /dev/null
SELECT is(pg_temp.wrong(:'late', 24, 'UTC'), NULL, 'and up to the last lot');
SELECT is(swipesavvy.get_user_rewards(:'late') ->> 'points_expiry_date', '2022-10-01T00:00:00Z', 'which is another such credit');
SELECT * FROM finish();
ROLLBACK;
