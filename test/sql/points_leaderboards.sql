-- Leaderboards: what counts, since when, who shows and how; ranks among many. All is rolled back.
\set SHOW_CONTEXT never
SET timezone = 'UTC';
\set ON_ERROR_ROLLBACK on
BEGIN;
SELECT set_config('swipesavvy.trusted_gateways', quote_ident(session_user), true) = quote_ident(session_user) AS trusted;
-- nobody else's points
UPDATE swipesavvy.users SET status = 'inactive';
CREATE FUNCTION pg_temp.id(name text) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN ('00000000-0000-7000-8000-' || substr(md5('leaderboards ' || name), 1, 12))::uuid;
-- the name of whoever's purchases lie at the beginning of the next period, should they show
CREATE FUNCTION pg_temp.next(p text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    shown text;
BEGIN
    UPDATE swipesavvy.transactions SET occurred_at = (date_trunc(replace(p, 'ly', ''), now() AT TIME ZONE 'UTC') + ('1 ' || replace(p, 'ly', ''))::interval) AT TIME ZONE 'UTC'
     WHERE user_id = pg_temp.id('new');
    PERFORM swipesavvy.refresh_leaderboards();
    SELECT string_agg(l ->> 'name', ', ') INTO shown FROM jsonb_array_elements(swipesavvy.get_leaderboard(p) -> 'leaders') l WHERE l ->> 'name' LIKE 'New%';
    UPDATE swipesavvy.transactions SET occurred_at = now() WHERE user_id = pg_temp.id('new');
    RETURN shown;
END
$$;
CREATE FUNCTION pg_temp.board(p text, page_size int DEFAULT 20) RETURNS text LANGUAGE sql
    RETURN (SELECT format('%s; own %s', coalesce(string_agg(format('%s. %s %s %s%s', l -> 'rank', l ->> 'name', l -> 'points', l ->> 'tier', CASE WHEN (l -> 'is_you')::boolean THEN ' (you)' END), ', ' ORDER BY n), 'nobody'), b -> 'own')
              FROM swipesavvy.get_leaderboard(p, page_size) b LEFT JOIN LATERAL jsonb_array_elements(b -> 'leaders') WITH ORDINALITY e (l, n) ON true GROUP BY b);
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pg_temp TO PUBLIC;
DELETE FROM swipesavvy.leaderboards;
SELECT swipesavvy.get_leaderboard() AS before_the_first_refresh;
SELECT count(swipesavvy.create_user(u || '@leaderboards.test', name, user_id => pg_temp.id(u))) FROM (VALUES ('ann', 'Ann Marie  O''Hara '), ('bob', 'Bob'), ('cyd', E' Zoë\tØrsted'), ('dan', 'dan@mail.test Doe'), ('eve', '李 雷'),
    ('fay', 'Fay Inactive'), ('gus', 'Gus Nothing'), ('hal', 'Hal Pending')) v (u, name);
SELECT count(swipesavvy.record_transaction(pg_temp.id(u), points, occurred_at => now(), status => s)) FROM (VALUES ('ann', 2100, 'completed'), ('bob', 300, 'completed'), ('cyd', 300, 'completed'), ('dan', 200, 'completed'), ('eve', 100, 'completed'),
    ('fay', 900, 'completed'), ('hal', 800, 'pending'), ('gus', 500, 'failed')) v (u, points, s);
-- history that is loaded now was earned then, and what is refunded of it is taken from then
SELECT count(swipesavvy.record_transaction(pg_temp.id('bob'), 1000, occurred_at => '2020-01-01', transaction_id => pg_temp.id('bob of 2020')));
SELECT swipesavvy.refund_transaction(pg_temp.id('bob of 2020'), 400) -> 'points_reversed' AS of_2020;
-- given, spent and expired points are not earned ones
SELECT count(swipesavvy.adjust_points(pg_temp.id('gus'), 5000, 'a gift')), count(swipesavvy.adjust_points(pg_temp.id('eve'), 5000, 'a gift')), count(swipesavvy.redeem_points(pg_temp.id('bob'), points => 250));
SELECT swipesavvy.suspend_user(pg_temp.id('fay')) ->> 'account_status' AS fay;
SELECT r - 'as_of' AS written, (r ->> 'as_of')::timestamptz BETWEEN now() AND clock_timestamp() AS as_of_now FROM swipesavvy.refresh_leaderboards() r;
SELECT r - 'as_of' AS nothing_changed FROM swipesavvy.refresh_leaderboards() r;
SELECT p, pg_temp.board(p) FROM unnest(ARRAY['weekly', 'monthly', 'all_time']) p;
SELECT pg_temp.board('weekly', 3) AS three;
SELECT jsonb_object_keys(swipesavvy.get_leaderboard()) AS keys;
SELECT jsonb_object_keys(swipesavvy.get_leaderboard() #> '{leaders,0}') AS keys;

-- a referral bonus belongs to the purchase that it was paid for; a refund takes from the purchase's week
SELECT swipesavvy.update_system_settings('{"referral_bonus_points": 7}') ->> 'status' AS status;
SELECT count(swipesavvy.create_user(u || '@leaderboards.test', name, user_id => pg_temp.id(u), referred_by => pg_temp.id('gus'))) FROM (VALUES ('old', 'Old Friend'), ('new', 'New Friend')) v (u, name);
SELECT swipesavvy.record_transaction(pg_temp.id('old'), 40, occurred_at => '2020-01-01') -> 'points_earned' AS old,
       swipesavvy.record_transaction(pg_temp.id('new'), 50, transaction_id => pg_temp.id('new one')) -> 'points_earned' AS new;
SELECT swipesavvy.refund_transaction(pg_temp.id('new one'), 10) -> 'points_reversed' AS refunded;
SELECT r - 'as_of' AS written FROM swipesavvy.refresh_leaderboards() r;
SELECT p, (SELECT string_agg(format('%s %s', l ->> 'name', l -> 'points'), ', ') FROM jsonb_array_elements(swipesavvy.get_leaderboard(p) -> 'leaders') l
            WHERE l ->> 'name' IN ('Old F.', 'New F.', 'Gus N.')) AS friends FROM unnest(ARRAY['weekly', 'monthly', 'all_time']) p;
-- what is bought in the next week or month, by a clock that is ahead, does not count in this one
SELECT p, pg_temp.next(p) FROM unnest(ARRAY['weekly', 'monthly']) p;

-- a week begins on Monday and a month on its first, in the programme's time zone: purchases are moved, half a second either side
CREATE FUNCTION pg_temp.starts(p text, zone text) RETURNS timestamptz LANGUAGE sql
    RETURN CASE p WHEN 'all_time' THEN NULL ELSE date_trunc(replace(p, 'ly', ''), now() AT TIME ZONE zone) AT TIME ZONE zone END;
CREATE FUNCTION pg_temp.move(who text, at timestamptz) RETURNS void LANGUAGE sql AS $$
    UPDATE swipesavvy.transactions SET occurred_at = at WHERE user_id = pg_temp.id(who) AND transaction_id <> pg_temp.id(who || ' of 2020');
$$;
CREATE FUNCTION pg_temp.shows(p text, zone text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM swipesavvy.update_system_settings(jsonb_build_object('timezone', zone));
    PERFORM pg_temp.move('ann', pg_temp.starts(p, zone) - interval '0.5 seconds');
    PERFORM pg_temp.move('bob', pg_temp.starts(p, zone));
    PERFORM swipesavvy.refresh_leaderboards();
    ASSERT (swipesavvy.get_leaderboard(p) ->> 'starts_at')::timestamptz = pg_temp.starts(p, zone);
    RETURN (SELECT string_agg(l ->> 'name', ', ') FROM jsonb_array_elements(swipesavvy.get_leaderboard(p) -> 'leaders') l WHERE l ->> 'name' IN ('Ann O.', 'B.'));
END
$$;
SELECT p, zone, pg_temp.shows(p, zone) AS of_ann_and_bob FROM unnest(ARRAY['weekly', 'monthly']) p, unnest(ARRAY['UTC', 'Pacific/Kiritimati', 'Pacific/Pago_Pago']) zone ORDER BY 1, 2;
SELECT swipesavvy.update_system_settings('{"timezone": "UTC"}') ->> 'status' AS status;

-- what a customer sees: its own rank, also when it is none of the first; who is gone since the refresh does not show
SELECT count(swipesavvy.refresh_leaderboards());
SELECT set_config('request.jwt.claims', jsonb_build_object('sub', pg_temp.id('eve'))::text, true) IS NOT NULL AS eve;
SET LOCAL ROLE swipesavvy_customer;
SELECT pg_temp.board('all_time', 2), pg_temp.board('all_time');
RESET ROLE;
SELECT swipesavvy.deactivate_user(pg_temp.id('cyd')) ->> 'account_status' AS cyd, set_config('request.jwt.claims', jsonb_build_object('sub', pg_temp.id('hal'))::text, true) IS NOT NULL AS hal;
SET LOCAL ROLE swipesavvy_customer;
SELECT pg_temp.board('all_time') AS nothing_earned;
RESET ROLE;
SELECT r - 'as_of' AS cyd_is_taken_away FROM swipesavvy.refresh_leaderboards() r;
SELECT pg_temp.board('all_time');
SELECT set_config('request.jwt.claims', jsonb_build_object('sub', pg_temp.id('eve'))::text, true) IS NOT NULL AS eve;
SET LOCAL ROLE swipesavvy_analytics;
SELECT swipesavvy.get_leaderboard('all_time', 1) -> 'own' AS own, swipesavvy.get_leaderboard('all_time', 1) -> 'limit' AS "limit";
SELECT swipesavvy.get_leaderboard('daily');
SELECT swipesavvy.get_leaderboard(NULL);
SELECT swipesavvy.get_leaderboard('weekly', 0);
SELECT swipesavvy.get_leaderboard('weekly', 101);
SELECT swipesavvy.refresh_leaderboards();
RESET ROLE;

-- what others see of a name: the first name and an initial; no more than initials where the first word may be the family's, or all
SAVEPOINT named;
CREATE TEMP TABLE named AS SELECT n, what, name, gen_random_uuid() AS user_id FROM (VALUES
    (1, 'three names', 'Jane van Doe'), (2, 'one name', 'Jane'), (3, 'ideographic space', U&'Taro\3000Yamada'), (4, 'no-break space', U&'Jean\00A0Dupont'), (5, 'em space', U&'Maria\2003Sanchez'), (6, 'zero-width space', U&'Maria\200BSanchez'),
    (7, 'narrow no-break space', U&'Anne\202FMartin'), (8, 'in one word', U&'\5C71\7530\592A\90CE'), (9, 'family first', U&'\5C71\7530\3000\592A\90CE'), (10, 'Hangul', U&'\AE40 \CCA0\C218'), (11, 'Thai in one word', U&'\0E2A\0E21\0E0A\0E32\0E22'),
    (12, 'katakana', U&'\30B8\30E7\30F3 \30B9\30DF\30B9'), (13, 'with a comma', 'Miller, Ann'), (14, 'an address', 'jane.doe@example.com'), (15, 'blanks around', U&'\3000 Jane \00A0 Doe\2003'), (16, 'accents, decomposed', U&'Zoe\0308 E\0301mile'),
    (17, 'a mark that nothing composes', U&'Ann Q\0323\0307ux'), (18, 'nothing that is seen', U&'\200B\2060'), (19, 'Persian with a non-joiner', U&'\0645\06CC\200C\0646\0627 \0627\062D\0645\062F\06CC'), (20, 'hyphen', 'Jean-Luc Picard'), (21, 'an emoji', U&'\+01F600 Doe')) v (n, what, name);
INSERT INTO swipesavvy.users (user_id, email, name) SELECT user_id, n || '@named.test', name FROM named;
INSERT INTO swipesavvy.reward_accounts (user_id, lifetime_points, tier, spent_currency) SELECT user_id, 1000000 - n, 'bronze', 'USD' FROM named;
SELECT count(*) AS refreshed FROM swipesavvy.refresh_leaderboards();
SELECT what, l ->> 'name' AS shown FROM named, jsonb_array_elements(swipesavvy.get_leaderboard('all_time', 100) -> 'leaders') l WHERE (l ->> 'points')::int = 1000000 - n ORDER BY n;
ROLLBACK TO named;

-- ranks among 5,000, many of them with the same points: as counted one by one
INSERT INTO swipesavvy.users (user_id, email, name) SELECT ('00000000-0000-7000-9000-' || lpad(n::text, 12, '0'))::uuid, n || '@many.test', 'N ' || n FROM generate_series(1, 5000) n;
INSERT INTO swipesavvy.reward_accounts (user_id, lifetime_points, tier, spent_currency)
SELECT ('00000000-0000-7000-9000-' || lpad(n::text, 12, '0'))::uuid, CASE WHEN n <= 1500 THEN 50 WHEN n % 3 = 0 THEN n / 7 ELSE n END, 'bronze', 'USD' FROM generate_series(1, 5000) n;
SELECT r - 'as_of' AS written FROM swipesavvy.refresh_leaderboards() r;
ANALYZE swipesavvy.leaderboard_entries, swipesavvy.users, swipesavvy.reward_accounts;
SELECT period, count(*) AS marks, max(at_least) AS last FROM swipesavvy.leaderboard_marks GROUP BY 1;
CREATE FUNCTION pg_temp.own_rank(who uuid) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('request.jwt.claims', jsonb_build_object('sub', who)::text, true), set_config('role', 'swipesavvy_customer', true);
    RETURN (swipesavvy.get_leaderboard('all_time', 1) #> '{own,rank}')::bigint;
END
$$;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pg_temp TO PUBLIC;
CREATE TEMP TABLE counted AS SELECT user_id, rank() OVER (ORDER BY points DESC) AS rank FROM swipesavvy.leaderboard_entries WHERE period = 'all_time';
GRANT SELECT ON counted TO PUBLIC;
SELECT count(*) AS users, count(*) FILTER (WHERE pg_temp.own_rank(user_id) IS DISTINCT FROM rank) AS wrong FROM counted;
ROLLBACK;
