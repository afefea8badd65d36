-- Customers: RFM, cohorts, rhythms, liability and ageing of points, by small examples that can be followed by hand. All is rolled back.
\set SHOW_CONTEXT never
SET timezone = 'UTC';
\set ON_ERROR_ROLLBACK on
BEGIN;
-- nobody else's purchases
UPDATE swipesavvy.users SET role = 'support' WHERE role = 'customer';
DELETE FROM swipesavvy.customer_analytics;
DELETE FROM swipesavvy.customer_scores;
DELETE FROM swipesavvy.customer_cohorts;
DELETE FROM swipesavvy.customer_figures;
DELETE FROM swipesavvy.points_by_month;
DELETE FROM swipesavvy.points_liability;
CREATE FUNCTION pg_temp.id(name text) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN ('00000000-0000-7000-8000-' || substr(md5('customers ' || name), 1, 12))::uuid;
CREATE FUNCTION pg_temp.days_ago(days int) RETURNS timestamptz LANGUAGE sql STABLE RETURN (current_date - days) + interval '12 hours';
CREATE FUNCTION pg_temp.month(n int) RETURNS date LANGUAGE sql STABLE RETURN (date_trunc('month', current_date) + n * interval '1 month')::date;
CREATE FUNCTION pg_temp.name(id text) RETURNS text LANGUAGE sql STABLE RETURN (SELECT u.name FROM swipesavvy.users u WHERE u.user_id = id::uuid);

-- --- before the first refresh ----------------------------------------------------------------

SELECT swipesavvy.get_rfm_segments();
SELECT swipesavvy.list_rfm_users('champion');
SELECT swipesavvy.get_cohort_retention();
SELECT swipesavvy.get_churn_list();
SELECT swipesavvy.get_points_liability();
SELECT swipesavvy.get_points_ageing();

-- --- RFM --------------------------------------------------------------------------------------

SELECT count(swipesavvy.create_user(u || '@customers.test', u, user_id => pg_temp.id(u)))
  FROM unnest(ARRAY['ann', 'bob', 'cyd', 'dan', 'eve', 'old', 'today', 'pending', 'refunded', 'euro', 'staff', 'gone', 'nobody']) u;
-- recencies of 1, 1, 10, 40 and 200 days score 4, 4, 3, 2, 1; ann bought four times for 30 in all, eve once for 500
SELECT count(swipesavvy.record_transaction(pg_temp.id(u), amount, occurred_at => pg_temp.days_ago(days))) FROM (VALUES
    ('ann', 10, 1), ('ann', 10, 2), ('ann', 5, 3), ('ann', 5, 4), ('bob', 20, 1), ('bob', 20, 5), ('cyd', 100, 10), ('dan', 50, 40), ('dan', 50, 50), ('dan', 50, 60), ('eve', 500, 200),
    ('old', 70, 366), ('old', 70, 400), ('today', 9, 0), ('staff', 9, 1), ('gone', 9, 1)) v (u, amount, days);
SELECT count(swipesavvy.record_transaction(pg_temp.id('pending'), 9, occurred_at => pg_temp.days_ago(1), status => 'pending')),
       count(swipesavvy.record_transaction(pg_temp.id('euro'), 9, 'EUR', occurred_at => pg_temp.days_ago(1))),
       count(swipesavvy.record_transaction(pg_temp.id('refunded'), 9, occurred_at => pg_temp.days_ago(1), transaction_id => pg_temp.id('refunded')));
SELECT count(swipesavvy.refund_transaction(pg_temp.id('refunded')));
-- a part that is refunded is not spent; what was bought 365 days ago counts, what a day earlier does not
SELECT count(swipesavvy.record_transaction(pg_temp.id('eve'), 40, occurred_at => pg_temp.days_ago(365), transaction_id => pg_temp.id('eve')));
SELECT count(swipesavvy.refund_transaction(pg_temp.id('eve'), 15));
SELECT count(swipesavvy.update_user(pg_temp.id('staff'), '{"role": "support"}')), swipesavvy.erase_user(pg_temp.id('gone')) ->> 'account_status' AS gone;

SELECT r - 'as_of' AS refreshed, (r ->> 'as_of')::timestamptz BETWEEN now() AND clock_timestamp() AS as_of_now FROM swipesavvy.refresh_customer_analytics() r;
SELECT r - 'as_of' AS nothing_changed FROM swipesavvy.refresh_customer_analytics() r;
SELECT pg_temp.name(f.user_id::text), segment, recency_score AS r, frequency_score AS f, monetary_score AS m, current_date - last_purchase_date AS recency, frequency, monetary_minor
  FROM swipesavvy.customer_figures f ORDER BY 1;
SELECT jsonb_object_keys(swipesavvy.get_rfm_segments()) AS keys;
SELECT swipesavvy.get_rfm_segments() -> 'population' AS population;
SELECT s AS segment FROM jsonb_array_elements(swipesavvy.get_rfm_segments() -> 'segments') s;
SELECT s AS scores FROM jsonb_array_elements(swipesavvy.get_rfm_segments() -> 'scores') s;
SELECT pg_temp.name(u ->> 'user_id'), u - 'user_id' AS figures FROM unnest(ARRAY['champion', 'loyal', 'potential_loyalist', 'at_risk', 'cannot_lose', 'hibernating', 'inactive', 'new']) s,
       jsonb_array_elements(swipesavvy.list_rfm_users(s) -> 'users') u ORDER BY 1;

-- all 25 places of the table, by customers with every r and fm
CREATE TEMP TABLE grid AS SELECT r, fm, md5(format('grid %s %s', r, fm))::uuid AS user_id FROM generate_series(1, 5) r, generate_series(1, 5) fm;
SAVEPOINT grid;
UPDATE swipesavvy.users SET role = 'support' WHERE role = 'customer';
SELECT count(swipesavvy.create_user(r || 'x' || fm || '@customers.test', format('%s %s', r, fm), user_id => user_id)) FROM grid;
SELECT count(swipesavvy.record_transaction(user_id, fm, occurred_at => pg_temp.days_ago(60 - 10 * r + n))) FROM grid, generate_series(1, fm) n;
SELECT swipesavvy.refresh_customer_analytics() -> 'population' AS population;
SELECT g.r, string_agg(f.segment, ', ' ORDER BY g.fm) AS by_fm FROM grid g JOIN swipesavvy.customer_figures f USING (user_id)
 WHERE (f.recency_score, f.frequency_score, f.monetary_score) = (g.r, g.fm, g.fm) GROUP BY g.r ORDER BY g.r DESC;
-- pages
SELECT jsonb_array_length(p -> 'users') AS first, p -> 'total' AS total, jsonb_array_length(q -> 'users') AS second, q -> 'next_cursor' AS next,
       p #>> '{users,1,user_id}' < q #>> '{users,0,user_id}' AS goes_on
  FROM swipesavvy.list_rfm_users('cannot_lose', 2) p, swipesavvy.list_rfm_users('cannot_lose', 2, p ->> 'next_cursor') q;
ROLLBACK TO grid;

SELECT swipesavvy.list_rfm_users('vip');
SELECT swipesavvy.list_rfm_users(NULL);
SELECT swipesavvy.list_rfm_users('loyal', 0);
SELECT swipesavvy.list_rfm_users('loyal', after => 'x');

-- --- cohorts ----------------------------------------------------------------------------------

SAVEPOINT cohorts;
UPDATE swipesavvy.users SET role = 'support' WHERE role = 'customer';
SELECT count(swipesavvy.create_user('cohort' || n || '@customers.test', 'cohort' || n, user_id => pg_temp.id('cohort' || n))) FROM generate_series(1, 4) n;
-- three came three months ago: one bought again in both months after it, one in the second; the fourth came last month, and this month counts when it is over
SELECT count(swipesavvy.record_transaction(pg_temp.id(u), amount, occurred_at => pg_temp.month(month) + interval '1 hour')) FROM (VALUES
    ('cohort1', 10, -3), ('cohort1', 10, -3), ('cohort1', 20, -2), ('cohort1', 30, -1), ('cohort2', 10, -3), ('cohort2', 5, -1), ('cohort3', 1, -3), ('cohort4', 7, -1)) v (u, amount, month);
SELECT swipesavvy.refresh_customer_analytics() -> 'users' AS users;
SELECT ((c ->> 'cohort')::date = pg_temp.month(n)) AS month, n, c - 'cohort' AS cohort FROM unnest(ARRAY[-1, -3]) WITH ORDINALITY m (n, i)
  JOIN jsonb_array_elements(swipesavvy.get_cohort_retention(periods => 4) -> 'cohorts') WITH ORDINALITY c (c, i) USING (i) ORDER BY i;
SELECT c ->> 'size' AS size, c -> 'active' AS active FROM jsonb_array_elements(swipesavvy.get_cohort_retention('monthly', 1, 1) -> 'cohorts') c;
-- a week begins on Monday
SELECT count(*) AS cohorts, sum((c ->> 'size')::int) AS users, bool_and(extract(isodow FROM (c ->> 'cohort')::date) = 1) AS mondays, bool_and(jsonb_array_length(c -> 'active') = 60) AS periods
  FROM jsonb_array_elements(swipesavvy.get_cohort_retention('weekly', 60, 60) -> 'cohorts') c;
ROLLBACK TO cohorts;
SELECT swipesavvy.get_cohort_retention('daily');
SELECT swipesavvy.get_cohort_retention(NULL);
SELECT swipesavvy.get_cohort_retention(cohorts => 0);
SELECT swipesavvy.get_cohort_retention(periods => 61);

-- --- rhythms ----------------------------------------------------------------------------------

-- fay buys every 10 days but once, and has not for 21; gus has gaps of 10 and 15 days; hal came twice only, ida thrice on two days
SELECT count(swipesavvy.create_user(u || '@customers.test', u, user_id => pg_temp.id(u))) FROM unnest(ARRAY['fay', 'gus', 'hal', 'ida']) u;
SELECT count(swipesavvy.record_transaction(pg_temp.id(u), 8, occurred_at => pg_temp.days_ago(days))) FROM (VALUES
    ('fay', 61), ('fay', 41), ('fay', 31), ('fay', 21), ('fay', 21), ('gus', 425), ('gus', 410), ('gus', 400), ('hal', 300), ('hal', 290), ('ida', 300), ('ida', 290), ('ida', 290)) v (u, days);
SELECT swipesavvy.refresh_customer_analytics() -> 'users' AS users;
SELECT jsonb_object_keys(swipesavvy.get_churn_list()) AS keys;
SELECT pg_temp.name(u ->> 'user_id'), current_date - (u ->> 'last_purchase_date')::date AS days, u - '{user_id,last_purchase_date}'::text[] AS figures
  FROM jsonb_array_elements(swipesavvy.get_churn_list() -> 'users') WITH ORDINALITY u (u, n) ORDER BY n;
SELECT min_ratio, l -> 'total' AS total, (SELECT string_agg(pg_temp.name(u ->> 'user_id'), ' ') FROM jsonb_array_elements(l -> 'users') u) AS users
  FROM unnest(ARRAY[0, 2.1, 2.11, 32, 32.01]) min_ratio, swipesavvy.get_churn_list(min_ratio) l;
SELECT n, pg_temp.name(u ->> 'user_id') AS user, u -> 'ratio' AS ratio FROM (
    WITH RECURSIVE pages AS (SELECT 1 AS n, swipesavvy.get_churn_list(0, 1) AS page
        UNION ALL SELECT n + 1, swipesavvy.get_churn_list(0, 1, page ->> 'next_cursor') FROM pages WHERE page ->> 'next_cursor' IS NOT NULL)
    SELECT n, page #> '{users,0}' AS u FROM pages) p ORDER BY n;
SELECT swipesavvy.get_churn_list(-1);
SELECT swipesavvy.get_churn_list('NaN');
SELECT swipesavvy.get_churn_list(1.234);
SELECT swipesavvy.get_churn_list(after => '00000000-0000-7000-8000-00000000dead');

-- --- points -----------------------------------------------------------------------------------

-- others may hold points: what ida's change is shown
CREATE TEMP TABLE before AS SELECT swipesavvy.get_points_liability() AS owed, swipesavvy.get_points_ageing() AS age;
CREATE FUNCTION pg_temp.more(key text) RETURNS numeric LANGUAGE sql STABLE
    RETURN (SELECT (swipesavvy.get_points_liability() -> key)::numeric - (owed -> key)::numeric FROM before);
SELECT jsonb_object_keys(swipesavvy.get_points_liability()) AS keys;
SELECT jsonb_object_keys(swipesavvy.get_points_ageing()) AS keys;
-- 100 in January, 100 in February of 1995, 30 spent: 70 and 100
SELECT swipesavvy.update_system_settings('{"points_expiry_months": 600, "point_value_minor": 2}') ->> 'status' AS status;
SELECT count(swipesavvy.record_transaction(pg_temp.id('nobody'), 100, occurred_at => d, transaction_id => pg_temp.id(to_char(d, 'Mon')))) FROM unnest(ARRAY['1995-01-31 23:59:59+00', '1995-02-01 00:00+00']::timestamptz[]) d;
SELECT count(swipesavvy.redeem_points(pg_temp.id('nobody'), points => 30));
SELECT count(swipesavvy.record_transaction(pg_temp.id('nobody'), 11, occurred_at => '1995-03-01', status => 'pending'));
SELECT swipesavvy.refresh_customer_analytics() -> 'written' AS written;
SELECT pg_temp.more('points_available') AS available, pg_temp.more('points_pending') AS pending, pg_temp.more('points_overdrawn') AS overdrawn;
SELECT o -> 'value' = to_jsonb((o -> 'points_available')::numeric * 0.02) AS value, o -> 'breakage_rate' AS rate, o -> 'expected_breakage_points' AS points, o -> 'expected_liability' AS expected
  FROM swipesavvy.get_points_liability() o;
SELECT b AS bucket FROM jsonb_array_elements(swipesavvy.get_points_ageing() -> 'buckets') b WHERE b ->> 'month' LIKE '1995-%';
SELECT (a -> 'total_remaining')::numeric - (a -> 'points_overdrawn')::numeric = (SELECT sum(points_available) FROM swipesavvy.reward_accounts) AS adds_up FROM swipesavvy.get_points_ageing() a;
-- whose purchases are refunded when some points are spent owes these, and has none left of any month
SELECT count(swipesavvy.refund_transaction(pg_temp.id(d))) FROM unnest(ARRAY['Jan', 'Feb']) d;
SELECT swipesavvy.update_system_settings('{"points_expiry_months": 0}') ->> 'status' AS status;
SELECT swipesavvy.refresh_customer_analytics() -> 'written' AS written;
SELECT pg_temp.more('points_available') AS available, pg_temp.more('points_overdrawn') AS overdrawn;
SELECT b AS bucket FROM jsonb_array_elements(swipesavvy.get_points_ageing() -> 'buckets') b WHERE b ->> 'month' LIKE '1995-%';

-- Points of a month expire with the second month after it, here: 1,000 of each of twelve months, of which 100 were left and expired.
SAVEPOINT breakage;
SELECT swipesavvy.update_system_settings('{"points_expiry_months": 1}') ->> 'status' AS status;
ALTER TABLE swipesavvy.points_entries DISABLE TRIGGER the_ledger_is_append_only;
DELETE FROM swipesavvy.points_entries;
UPDATE swipesavvy.transactions SET points_base = 0, points_bonus = 0;
INSERT INTO swipesavvy.points_entries (user_id, entry_id, points, recorded_at, kind, debit_account, credit_account)
SELECT pg_temp.id('ida'), swipesavvy.uuid_v7(), 1000, pg_temp.month(n), 'adjust'::swipesavvy.entry_kind, 'issuance'::swipesavvy.ledger_account, 'available'::swipesavvy.ledger_account FROM generate_series(-13, 0) n
UNION ALL SELECT pg_temp.id('ida'), swipesavvy.uuid_v7(), 100, pg_temp.month(n) + interval '1 day', 'expire', 'available', 'expiry' FROM generate_series(-13, 0) n;
UPDATE swipesavvy.reward_accounts SET points_available = 0, points_debited = 0, lot_before = 0;
UPDATE swipesavvy.reward_accounts SET points_available = 1234, points_debited = 12766 WHERE user_id = pg_temp.id('ida');
SELECT swipesavvy.refresh_customer_analytics() -> 'written' AS written;
-- the first of the twelve is the month 14 months ago, of which nothing is known
SELECT swipesavvy.get_points_liability() -> 'breakage_rate' AS eleven_months_matured;
INSERT INTO swipesavvy.points_entries (user_id, entry_id, points, recorded_at, kind, debit_account, credit_account)
VALUES (pg_temp.id('ida'), swipesavvy.uuid_v7(), 1000, pg_temp.month(-14), 'adjust', 'issuance', 'available');
UPDATE swipesavvy.reward_accounts SET points_debited = 13766 WHERE user_id = pg_temp.id('ida');
SELECT swipesavvy.refresh_customer_analytics() -> 'written' AS written;
SELECT swipesavvy.get_points_liability() - '{as_of,history}'::text[] AS liability;
SELECT (b ->> 'month')::date = pg_temp.month(n) AS month, b - '{month,expires_at}'::text[] AS bucket, (b ->> 'expires_at')::timestamptz = pg_temp.month(n + 2) AS expires
  FROM jsonb_array_elements(swipesavvy.get_points_ageing() -> 'buckets') WITH ORDINALITY b (b, i) JOIN generate_series(-14, 0) WITH ORDINALITY m (n, i) USING (i) WHERE n >= -2;
-- the days before: those of another currency have no value
INSERT INTO swipesavvy.points_liability SELECT day - n, as_of, 1000 + n, 0, 0, 2, CASE n WHEN 2 THEN 'EUR' ELSE 'USD' END FROM swipesavvy.points_liability, generate_series(1, 40) n;
SELECT days, jsonb_array_length(h) AS rows, current_date - (h #>> '{0,date}')::date AS first, (h -> -3) - 'date' AS two_days_ago, (h -> -2) - 'date' AS yesterday
  FROM unnest(ARRAY[1, 3, 30, 1830]) days, LATERAL (SELECT swipesavvy.get_points_liability(days) -> 'history') l (h);
ROLLBACK TO breakage;
SELECT swipesavvy.get_points_liability(0);
SELECT swipesavvy.get_points_liability(1831);

-- --- segments ---------------------------------------------------------------------------------

SELECT count(*) AS none FROM swipesavvy.segments WHERE name LIKE 'rfm:%';
SELECT swipesavvy.create_segment('rfm:lost') ->> 'name' AS own, swipesavvy.add_segment_members('rfm:lost', ARRAY[pg_temp.id('ann')]) -> 'members' AS members;
SELECT swipesavvy.update_system_settings('{"rfm_segments": true}') #> '{updated_settings,rfm_segments}' AS on;
SELECT count(swipesavvy.refresh_customer_analytics());
SELECT s ->> 'name' AS segment, s -> 'members' AS members FROM jsonb_array_elements(swipesavvy.list_segments() -> 'segments') s WHERE s ->> 'name' LIKE 'rfm:%';
SELECT bool_and('rfm:' || f.segment = s.name) AS right, count(*) = (SELECT count(*) FROM swipesavvy.customer_figures) AS all
  FROM swipesavvy.segment_members m JOIN swipesavvy.segments s USING (segment_no) JOIN swipesavvy.customer_figures f USING (user_id) WHERE s.name LIKE 'rfm:%';
SELECT l ->> 'event_type' AS event, l ->> 'resource_id' AS segment, l -> 'details' AS details FROM jsonb_array_elements(swipesavvy.get_audit_logs(event_type => 'segment.refresh') -> 'logs') l;
-- who moves on changes segment; a campaign can be aimed at one
SELECT swipesavvy.create_campaign('Come back', 'LOYALTY_BOOST', offer_type => 'OTHER', start_date => now() - interval '1 hour', bonus_points => 5, target_segment => 'rfm:inactive', campaign_id => 'CUSTOMERS') ->> 'status' AS status;
SELECT swipesavvy.launch_campaign('CUSTOMERS') ->> 'status' AS status;
SELECT swipesavvy.record_transaction(pg_temp.id(u), 1, occurred_at => now()) #> '{awards,0,points}' AS bonus FROM unnest(ARRAY['gus', 'ann']) u;
SELECT count(swipesavvy.record_transaction(pg_temp.id('old'), 1, occurred_at => pg_temp.days_ago(1)));
SELECT count(swipesavvy.refresh_customer_analytics());
SELECT s.name FROM swipesavvy.segment_members m JOIN swipesavvy.segments s USING (segment_no) WHERE m.user_id = pg_temp.id('old') AND s.name LIKE 'rfm:%';
-- switched off, they stay as they are
SELECT swipesavvy.update_system_settings('{"rfm_segments": false}') #> '{updated_settings,rfm_segments}' AS on;
DELETE FROM swipesavvy.segment_members WHERE user_id = pg_temp.id('old');
SELECT count(swipesavvy.refresh_customer_analytics());
SELECT count(*) AS of_old FROM swipesavvy.segment_members m WHERE m.user_id = pg_temp.id('old');

-- --- a person ---------------------------------------------------------------------------------

SELECT (swipesavvy.export_user_data(pg_temp.id('fay')) #> '{customer_figures,0}') - 'last_purchase_date' AS exported;
SELECT swipesavvy.erase_user(pg_temp.id('fay')) ->> 'account_status' AS erased;
SELECT count(*) AS left FROM swipesavvy.customer_figures WHERE user_id = pg_temp.id('fay');
SELECT swipesavvy.refresh_customer_analytics() - '{as_of,users,population}'::text[] AS refreshed;
ROLLBACK;
