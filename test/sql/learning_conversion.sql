-- Conversion and offers: examples of campaigns that were shown, or could be had, against plain SQL; what training makes of them, and what is asked.
BEGIN;
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT swipesavvy.update_system_settings('{"timezone": "Europe/Berlin"}') IS NOT NULL AS set;

CREATE FUNCTION pg_temp.uid(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid $$;
-- from 0 to 1, the same each time
CREATE FUNCTION pg_temp.draw(what text, a integer, b integer) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$ SELECT abs(hashtextextended(format('%s:%s:%s', what, a, b), 7) % 1000000) / 1e6 $$;
-- local time so many days before or after
CREATE FUNCTION pg_temp.days(t timestamptz, n integer) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$ SELECT (t AT TIME ZONE 'Europe/Berlin' + make_interval(days => n)) AT TIME ZONE 'Europe/Berlin' $$;
CREATE FUNCTION pg_temp.attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
    more text;
    hint text;
BEGIN
    EXECUTE statement INTO answer;
    RETURN answer;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS more = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' / ', SQLSTATE, SQLERRM, nullif(more, ''), nullif(hint, ''));
END
$$;

-- --- a programme ---------------------------------------------------------------------------------------------------

\set as_of '2026-03-20 12:34:56+01'
SELECT count(swipesavvy.create_merchant('Shop ' || n, mcc => CASE n % 3 WHEN 0 THEN '5912' WHEN 1 THEN '5411' ELSE '5812' END, merchant_id => pg_temp.uid(900000 + n))) AS merchants FROM generate_series(0, 8) n;
SELECT count(swipesavvy.create_user(format('u%s@example.com', n), 'U', user_id => pg_temp.uid(n), role => CASE n WHEN 210 THEN 'support' ELSE 'customer' END)) AS users FROM generate_series(1, 210) n;
CREATE TEMP TABLE bought AS
SELECT pg_temp.uid(u) AS user_id, pg_temp.uid(u * 1000 + i) AS transaction_id,
       pg_temp.days('2026-03-21 00:00+01', -(CASE WHEN u > 190 THEN 600 ELSE 0 END + pg_temp.draw('day', u, i) * CASE WHEN u > 190 THEN 50 ELSE 500 END)::int) + make_interval(mins => (pg_temp.draw('minute', u, i) * 1439)::int) - interval '1 day' AS at,
       CASE WHEN pg_temp.draw('nothing', u, i) < 0.02 THEN 0 ELSE 100 + (pg_temp.draw('amount', u, i) * 12000)::int END AS amount,
       CASE WHEN pg_temp.draw('currency', u, i) < 0.04 THEN 'EUR' ELSE 'USD' END AS currency,
       CASE WHEN pg_temp.draw('status', u, i) < 0.04 THEN 'failed' WHEN pg_temp.draw('status', u, i) < 0.07 THEN 'pending' ELSE 'completed' END AS status,
       CASE WHEN pg_temp.draw('nowhere', u, i) < 0.2 THEN NULL ELSE pg_temp.uid(900000 + floor(pg_temp.draw('shop', u, i) * 9)::int) END AS merchant_id
  FROM generate_series(1, 200) u CROSS JOIN LATERAL generate_series(1, CASE u % 3 WHEN 0 THEN 20 WHEN 1 THEN 9 ELSE 4 END) i;
INSERT INTO swipesavvy.purchases (transaction_id, user_id, amount_minor, currency, occurred_at, status, merchant_id)
SELECT transaction_id, user_id, amount, currency, at, status, merchant_id FROM bought ORDER BY at;
SELECT swipesavvy.create_segment('Half') ->> 'name' AS segment;
SELECT swipesavvy.add_segment_members('Half', array_agg(pg_temp.uid(n))) -> 'added' AS added FROM generate_series(2, 210, 2) n;
UPDATE swipesavvy.segment_members SET added_at = pg_temp.days('2026-03-20 00:00+01', -(pg_temp.draw('member', m.n, 0) * 220)::int) FROM (SELECT n, pg_temp.uid(n) AS id FROM generate_series(2, 210, 2) n) m (n, id) WHERE user_id = m.id;
SELECT count(swipesavvy.create_campaign(campaign_id => id, name => id, campaign_type => ctype, offer_type => otype, offer_amount => amount, start_date => '2025-06-01', points_multiplier => multiplier, bonus_points => bonus,
                                        min_spend => min_spend, target_merchant_id => merchant, target_category => category, hold_out => held, currency => currency, target_segment => segment)) AS campaigns
  FROM (VALUES ('c1', 'SEASONAL', 'PERCENTAGE', 30, 1, 0, 0, NULL::uuid, NULL, 0, 'USD', NULL), ('C2', 'EMAIL_OFFER', 'PERCENTAGE', 5, 1, 0, 10, NULL, NULL, 20, 'USD', 'Half'),
               ('c3', 'FLASH_SALE', 'FIXED_DISCOUNT', 12.34, 1, 0, 25, pg_temp.uid(900001), NULL, 0, 'USD', NULL), ('c-4', 'LOYALTY_BOOST', 'OTHER', NULL, 3, 50, 0, NULL, 'Grocery & Food', 0, 'USD', NULL),
               ('c5', 'LOCATION_DEAL', 'BOGO', NULL, 1, 0, 0, pg_temp.uid(900003), NULL, 0, 'USD', 'Half'), ('c6', 'SEASONAL', 'FREE_SHIPPING', 4.9, 1.5, 0, 500, NULL, 'Restaurants & Cafes', 0, 'EUR', NULL),
               ('C7', 'EMAIL_OFFER', 'FIXED_DISCOUNT', 80, 1, 20, 0, NULL, NULL, 10, 'USD', NULL), ('z8', 'FLASH_SALE', 'PERCENTAGE', 12.5, 2, 0, 0, NULL, NULL, 0, 'JPY', NULL), ('z9', 'SEASONAL', 'OTHER', NULL, 1, 5, 0, NULL, NULL, 0, 'USD', NULL)) c
       (id, ctype, otype, amount, multiplier, bonus, min_spend, merchant, category, held, currency, segment);
-- one offered less before December, one was aimed elsewhere, and some were launched, one of them twice
SELECT count(swipesavvy.update_campaign(id, changes::jsonb)) AS changed FROM (VALUES ('c1', '{"offer_amount": 20}'), ('c5', '{"target_merchant_id": null, "target_category": "Grocery & Food"}'), ('c3', '{"hold_out": 5}')) c (id, changes);
UPDATE swipesavvy.campaign_versions SET valid_until = '2025-12-01 10:00+01';
SELECT count(swipesavvy.launch_campaign(id)) AS launched FROM unnest('{c1,C2,c3,c-4,c5,c6,C7,z8}'::text[]) id;
SELECT swipesavvy.pause_campaign('c1') ->> 'status' AS status;
SELECT swipesavvy.launch_campaign('c1') ->> 'status' AS status;
UPDATE swipesavvy.campaigns c SET launched_at = l.at::timestamptz FROM (VALUES ('c1', '2026-02-01 12:00+01'), ('C2', '2025-09-20 08:30+02'), ('c3', '2025-12-02 08:30+01'), ('c-4', '2025-10-26 02:30+02'), ('c5', '2026-01-25 00:00+01'),
       ('c6', '2025-11-11 11:11:11.111111+01'), ('C7', '2025-05-01'), ('z8', '2026-02-10 18:00+01')) l (id, at) WHERE campaign_id = l.id;
UPDATE swipesavvy.campaign_versions v SET valid_until = w.until::timestamptz, campaign = CASE WHEN v.campaign ->> 'status' = 'draft' THEN campaign ELSE jsonb_set(campaign, '{launched_at}', '"2026-01-02T09:00:00+01:00"') END
  FROM swipesavvy.campaigns c, (VALUES (2, '2026-01-02 09:00+01'), (3, '2026-01-10 09:00+01'), (4, '2026-02-01 12:00+01')) w (version, until) WHERE c.campaign_no = v.campaign_no AND c.campaign_id = 'c1' AND v.version = w.version;
SELECT version, campaign ->> 'status' AS status, campaign ->> 'offer_amount' AS offer FROM swipesavvy.campaign_versions WHERE campaign_no = (SELECT campaign_no FROM swipesavvy.campaigns WHERE campaign_id = 'c1') ORDER BY 1;
-- shown to many, once or several times; some for the first time before the range, or between train and test
INSERT INTO swipesavvy.campaign_events (user_id, campaign_no, kind, occurred_at)
SELECT pg_temp.uid(u), c.campaign_no, (ARRAY['impression', 'view', 'click'])[1 + floor(pg_temp.draw('kind', u, c.campaign_no * 10 + i) * 3)::int], least('2026-03-19', first + make_interval(hours => ((i - 1) * 100 * pg_temp.draw('again', u, c.campaign_no))::int))
  FROM generate_series(1, 210) u CROSS JOIN swipesavvy.campaigns c
 CROSS JOIN LATERAL (SELECT pg_temp.days('2025-08-20 00:00+02', (pg_temp.draw('first', u, c.campaign_no) * 205)::int) + make_interval(secs => pg_temp.draw('second', u, c.campaign_no) * 86399) AS first) f
 CROSS JOIN LATERAL generate_series(1, 1 + (pg_temp.draw('times', u, c.campaign_no) * 3)::int) i
 WHERE pg_temp.draw('shown', u, c.campaign_no) < 0.85;
INSERT INTO swipesavvy.campaign_events (campaign_no, kind, occurred_at) SELECT campaign_no, 'view', '2026-01-01' FROM swipesavvy.campaigns;
INSERT INTO swipesavvy.campaign_events (user_id, campaign_no, kind, occurred_at) SELECT pg_temp.uid(u), campaign_no, 'conversion', '2025-09-10' FROM generate_series(1, 100) u, swipesavvy.campaigns;
-- redeemed by some of them, the more often the more they buy and the better the offer: within two weeks, or later
CREATE TEMP TABLE redeemed AS
SELECT u, c.campaign_no, pg_temp.uid(1000000 + u * 100 + c.campaign_no % 100) AS transaction_id, pg_temp.uid(u) AS user_id, min(e.occurred_at) + make_interval(secs => pg_temp.draw('when', u, c.campaign_no) * 86400 * 15) AS at
  FROM generate_series(1, 210) u JOIN swipesavvy.campaign_events e ON e.user_id = pg_temp.uid(u) AND kind <> 'conversion' JOIN swipesavvy.campaigns c USING (campaign_no)
 GROUP BY u, c.campaign_no, c.campaign_id
HAVING pg_temp.draw('redeemed', u, c.campaign_no) < CASE u % 3 WHEN 0 THEN 0.6 WHEN 1 THEN 0.35 ELSE 0.12 END * CASE WHEN c.campaign_id IN ('c1', 'C7', 'c5') THEN 1.4 ELSE 0.6 END;
INSERT INTO swipesavvy.purchases (transaction_id, user_id, amount_minor, occurred_at, status)
SELECT transaction_id, user_id, 1000 + u * 7, at, CASE u % 11 WHEN 5 THEN 'pending' ELSE 'completed' END FROM redeemed WHERE at < '2026-03-20 12:00+01' ORDER BY at;
DELETE FROM swipesavvy.campaign_redemptions WHERE true;
INSERT INTO swipesavvy.campaign_redemptions (user_id, transaction_id, campaign_no, campaign_version, points, discount_minor, cost_minor, day, position, counts)
SELECT user_id, transaction_id, campaign_no, 1, 5, 0, 5, at::date, 1, pg_temp.draw('counts', u, campaign_no) < 0.95 FROM redeemed WHERE at < '2026-03-20 12:00+01';
SELECT swipesavvy.erase_user(pg_temp.uid(6)) ->> 'account_status' AS erased;
SELECT swipesavvy.set_profiling_consent(pg_temp.uid(9), false) -> 'profiling' AS profiling;

-- --- the examples, and the same by plain SQL -------------------------------------------------------------------------

CREATE FUNCTION pg_temp.exported(model text) RETURNS TABLE (n bigint, block text, campaign_id text, fold int, label int, user_id uuid, features float8[]) LANGUAGE sql AS $$
    SELECT n, f[1], f[2], f[3]::int, f[4]::int, f[5]::uuid, f[6:]::float8[]
      FROM swipesavvy.export_ml_data(model, '2026-03-20 12:34:56+01') WITH ORDINALITY l (line, n), string_to_array(line, ',') f WHERE n > 1
$$;
SELECT line FROM swipesavvy.export_ml_data('conversion', :'as_of') line LIMIT 1;
CREATE TEMP TABLE names AS SELECT f.name, f.i::int AS i FROM (SELECT line FROM swipesavvy.export_ml_data('conversion', :'as_of') line LIMIT 1) l, string_to_table(substr(line, length('block,campaign_id,fold,label,user_id,') + 1), ',') WITH ORDINALITY f (name, i);
CREATE TEMP TABLE examples AS SELECT * FROM pg_temp.exported('conversion');

-- each version with the time that it was in force
CREATE TEMP VIEW versions AS
SELECT n.campaign_no, n.campaign_id, v.version, lag(v.valid_until, 1, '-infinity') OVER (PARTITION BY n.campaign_no ORDER BY v.version) AS valid_from, v.valid_until, k.campaign_type, k.offer_type, k.target_merchant_id, k.target_category, k.target_segment_no, k.hold_out,
       k.offer_amount / CASE k.offer_type WHEN 'PERCENTAGE' THEN 1000 ELSE 10 ^ x.minor_unit END::float8 AS amount, k.min_spend / (10 ^ x.minor_unit)::float8 AS min_spend, k.points_multiplier_milli / 1000.0::float8 AS multiplier, k.bonus_points
  FROM swipesavvy.campaigns n CROSS JOIN LATERAL (SELECT version, valid_until, campaign FROM swipesavvy.campaign_versions WHERE campaign_no = n.campaign_no UNION ALL SELECT n.version, 'infinity', to_jsonb(n)) v
 CROSS JOIN LATERAL jsonb_populate_record(NULL::swipesavvy.campaigns, v.campaign) k JOIN swipesavvy.currencies x ON x.code = k.currency;
CREATE TEMP VIEW learned AS SELECT user_id FROM swipesavvy.users u WHERE role = 'customer' AND erased_at IS NULL AND user_id <> pg_temp.uid(9);
CREATE TEMP VIEW shown AS SELECT user_id, campaign_no, occurred_at AS at FROM swipesavvy.campaign_events JOIN learned USING (user_id) WHERE kind IN ('impression', 'view', 'click');
CREATE TEMP VIEW redemptions AS SELECT r.user_id, r.campaign_no, t.occurred_at AS at FROM swipesavvy.campaign_redemptions r JOIN swipesavvy.transactions t USING (user_id, transaction_id) WHERE r.counts;
CREATE TEMP VIEW past AS
SELECT t.user_id, t.occurred_at AS at, (t.occurred_at AT TIME ZONE 'Europe/Berlin')::date AS local, t.amount_minor / 100.0::float8 AS amount, CASE WHEN s.mcc IS DISTINCT FROM '5912' THEN t.merchant_id END AS merchant_id,
       CASE WHEN s.mcc <> '5912' THEN (SELECT c.category FROM swipesavvy.merchant_categories c WHERE c.category_no = t.category_no) END AS category,
       (SELECT count(*) FROM swipesavvy.campaign_redemptions r WHERE r.user_id = t.user_id AND r.transaction_id = t.transaction_id AND r.counts) AS redemptions
  FROM swipesavvy.transactions t LEFT JOIN swipesavvy.merchants s USING (merchant_id) WHERE t.status = 'completed' AND t.amount_minor > 0 AND t.currency = 'USD';
CREATE TEMP TABLE range AS SELECT '2025-09-07'::timestamp AT TIME ZONE 'Europe/Berlin' AS from_, '2026-01-20'::timestamp AT TIME ZONE 'Europe/Berlin' AS test, '2026-03-06'::timestamp AT TIME ZONE 'Europe/Berlin' AS until;
CREATE TEMP TABLE pairs (user_id uuid, campaign_no int, t timestamptz);
INSERT INTO pairs SELECT user_id, campaign_no, min(at) FROM shown GROUP BY 1, 2;
CREATE FUNCTION pg_temp.wanted() RETURNS TABLE (block text, campaign_id text, t timestamptz, label int, user_id uuid, offer_type text, features float8[]) LANGUAGE sql SET enable_nestloop = off AS $$
WITH pair AS (
    SELECT p.user_id, p.t, v.*, (p.t AT TIME ZONE 'Europe/Berlin')::date AS day, CASE WHEN p.t >= r.test THEN 'test' ELSE 'train' END AS block
      FROM pairs p JOIN versions v ON v.campaign_no = p.campaign_no AND p.t >= v.valid_from AND p.t < v.valid_until, range r
     WHERE p.t >= from_ AND p.t < until AND (p.t >= test OR pg_temp.days(p.t, 14) <= test)
       AND NOT floor(10000 * swipesavvy.flag_hash('holdout:' || v.campaign_id, p.user_id::text, 2)::numeric) < v.hold_out),
before AS (SELECT p.campaign_no, p.user_id, p.day, p.target_merchant_id, p.target_category, b.at, b.local, b.amount, b.merchant_id, b.category, b.redemptions, b.at >= pg_temp.days(p.t, -30) AS in_30, b.at >= pg_temp.days(p.t, -90) AS in_90, b.at >= pg_temp.days(p.t, -365) AS in_365
             FROM pair p JOIN past b ON b.user_id = p.user_id AND b.at < p.t),
days AS (SELECT campaign_no, user_id, local, local - lag(local) OVER (PARTITION BY campaign_no, user_id ORDER BY local) AS gap FROM (SELECT DISTINCT campaign_no, user_id, local FROM before WHERE in_365) d),
gaps AS (SELECT campaign_no, user_id, percentile_cont(0.5) WITHIN GROUP (ORDER BY gap) AS median, count(gap) AS gaps FROM days GROUP BY 1, 2),
sums AS (
    SELECT campaign_no, user_id, max(local) AS last, min(local) AS first, count(*) FILTER (WHERE in_30) AS n30, count(*) FILTER (WHERE in_90) AS n90, count(*) FILTER (WHERE in_365) AS n365,
           coalesce(sum(amount) FILTER (WHERE in_90), 0) AS a90, coalesce(sum(amount) FILTER (WHERE in_365), 0) AS a365, count(DISTINCT category) FILTER (WHERE in_365) AS categories, count(DISTINCT merchant_id) FILTER (WHERE in_365) AS merchants,
           coalesce(sum(redemptions) FILTER (WHERE in_365), 0) AS redemptions, count(*) FILTER (WHERE in_365 AND merchant_id = target_merchant_id) AS there, count(*) FILTER (WHERE in_365 AND category = target_category) AS like_it
      FROM before GROUP BY 1, 2),
known AS (
    SELECT p.*, coalesce(n365, 0) AS n, a365 / nullif(n365, 0) AS average, coalesce(day - last, 0) AS since, coalesce(day - first, 0) AS tenure, n30, n90, a90, a365, categories, merchants, redemptions, there, like_it, coalesce(gaps, 0) AS ngaps, median,
           coalesce(r, 0) AS r, coalesce(e, 0) AS e, coalesce(label, 0) AS label
      FROM pair p LEFT JOIN sums s USING (campaign_no, user_id) LEFT JOIN gaps g USING (campaign_no, user_id)
      LEFT JOIN (SELECT p.campaign_no, p.user_id, count(*) FILTER (WHERE r.campaign_no <> p.campaign_no AND r.at < p.t AND r.at >= pg_temp.days(p.t, -180)) AS r, (count(*) FILTER (WHERE r.campaign_no = p.campaign_no AND r.at >= p.t AND r.at < pg_temp.days(p.t, 14)) > 0)::int AS label
                   FROM pair p JOIN redemptions r USING (user_id) GROUP BY 1, 2) r USING (campaign_no, user_id)
      LEFT JOIN (SELECT p.campaign_no, p.user_id, count(*) AS e FROM pair p JOIN shown e ON e.user_id = p.user_id AND e.campaign_no <> p.campaign_no AND e.at < p.t AND e.at >= pg_temp.days(p.t, -180) GROUP BY 1, 2) e USING (campaign_no, user_id)),
filled AS (SELECT k.*, coalesce(average, avg(average) FILTER (WHERE block = 'train') OVER ()) AS mean FROM known k)
SELECT block, campaign_id, t, label, user_id, offer_type,
       ARRAY[ln(1 + since), ln(1 + coalesce(n30, 0)), ln(1 + coalesce(n90, 0)), ln(1 + n), ln(1 + coalesce(a90, 0)), ln(1 + coalesce(a365, 0)), ln(1 + coalesce(average, 0)), ln(1 + tenure),
             CASE WHEN ngaps > 0 THEN ln(1 + median) ELSE 0 END, CASE WHEN ngaps > 0 THEN least(10, since / greatest(1, median)) ELSE 0 END, (ngaps > 0)::int, ln(1 + coalesce(categories, 0)), ln(1 + coalesce(merchants, 0)), ln(1 + coalesce(redemptions, 0)),
             CASE offer_type WHEN 'PERCENTAGE' THEN amount / 100 WHEN 'BOGO' THEN 0.5 WHEN 'OTHER' THEN 0 ELSE least(1, amount / mean) END, ln(multiplier), ln(1 + bonus_points), least(5, min_spend / mean),
             (offer_type = 'FIXED_DISCOUNT')::int, (offer_type = 'PERCENTAGE')::int, (offer_type = 'BOGO')::int, (offer_type = 'FREE_SHIPPING')::int, (offer_type = 'OTHER')::int,
             (campaign_type = 'LOCATION_DEAL')::int, (campaign_type = 'EMAIL_OFFER')::int, (campaign_type = 'SEASONAL')::int, (campaign_type = 'LOYALTY_BOOST')::int, (campaign_type = 'FLASH_SALE')::int,
             (target_merchant_id IS NOT NULL)::int, ln(1 + coalesce(there, 0)), (target_category IS NOT NULL)::int, CASE WHEN n > 0 THEN like_it / n::float8 ELSE 0 END, (r + 1) / (e + 10)::float8]::float8[]
  FROM filled f
$$;
CREATE TEMP TABLE wanted AS SELECT * FROM pg_temp.wanted();
SELECT block, count(*) > 200 AS many, sum(label) > 50 AS redeemed, sum(1 - label) > 100 AS not FROM examples GROUP BY 1 ORDER BY min(n);
SELECT (SELECT count(*) FROM examples) = count(*) AS as_many, count(e.n) = count(*) AS the_same, count(*) FILTER (WHERE w.label <> e.label) AS other_labels FROM wanted w LEFT JOIN examples e USING (block, campaign_id, user_id);
SELECT f.name, count(*) AS off, max(abs(e.features[f.i] - w.features[f.i])) FROM examples e JOIN wanted w USING (campaign_id, user_id), names f WHERE (abs(e.features[f.i] - w.features[f.i]) <= 1e-12 * greatest(1, abs(w.features[f.i]))) IS NOT TRUE GROUP BY 1;
-- each feature differs, so that something was compared; users who have not bought for a year, and never, are among them
SELECT string_agg(f.name, ',') AS constant FROM names f WHERE (SELECT count(DISTINCT e.features[f.i]) FROM examples e) = 1;
SELECT count(*) FILTER (WHERE features[4] = 0 AND features[1] > 0) > 5 AS lapsed, count(*) FILTER (WHERE features[4] = 0 AND features[1] = 0) > 5 AS never FROM examples;
-- train before test, by time, then by user, then by campaign; a user is in one fold, by its hash
SELECT count(*) AS out_of_order FROM (SELECT lag((CASE e.block WHEN 'train' THEN 1 ELSE 2 END, w.t, e.user_id, e.campaign_id COLLATE "C")) OVER (ORDER BY n) > (CASE e.block WHEN 'train' THEN 1 ELSE 2 END, w.t, e.user_id, e.campaign_id COLLATE "C") AS wrong
  FROM examples e JOIN wanted w USING (campaign_id, user_id)) o WHERE wrong;
SELECT count(DISTINCT user_id) = count(DISTINCT (user_id, fold)) AS one_fold, array_agg(DISTINCT fold ORDER BY fold) AS folds, count(*) FILTER (WHERE fold <> floor(5 * swipesavvy.flag_hash('ml:fold:1', user_id::text, 2))) AS other_folds FROM examples;
-- nobody who is erased, refuses it, is staff, or is held out; others that the campaigns were shown to are
SELECT count(*) FILTER (WHERE user_id IN (pg_temp.uid(6), pg_temp.uid(9), pg_temp.uid(210))) AS of_these, count(*) FILTER (WHERE campaign_id = 'C2' AND swipesavvy.flag_hash('holdout:C2', user_id::text, 2) < 0.2) AS held_out,
       (SELECT count(*) > 10 FROM shown JOIN swipesavvy.campaigns c USING (campaign_no) WHERE campaign_id = 'C2' AND swipesavvy.flag_hash('holdout:C2', user_id::text, 2) < 0.2) AS though_shown FROM examples;

-- Nothing that happens later is in a feature: all purchases, events and redemptions from the beginning of the test on change.
SAVEPOINT leak;
UPDATE swipesavvy.transactions SET occurred_at = '2026-03-19 12:00+01', amount_minor = amount_minor * 3 + 7, merchant_id = pg_temp.uid(900001), category_no = 3, refunded_minor = 0 WHERE occurred_at >= (SELECT test FROM range);
UPDATE swipesavvy.campaign_events SET occurred_at = '2026-03-01 12:00+01' WHERE occurred_at >= (SELECT test FROM range);
UPDATE swipesavvy.campaigns SET offer_amount = offer_amount + 1, version = version + 1 WHERE campaign_id = 'C7';
INSERT INTO swipesavvy.campaign_versions (campaign_no, version, valid_until, campaign) SELECT campaign_no, version - 1, (SELECT test FROM range), to_jsonb(c) || jsonb_build_object('offer_amount', offer_amount - 1) FROM swipesavvy.campaigns c WHERE campaign_id = 'C7';
SELECT count(*) = (SELECT count(*) FROM examples WHERE block = 'train') AS as_many, count(*) FILTER (WHERE m.features IS DISTINCT FROM e.features OR m.label <> e.label) AS others
  FROM pg_temp.exported('conversion') m LEFT JOIN examples e USING (block, campaign_id, user_id) WHERE m.block = 'train';
ROLLBACK TO leak;

-- --- training --------------------------------------------------------------------------------------------------------------

SELECT swipesavvy.train_ml_model('conversion', :'as_of') - 'queued_at' AS queued;
SELECT swipesavvy.train_models();
SELECT model_name, status, reason, train_examples = (SELECT count(*) FROM examples WHERE block = 'train') AS train, test_positives = (SELECT sum(label) FROM examples WHERE block = 'test') AS test_positives, metrics -> 'exposure' AS exposure,
       (metrics #>> '{test,auc}')::numeric > 0.6 AS tells_apart FROM swipesavvy.ml_models;
SELECT count(*) AS coefficients, string_agg(feature, ',') FILTER (WHERE weight IS NULL) AS left_out, bool_and(position = 0 OR feature = (SELECT name FROM names WHERE i = position)) AS names,
       bool_and(position = 0 OR abs(c.mean - m.mean) < 1e-9 AND (c.deviation IS NULL OR abs(c.deviation - m.deviation) < 1e-9)) AS means
  FROM swipesavvy.ml_coefficients c LEFT JOIN LATERAL (SELECT avg(e.features[c.position]) AS mean, stddev_pop(e.features[c.position]) AS deviation FROM examples e WHERE block = 'train') m ON true;
CREATE FUNCTION pg_temp.scores(model text, features float8[]) RETURNS TABLE (f float8, p float8) LANGUAGE sql STABLE AS $$
    SELECT f, 1 / (1 + exp(m.platt_a * f + m.platt_b)) FROM swipesavvy.ml_models m CROSS JOIN LATERAL (SELECT sum(c.weight * CASE WHEN position = 0 THEN 1 ELSE (features[c.position] - c.mean) / c.deviation END) AS f
      FROM swipesavvy.ml_coefficients c WHERE c.model_name = m.model_name AND c.version = m.version) s WHERE m.model_name = model AND m.status = 'active'
$$;
CREATE TEMP TABLE scored AS SELECT e.*, s.f, s.p, w.t FROM examples e JOIN wanted w USING (campaign_id, user_id) CROSS JOIN LATERAL pg_temp.scores('conversion', e.features) s;
SELECT round(avg((p - label) ^ 2)::numeric, 6) = (metrics #>> '{test,brier}')::numeric AS brier, round(avg(-ln(CASE label WHEN 1 THEN p ELSE 1 - p END))::numeric, 6) = (metrics #>> '{test,log_loss}')::numeric AS log_loss,
       round((SELECT avg((a.p > b.p)::int + (a.p = b.p)::int / 2.0) FROM scored a, scored b WHERE a.label = 1 AND b.label = 0 AND a.block = 'test' AND b.block = 'test')::numeric, 6) = (metrics #>> '{test,auc}')::numeric AS auc
  FROM scored, swipesavvy.ml_models m WHERE m.status = 'active' AND block = 'test' GROUP BY metrics;
-- the coefficients are where the loss is least
CREATE FUNCTION pg_temp.steepest(model text, lines regclass) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
    result float8;
BEGIN
    EXECUTE format('SELECT max(abs(g)) FROM (
        SELECT w.position, w.weight * m.lambda * m.train_examples + sum((1 / (1 + exp(-s.f)) - e.label) * CASE WHEN w.position = 0 THEN 1 ELSE (e.features[w.position] - w.mean) / w.deviation END) AS g
          FROM swipesavvy.ml_models m JOIN swipesavvy.ml_coefficients w ON w.model_name = m.model_name AND w.version = m.version AND w.weight IS NOT NULL JOIN %s e ON e.block = ''train''
         CROSS JOIN LATERAL pg_temp.scores(m.model_name, e.features) s WHERE m.model_name = %L AND m.status = ''active'' GROUP BY w.position, w.weight, m.lambda, m.train_examples) g', lines, model) INTO result;
    RETURN result;
END
$$;
SELECT pg_temp.steepest('conversion', 'examples') < 1e-3 AS least;
SELECT v -> 'exposure' AS exposure, v ->> 'status' AS status FROM jsonb_array_elements(swipesavvy.get_ml_performance('conversion') -> 'versions') v;
SELECT m ->> 'model_name' AS model, m ->> 'kind' AS kind, m ->> 'active_version' AS active FROM jsonb_array_elements(swipesavvy.list_ml_models() -> 'models') m;
-- again: the same version but its number
SELECT swipesavvy.train_ml_model('conversion', :'as_of') ->> 'version' AS version;
SELECT swipesavvy.train_models();
SELECT count(*) AS coefficients, bool_and((a.mean, a.deviation, a.weight, a.bins, a.shares) IS NOT DISTINCT FROM (b.mean, b.deviation, b.weight, b.bins, b.shares)) AS the_same
  FROM swipesavvy.ml_coefficients a JOIN swipesavvy.ml_coefficients b USING (model_name, position, feature) WHERE a.version = 1 AND b.version = 2;
SELECT (a.lambda, a.platt_a, a.platt_b, a.threshold, a.metrics) = (b.lambda, b.platt_a, b.platt_b, b.threshold, b.metrics - 'previous_log_loss') AS the_same FROM swipesavvy.ml_models a, swipesavvy.ml_models b WHERE a.version = 1 AND b.version = 2;

-- --- predictions -------------------------------------------------------------------------------------------------------------

-- what is said of a user and a campaign is what was said of the test, at the same moment
SELECT count(*) > 150 AS many, count(*) FILTER (WHERE abs((r ->> 'probability')::float8 - p) > 5.1e-7) AS other, bool_and(r ->> 'campaign_id' = campaign_id AND r ->> 'version' = '2' AND r -> 'cold_start' = 'false') AS of_it
  FROM scored CROSS JOIN LATERAL swipesavvy.predict('conversion', user_id, campaign_id, as_of => t, explain => false) r WHERE features[4] > 0 AND (n % 5 = 0 OR campaign_id = 'c1' AND n % 2 = 0);
SELECT count(*) > 10 AS many, bool_and(r -> 'explanation' = '{"contributions": []}' AND abs((r ->> 'probability')::float8 - train_positives::float8 / train_examples) < 1e-6) AS cold FROM swipesavvy.ml_models m, scored CROSS JOIN LATERAL swipesavvy.predict('conversion', user_id, campaign_id, as_of => t) r
 WHERE m.status = 'active' AND features[4] = 0 AND r -> 'cold_start' = 'true';
CREATE TEMP TABLE answers AS SELECT s.*, swipesavvy.predict('conversion', user_id, campaign_id, as_of => t) AS r FROM scored s WHERE features[4] > 0 AND n % 37 = 0;
SELECT count(*) > 15 AS many, bool_and(abs((SELECT sum((c ->> 'contribution')::float8) FROM jsonb_array_elements(r #> '{explanation,contributions}') c) + (r #>> '{explanation,base}')::float8 - ln(p / (1 - p))) < 1e-9) AS adds_up,
       bool_and((SELECT array_agg((c ->> 'value')::float8 ORDER BY i) FROM jsonb_array_elements(r #> '{explanation,contributions}') c JOIN names ON name = c ->> 'feature') = features) AS values_, bool_and((r ->> 'decision')::boolean = ((r ->> 'probability')::numeric >= (r ->> 'threshold')::numeric)) AS decision FROM answers;

-- --- offers --------------------------------------------------------------------------------------------------------------------

CREATE TEMP TABLE offers AS SELECT * FROM pg_temp.exported('offer');
SELECT line FROM swipesavvy.export_ml_data('offer', :'as_of') line LIMIT 1;
CREATE TEMP TABLE offer_names AS SELECT f.name, f.i::int AS i FROM (SELECT line FROM swipesavvy.export_ml_data('offer', :'as_of') line LIMIT 1) l, string_to_table(substr(line, length('block,campaign_id,fold,label,user_id,') + 1), ',') WITH ORDINALITY f (name, i);
CREATE TEMP TABLE mixed AS
SELECT w.user_id, w.campaign_id, w.features[:14] || array_agg((w.offer_type = o.type)::int::float8 ORDER BY o.k)
           || (SELECT array_agg(CASE WHEN w.offer_type = y.type THEN (w.features[x.position] - z.mean) / z.deviation ELSE 0 END ORDER BY y.k, x.position)
                 FROM unnest('{FIXED_DISCOUNT,PERCENTAGE,BOGO,FREE_SHIPPING,OTHER}'::text[]) WITH ORDINALITY y (type, k), unnest('{1,3,7,14}'::int[]) x (position)
                 JOIN (SELECT position, avg(e.features[position]) AS mean, stddev_pop(e.features[position]) AS deviation FROM examples e, unnest('{1,3,7,14}'::int[]) position WHERE e.block = 'train' GROUP BY 1) z USING (position)) AS features
  FROM wanted w, unnest('{FIXED_DISCOUNT,PERCENTAGE,BOGO,FREE_SHIPPING,OTHER}'::text[]) WITH ORDINALITY o (type, k) GROUP BY w.user_id, w.campaign_id, w.features, w.offer_type;
SELECT count(*) = (SELECT count(*) FROM examples) AS as_many, count(*) FILTER (WHERE (o.block, o.fold, o.label, o.n) <> (e.block, e.fold, e.label, e.n)) AS others FROM offers o JOIN examples e USING (campaign_id, user_id);
SELECT f.name, count(*) AS off FROM offers o JOIN mixed m USING (campaign_id, user_id), offer_names f WHERE (abs(o.features[f.i] - m.features[f.i]) <= 1e-12 * greatest(1, abs(m.features[f.i]))) IS NOT TRUE GROUP BY 1;
SELECT string_agg(f.name, ',') AS constant FROM offer_names f WHERE (SELECT count(DISTINCT o.features[f.i]) FROM offers o) = 1;
SELECT swipesavvy.train_ml_model('offer', :'as_of') ->> 'version' AS version;
SELECT swipesavvy.train_models();
SELECT status, reason, (SELECT count(*) FROM swipesavvy.ml_coefficients c WHERE c.model_name = m.model_name) AS coefficients, metrics -> 'exposure' AS exposure FROM swipesavvy.ml_models m WHERE model_name = 'offer';
SELECT pg_temp.steepest('offer', 'offers') < 1e-3 AS least;
-- what is said of the type that a user was shown is what was said of the test
CREATE TEMP TABLE best AS
SELECT o.*, w.offer_type, s.p, swipesavvy.predict('offer', o.user_id, as_of => w.t) AS r FROM offers o JOIN wanted w USING (campaign_id, user_id) CROSS JOIN LATERAL pg_temp.scores('offer', o.features) s WHERE o.features[4] > 0 AND o.n % 11 = 0;
SELECT count(*) > 60 AS many, count(*) FILTER (WHERE abs((x ->> 'probability')::float8 - p) > 5.1e-7) AS other, bool_and(jsonb_array_length(r -> 'offers') = 5) AS five,
       bool_and(r -> 'probability' = r #> '{offers,0,probability}') AS the_best, count(DISTINCT r #>> '{offers,0,offer_type}') > 1 AS not_always_the_same
  FROM best, jsonb_path_query(r, '$.offers[*] ? (@.offer_type == $t)', jsonb_build_object('t', offer_type)) x;
SELECT bool_and((SELECT array_agg((x ->> 'probability')::numeric) = array_agg((x ->> 'probability')::numeric ORDER BY (x ->> 'probability')::numeric DESC) FROM jsonb_array_elements(r -> 'offers') x)) AS best_first,
       bool_and(abs((SELECT sum((c ->> 'contribution')::float8) FROM jsonb_array_elements(r #> '{explanation,contributions}') c) + (r #>> '{explanation,base}')::float8 - ln(p / (1 - p))) < 1e-9) FILTER (WHERE r #>> '{offers,0,offer_type}' = offer_type) AS adds_up,
       bool_and(jsonb_array_length(r #> '{explanation,contributions}') = 19) AS of_these FROM best;
SELECT swipesavvy.create_user('new@example.com', 'New', user_id => pg_temp.uid(211)) IS NOT NULL AS made;
SELECT r - 'user_id' - 'as_of' - 'threshold' - 'probability' - 'decision' - 'level' - 'offers' AS cold, jsonb_array_length(r -> 'offers') AS offers, (SELECT count(DISTINCT x -> 'probability') FROM jsonb_array_elements(r -> 'offers') x) AS probabilities FROM swipesavvy.predict('offer', pg_temp.uid(211)) r;
-- an active version is compared by its own means: with another seed, on the same rows, it loses as much as it did
SELECT swipesavvy.train_ml_model('offer', :'as_of') ->> 'version' AS version;
SELECT swipesavvy.train_models();
SELECT b.status, b.metrics -> 'previous_log_loss' = a.metrics #> '{test,log_loss}' AS as_before FROM swipesavvy.ml_models a JOIN swipesavvy.ml_models b USING (model_name) WHERE model_name = 'offer' AND a.version = 1 AND b.version = 2;

-- --- labels that have nothing to do with the users ------------------------------------------------------------------------------

-- redemptions of some of the pairs, drawn, in place of those there are
CREATE FUNCTION pg_temp.redeem(first integer, pairs regclass, share float8, draw integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TEMP TABLE drawn ON COMMIT DROP AS SELECT pg_temp.uid(%s + (row_number() OVER ())::int) AS transaction_id, p.* FROM (SELECT user_id, campaign_no, t FROM %s ORDER BY 1, 2) p', first, pairs);
    INSERT INTO swipesavvy.purchases (transaction_id, user_id, amount_minor, occurred_at, status) SELECT transaction_id, user_id, 100, t + interval '1 hour', 'pending' FROM drawn WHERE pg_temp.draw('chance', hashtext(transaction_id::text), draw) < share;
    DELETE FROM swipesavvy.campaign_redemptions WHERE true;
    INSERT INTO swipesavvy.campaign_redemptions (user_id, transaction_id, campaign_no, campaign_version, points, discount_minor, cost_minor, day, position)
    SELECT user_id, transaction_id, campaign_no, 1, 5, 0, 5, t::date, 1 FROM drawn WHERE pg_temp.draw('chance', hashtext(transaction_id::text), draw) < share;
END
$$;
SAVEPOINT shuffled;
-- who was shown what stays; whether it was redeemed is drawn
SELECT pg_temp.redeem(2000000, 'pairs', 0.3, 2);
UPDATE swipesavvy.ml_models SET status = 'retired' WHERE status = 'active';
SELECT swipesavvy.train_ml_model(m, :'as_of') ->> 'version' AS version FROM unnest('{conversion,offer}'::text[]) m;
SELECT swipesavvy.train_models();
SELECT swipesavvy.train_models();
-- by luck one may beat the constant by a hair, but none tells users apart, and none is asked
SELECT model_name, status IN ('rejected', 'held') AS not_asked, abs((metrics #>> '{test,auc}')::float8 - 0.5) <= 3 * ((metrics #>> '{test,auc_interval,1}')::float8 - (metrics #>> '{test,auc}')::float8) / 1.96 AS chance FROM swipesavvy.ml_models WHERE version = 3 ORDER BY 1;
ROLLBACK TO shuffled;

-- --- where little has been shown, what counts is that a campaign could be had ----------------------------------------------------------

SAVEPOINT launch;
DELETE FROM swipesavvy.campaign_events WHERE user_id > pg_temp.uid(60);
TRUNCATE pairs;
INSERT INTO pairs
SELECT u.user_id, c.campaign_no, l.t FROM swipesavvy.campaigns c CROSS JOIN LATERAL (SELECT greatest(c.start_date, least(c.launched_at, (SELECT min((v.campaign ->> 'launched_at')::timestamptz) FROM swipesavvy.campaign_versions v WHERE v.campaign_no = c.campaign_no))) AS t) l
  JOIN versions v ON v.campaign_no = c.campaign_no AND l.t >= v.valid_from AND l.t < v.valid_until CROSS JOIN learned u
 WHERE c.launched_at IS NOT NULL AND EXISTS (SELECT FROM past b WHERE b.user_id = u.user_id AND b.at < l.t AND b.at >= pg_temp.days(l.t, -365))
   AND (v.target_segment_no IS NULL OR EXISTS (SELECT FROM swipesavvy.segment_members m WHERE m.user_id = u.user_id AND m.segment_no = v.target_segment_no AND m.added_at <= l.t));
SELECT pg_temp.redeem(3000000, 'pairs', 0.4, 1);
CREATE TEMP TABLE launches AS SELECT * FROM pg_temp.exported('conversion');
CREATE TEMP TABLE wanted_of_launches AS SELECT * FROM pg_temp.wanted();
SELECT block, campaign_id, count(*) > 20 AS many FROM launches GROUP BY 1, 2 ORDER BY min(n);
SELECT (SELECT count(*) FROM launches) = count(*) AS as_many, count(e.n) = count(*) AS the_same, count(*) FILTER (WHERE w.label <> e.label) AS other_labels FROM wanted_of_launches w LEFT JOIN launches e USING (block, campaign_id, user_id);
SELECT f.name, count(*) AS off FROM launches e JOIN wanted_of_launches w USING (campaign_id, user_id), names f WHERE (abs(e.features[f.i] - w.features[f.i]) <= 1e-12 * greatest(1, abs(w.features[f.i]))) IS NOT TRUE GROUP BY 1;
SELECT swipesavvy.train_ml_model('conversion', :'as_of') ->> 'version' AS version;
SELECT swipesavvy.train_models();
SELECT status IN ('active', 'held', 'rejected') AS trained, nullif(reason, CASE WHEN status <> 'failed' THEN reason END) AS reason, metrics -> 'exposure' AS exposure FROM swipesavvy.ml_models WHERE model_name = 'conversion' AND version = 3;
ROLLBACK TO launch;

-- --- what can be wrong -----------------------------------------------------------------------------------------------------------------

SELECT swipesavvy.train_ml_model('conversion', '2024-10-15') ->> 'version' AS version;
SELECT swipesavvy.train_models();
SELECT status, reason FROM swipesavvy.ml_models WHERE model_name = 'conversion' AND version = 3;
SELECT statement, pg_temp.attempt('SELECT ' || statement) AS answer FROM (VALUES
    ($$swipesavvy.predict('conversion', pg_temp.uid(3))$$), ($$swipesavvy.predict('conversion', pg_temp.uid(3), 'none')$$), ($$swipesavvy.predict('conversion', pg_temp.uid(777), 'c1')$$),
    ($$swipesavvy.predict('conversion', pg_temp.uid(6), 'c1')$$), ($$swipesavvy.predict('conversion', pg_temp.uid(9), 'c1')$$), ($$swipesavvy.predict('conversion', pg_temp.uid(3), 'c1', pg_temp.uid(900001))$$),
    ($$swipesavvy.predict('offer', pg_temp.uid(3), 'c1')$$), ($$swipesavvy.predict('offer', pg_temp.uid(9))$$), ($$swipesavvy.predict('offer', pg_temp.uid(3), merchant_id => pg_temp.uid(900001))$$)) s (statement);
UPDATE swipesavvy.ml_models SET status = 'held' WHERE status = 'active';
SELECT statement, pg_temp.attempt('SELECT ' || statement) AS answer FROM (VALUES ($$swipesavvy.predict('conversion', pg_temp.uid(3), 'c1')$$), ($$swipesavvy.predict('offer', pg_temp.uid(3))$$)) s (statement);
ROLLBACK;
