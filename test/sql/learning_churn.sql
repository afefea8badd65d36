-- The churn model: its examples against plain SQL, what training makes of them, what is asked of it, and everything that can be wrong.
BEGIN;
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT swipesavvy.update_system_settings('{"timezone": "Europe/Berlin", "churn_horizon_days": 30}') IS NOT NULL AS set;

CREATE FUNCTION pg_temp.uid(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid $$;
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

-- Nothing has been trained.
SELECT jsonb_pretty(swipesavvy.list_ml_models()) AS models;
SELECT swipesavvy.get_ml_performance();
SELECT swipesavvy.train_models();

-- --- a programme: 500 people, of whom some stop buying; every third shop is a pharmacy, of which nothing is learned ------------------------

SELECT count(swipesavvy.create_merchant('Shop ' || n, mcc => CASE n % 3 WHEN 0 THEN '5912' WHEN 1 THEN '5411' ELSE '5812' END, merchant_id => pg_temp.uid(900000 + n))) AS merchants
  FROM generate_series(0, 8) n;
SELECT count(swipesavvy.create_user(format('u%s@example.com', n), 'U', user_id => pg_temp.uid(n), role => CASE n WHEN 500 THEN 'support' ELSE 'customer' END)) AS users
  FROM generate_series(1, 500) n;
\set as_of '2026-03-20 12:34:56+01'
CREATE TEMP TABLE bought AS
SELECT u, i, pg_temp.uid(u) AS user_id, pg_temp.uid(u * 1000 + i) AS transaction_id,
       ('2026-03-20'::date - ((u * 37 + i * i * 13 + i * u * 7) % 500) - CASE u % 3 WHEN 0 THEN 0 ELSE (u * 11) % 200 END)::timestamp AT TIME ZONE 'Europe/Berlin'
           + make_interval(mins => (u * i * 31) % 1440) AS at,
       CASE WHEN (u + i) % 41 = 0 THEN 0 ELSE 100 + (u * i * 7919) % 20000 END AS amount,
       CASE WHEN (u + i) % 29 = 0 THEN 'EUR' ELSE 'USD' END AS currency,
       CASE WHEN (u + i) % 23 = 0 THEN 'failed' WHEN (u + i) % 31 = 0 THEN 'pending' ELSE 'completed' END AS status,
       CASE WHEN i % 5 = 0 THEN NULL ELSE pg_temp.uid(900000 + (u + i * i) % 9) END AS merchant_id
  FROM generate_series(1, 500) u CROSS JOIN LATERAL generate_series(1, CASE u % 3 WHEN 0 THEN 25 ELSE 8 END) i;
INSERT INTO swipesavvy.purchases (transaction_id, user_id, amount_minor, currency, occurred_at, status, merchant_id)
SELECT transaction_id, user_id, amount, currency, at, status, merchant_id FROM bought ORDER BY at;
-- some are given back, as a whole or in part
SELECT count(swipesavvy.refund_transaction(transaction_id)) AS refunded FROM bought WHERE status = 'completed' AND amount > 0 AND (u * 3 + i) % 17 = 0;
SELECT count(swipesavvy.refund_transaction(transaction_id, 0.50)) AS refunded_in_part FROM bought WHERE status = 'completed' AND amount > 0 AND (u * 3 + i) % 17 = 1;
-- some were awarded a campaign
SELECT swipesavvy.create_campaign(campaign_id => 'EVERY', name => 'Every', campaign_type => 'SEASONAL', offer_type => 'OTHER', offer_amount => 0, bonus_points => 5,
                                  start_date => '2024-01-01') IS NOT NULL AS made;
INSERT INTO swipesavvy.campaign_redemptions (user_id, transaction_id, campaign_no, campaign_version, points, discount_minor, cost_minor, day, position, counts)
SELECT b.user_id, b.transaction_id, c.campaign_no, 1, 5, 0, 5, b.at::date, 1, b.i % 2 = 0 FROM bought b, swipesavvy.campaigns c WHERE c.campaign_id = 'EVERY' AND b.i % 3 = 0;
SELECT swipesavvy.erase_user(pg_temp.uid(6)) ->> 'account_status' AS erased;
SELECT swipesavvy.set_profiling_consent(pg_temp.uid(9), false);
SELECT swipesavvy.set_profiling_consent(pg_temp.uid(9), false);

-- --- the examples, and the same by plain SQL ---------------------------------------------------------------------

CREATE TEMP TABLE lines AS SELECT line, n FROM swipesavvy.export_ml_data('churn', :'as_of') WITH ORDINALITY l (line, n);
SELECT line FROM lines WHERE n = 1;
CREATE TEMP TABLE examples AS
SELECT n, f[1] AS block, f[2]::int AS k, f[3]::int AS fold, f[4]::int AS label, f[5]::uuid AS user_id, f[6:]::float8[] AS features
  FROM lines, string_to_array(line, ',') f WHERE n > 1;
SELECT block, k, count(*) > 100 AS many, sum(label) > 20 AS lost, sum(1 - label) > 20 AS stayed FROM examples GROUP BY 1, 2 ORDER BY min(n);

SET LOCAL enable_nestloop = off;
CREATE TEMP TABLE wanted AS
WITH moment AS (SELECT k, ('2026-03-20'::date - k * 30) AS day, ('2026-03-20'::date - k * 30)::timestamp AT TIME ZONE 'Europe/Berlin' AS t,
                       ('2026-03-20'::date - (k - 1) * 30)::timestamp AT TIME ZONE 'Europe/Berlin' AS until FROM generate_series(1, 6) k),
past AS (
    SELECT m.*, t.user_id, t.occurred_at AS at, (t.occurred_at AT TIME ZONE 'Europe/Berlin')::date AS local, t.amount_minor / 100.0::float8 AS amount,
           t.occurred_at >= (m.day - 30)::timestamp AT TIME ZONE 'Europe/Berlin' AS in_30, t.occurred_at >= (m.day - 90)::timestamp AT TIME ZONE 'Europe/Berlin' AS in_90,
           t.occurred_at >= (m.day - 365)::timestamp AT TIME ZONE 'Europe/Berlin' AS in_365,
           CASE WHEN s.mcc IS DISTINCT FROM '5912' THEN t.merchant_id END AS merchant_id, CASE WHEN s.mcc IS DISTINCT FROM '5912' THEN t.category_no END AS category_no,
           (SELECT count(*) FROM swipesavvy.campaign_redemptions r WHERE r.user_id = t.user_id AND r.transaction_id = t.transaction_id AND r.counts) AS redemptions
      FROM moment m JOIN swipesavvy.transactions t ON t.occurred_at < m.t AND t.status = 'completed' AND t.amount_minor > 0 AND t.currency = 'USD'
      JOIN swipesavvy.users u ON u.user_id = t.user_id AND u.role = 'customer' AND u.erased_at IS NULL AND u.user_id <> pg_temp.uid(9)
      LEFT JOIN swipesavvy.merchants s ON s.merchant_id = t.merchant_id),
days AS (SELECT k, user_id, local, local - lag(local) OVER (PARTITION BY k, user_id ORDER BY local) AS gap FROM (SELECT DISTINCT k, user_id, local FROM past WHERE in_365) d),
gaps AS (SELECT k, user_id, percentile_cont(0.5) WITHIN GROUP (ORDER BY gap) AS median, count(gap) AS gaps FROM days GROUP BY 1, 2),
sums AS (
    SELECT k, day, t, until, user_id, max(local) AS last, min(local) AS first, count(*) FILTER (WHERE in_30) AS n30, count(*) FILTER (WHERE in_90) AS n90,
           count(*) FILTER (WHERE in_365) AS n365, coalesce(sum(amount) FILTER (WHERE in_90), 0) AS a90, coalesce(sum(amount) FILTER (WHERE in_365), 0) AS a365,
           count(DISTINCT category_no) FILTER (WHERE in_365) AS categories, count(DISTINCT merchant_id) FILTER (WHERE in_365) AS merchants,
           coalesce(sum(redemptions) FILTER (WHERE in_365), 0) AS redemptions
      FROM past GROUP BY 1, 2, 3, 4, 5 HAVING bool_or(in_365))
SELECT s.k, s.user_id,
       ARRAY[ln(1 + day - last), ln(1 + n30), ln(1 + n90), ln(1 + n365), ln(1 + a90), ln(1 + a365), ln(1 + a365 / n365), ln(1 + day - first),
             CASE WHEN gaps > 0 THEN ln(1 + median) ELSE 0 END, CASE WHEN gaps > 0 THEN least(10, (day - last) / greatest(1, median)) ELSE 0 END, (gaps > 0)::int,
             ln(1 + categories), ln(1 + merchants), ln(1 + redemptions)]::float8[] AS features,
       (NOT EXISTS (SELECT FROM swipesavvy.transactions a WHERE a.user_id = s.user_id AND a.status = 'completed' AND a.refunded_minor < a.amount_minor
                       AND a.occurred_at >= s.t AND a.occurred_at < s.until))::int AS label
  FROM sums s JOIN gaps g USING (k, user_id);
RESET enable_nestloop;
SELECT count(*) = (SELECT count(*) FROM wanted) AS as_many, count(w.k) = count(*) AS the_same, count(*) FILTER (WHERE w.label <> e.label) AS other_labels
  FROM examples e LEFT JOIN wanted w USING (k, user_id);
SELECT f.name, count(*) AS off
  FROM examples e JOIN wanted w USING (k, user_id), string_to_table((SELECT substr(line, 28) FROM lines WHERE n = 1), ',') WITH ORDINALITY f (name, i)
 WHERE abs(e.features[f.i] - w.features[f.i]) > 1e-12 * greatest(1, abs(w.features[f.i])) GROUP BY 1;
-- each feature differs from user to user, so that something was compared
SELECT string_agg(DISTINCT f.name, ',' ORDER BY f.name) AS constant FROM string_to_table((SELECT substr(line, 28) FROM lines WHERE n = 1), ',') WITH ORDINALITY f (name, i)
 WHERE (SELECT count(DISTINCT e.features[f.i]) FROM examples e) = 1;
-- train before test, the highest k first, then by user; a user is in one fold, by its hash
SELECT count(*) AS out_of_order FROM (SELECT (k, user_id) AS now, lag((-k, user_id)) OVER (ORDER BY n) > (-k, user_id) AS wrong FROM examples) o WHERE wrong;
SELECT count(DISTINCT user_id) = count(DISTINCT (user_id, fold)) AS one_fold, array_agg(DISTINCT fold ORDER BY fold) AS folds,
       count(*) FILTER (WHERE fold <> floor(5 * swipesavvy.flag_hash('ml:fold:1', user_id::text, 2))) AS other_folds FROM examples;
SELECT count(*) AS of_these FROM examples WHERE user_id IN (pg_temp.uid(6), pg_temp.uid(9), pg_temp.uid(500));

-- Nothing that happens at t or later is in a feature: all purchases of the last thirty days move, with their amounts and shops.
SAVEPOINT leak;
UPDATE swipesavvy.transactions SET occurred_at = '2026-03-19 12:00+01', amount_minor = amount_minor * 3 + 7, merchant_id = pg_temp.uid(900001), category_no = 3, refunded_minor = 0
 WHERE occurred_at >= '2026-02-18 00:00+01';
CREATE TEMP TABLE moved AS
SELECT f[2]::int AS k, f[4]::int AS label, f[5]::uuid AS user_id, f[6:]::float8[] AS features
  FROM swipesavvy.export_ml_data('churn', :'as_of') line, string_to_array(line, ',') f WHERE line NOT LIKE 'block%';
SELECT count(*) = (SELECT count(*) FROM examples) AS as_many, count(*) FILTER (WHERE m.features <> e.features) AS other_features, count(*) FILTER (WHERE m.label <> e.label AND k > 1) AS other_labels
  FROM moved m JOIN examples e USING (k, user_id);
ROLLBACK TO leak;

-- --- training --------------------------------------------------------------------------------------------------

SELECT swipesavvy.train_ml_model('churn', :'as_of') - 'queued_at' AS queued;
SELECT swipesavvy.train_ml_model('churn', :'as_of', 7) - 'queued_at' AS queued_already;
SELECT swipesavvy.train_models();
SELECT status, reason, version, as_of = :'as_of' AS as_of, seed, zone, horizon_days, trainer_pid, train_examples = (SELECT count(*) FROM examples WHERE block = 'train') AS train,
       test_examples = (SELECT count(*) FROM examples WHERE block = 'test') AS test, train_positives = (SELECT sum(label) FROM examples WHERE block = 'train') AS train_positives,
       (metrics #>> '{test,auc}')::numeric > 0.6 AS tells_apart, (metrics #>> '{test,log_loss}')::numeric < (metrics #>> '{test,base_log_loss}')::numeric AS better
  FROM swipesavvy.ml_models;
SELECT position, feature, abs(c.mean - m.mean) < 1e-9 AS mean, abs(c.deviation - m.deviation) < 1e-9 AS deviation, c.weight IS NOT NULL AS weight,
       (SELECT sum(s) FROM unnest(c.shares) s) BETWEEN 1 - 1e-9 AND 1 + 1e-9 AS shares
  FROM swipesavvy.ml_coefficients c LEFT JOIN LATERAL (SELECT avg(e.features[c.position]) AS mean, stddev_pop(e.features[c.position]) AS deviation FROM examples e WHERE block = 'train') m ON true
 ORDER BY position;
-- The metrics are those of these coefficients.
CREATE TEMP TABLE scored AS
SELECT e.*, 1 / (1 + exp(m.platt_a * s.f + m.platt_b)) AS p
  FROM examples e JOIN swipesavvy.ml_models m ON m.status = 'active'
 CROSS JOIN LATERAL (SELECT sum(c.weight * CASE WHEN position = 0 THEN 1 ELSE (e.features[c.position] - c.mean) / c.deviation END) AS f FROM swipesavvy.ml_coefficients c WHERE c.version = m.version) s
 WHERE block = 'test';
SELECT round(avg((p - label) ^ 2)::numeric, 6) = (metrics #>> '{test,brier}')::numeric AS brier,
       round(avg(-ln(CASE label WHEN 1 THEN p ELSE 1 - p END))::numeric, 6) = (metrics #>> '{test,log_loss}')::numeric AS log_loss,
       round((SELECT avg((a.p > b.p)::int + (a.p = b.p)::int / 2.0) FROM scored a, scored b WHERE a.label = 1 AND b.label = 0)::numeric, 6) = (metrics #>> '{test,auc}')::numeric AS auc,
       round((SELECT avg(label) FROM (SELECT label FROM scored ORDER BY p DESC, user_id LIMIT ceil((SELECT count(*) FROM scored) / 10.0)) t)::numeric / avg(label), 6) = (metrics #>> '{test,lift_10}')::numeric AS lift_10
  FROM scored, swipesavvy.ml_models m WHERE m.status = 'active' GROUP BY metrics;
-- and the coefficients are where the loss is least: the gradient is as good as nothing
SELECT max(abs(g)) < 1e-3 AS least FROM (
    SELECT w.position, w.weight * m.lambda * m.train_examples + sum((1 / (1 + exp(-s.f)) - e.label) * CASE WHEN w.position = 0 THEN 1 ELSE (e.features[w.position] - w.mean) / w.deviation END) AS g
      FROM swipesavvy.ml_models m JOIN swipesavvy.ml_coefficients w ON w.version = m.version AND w.weight IS NOT NULL JOIN examples e ON e.block = 'train'
     CROSS JOIN LATERAL (SELECT sum(c.weight * CASE WHEN position = 0 THEN 1 ELSE (e.features[c.position] - c.mean) / c.deviation END) AS f FROM swipesavvy.ml_coefficients c WHERE c.version = m.version) s
     GROUP BY w.position, w.weight, m.lambda, m.train_examples) g;
SELECT model ->> 'model_name' AS model, model ->> 'kind' AS kind, model ->> 'active_version' AS active, model ->> 'status' AS status, (model ->> 'examples')::int > 1000 AS many,
       (SELECT array_agg(k ORDER BY k) FROM jsonb_object_keys(model -> 'metrics') k) AS metrics, (model ->> 'next_training_at')::timestamptz - (model ->> 'trained_at')::timestamptz AS next
  FROM jsonb_array_elements(swipesavvy.list_ml_models() -> 'models') model WHERE model ->> 'model_name' = 'churn';
SELECT swipesavvy.update_system_settings('{"ml_retrain_days": null}') #> '{updated_settings,ml_retrain_days}' AS never;
SELECT model -> 'next_training_at' AS next FROM jsonb_array_elements(swipesavvy.list_ml_models() -> 'models') model WHERE model ->> 'model_name' = 'churn';
SELECT jsonb_object_keys(v) FROM jsonb_array_elements(swipesavvy.get_ml_performance('churn', 1) -> 'versions') v ORDER BY 1;

-- The same call on the same rows gives the same version but its number.
SELECT swipesavvy.train_ml_model('churn', :'as_of') ->> 'version' AS version;
SELECT swipesavvy.train_models();
SELECT version, status, reason FROM swipesavvy.ml_models ORDER BY version;
SELECT count(*) AS coefficients, bool_and((a.mean, a.deviation, a.weight, a.bins, a.shares) IS NOT DISTINCT FROM (b.mean, b.deviation, b.weight, b.bins, b.shares)) AS the_same
  FROM swipesavvy.ml_coefficients a JOIN swipesavvy.ml_coefficients b USING (position, feature) WHERE a.version = 1 AND b.version = 2;
SELECT (a.lambda, a.platt_a, a.platt_b, a.threshold, a.metrics) = (b.lambda, b.platt_a, b.platt_b, b.threshold, b.metrics - 'previous_log_loss') AS the_same
  FROM swipesavvy.ml_models a, swipesavvy.ml_models b WHERE a.version = 1 AND b.version = 2;

-- --- predictions ------------------------------------------------------------------------------------------------

-- what is said of a user is what was said of the test, at the same moment
SELECT count(*) AS asked, count(*) FILTER (WHERE abs((r ->> 'probability')::float8 - p) > 5.1e-7) AS other
  FROM scored CROSS JOIN LATERAL swipesavvy.predict('churn', user_id, as_of => '2026-02-18 00:00+01', explain => false) r WHERE n % 7 = 0;
CREATE TEMP TABLE answer AS SELECT swipesavvy.predict('churn', pg_temp.uid(3), as_of => '2026-02-18 00:00+01') AS r;
SELECT r - 'explanation' - 'probability' - 'threshold' AS answer FROM answer;
SELECT (SELECT sum((c ->> 'contribution')::float8) FROM jsonb_array_elements(r #> '{explanation,contributions}') c) + (r #>> '{explanation,base}')::float8
           - ln((r ->> 'probability')::float8 / (1 - (r ->> 'probability')::float8)) BETWEEN -1e-4 AND 1e-4 AS adds_up,
       abs((SELECT sum((c ->> 'contribution')::float8) FROM jsonb_array_elements(r #> '{explanation,contributions}') c) + (r #>> '{explanation,base}')::float8 - ln(p / (1 - p))) < 1e-9 AS to_nine_decimals,
       (SELECT array_agg(abs((c ->> 'contribution')::float8)) = array_agg(abs((c ->> 'contribution')::float8) ORDER BY abs((c ->> 'contribution')::float8) DESC) FROM jsonb_array_elements(r #> '{explanation,contributions}') c) AS largest_first,
       (SELECT array_agg((c ->> 'value')::float8 ORDER BY c ->> 'feature') FROM jsonb_array_elements(r #> '{explanation,contributions}') c) = (SELECT array_agg(f.v ORDER BY c.feature) FROM unnest(features) WITH ORDINALITY f (v, i) JOIN swipesavvy.ml_coefficients c ON c.position = f.i AND c.version = 2) AS as_they_are
  FROM answer, scored WHERE user_id = pg_temp.uid(3);
SELECT (r ->> 'decision')::boolean = ((r ->> 'probability')::numeric >= (r ->> 'threshold')::numeric) AS decision,
       CASE WHEN (r ->> 'probability')::numeric >= (r ->> 'threshold')::numeric THEN 'high' WHEN (r ->> 'probability')::numeric >= (r ->> 'threshold')::numeric / 2 THEN 'medium' ELSE 'low' END = r ->> 'level' AS level, count(*) > 400 AS many
  FROM scored CROSS JOIN LATERAL swipesavvy.predict('churn', user_id, as_of => '2026-02-18 00:00+01', explain => false) r GROUP BY 1, 2 ORDER BY 3;
-- nobody who has not bought for a year is told apart
SELECT swipesavvy.create_user('new@example.com', 'New', user_id => pg_temp.uid(600)) IS NOT NULL AS made;
SELECT r -> 'cold_start' AS cold_start, r -> 'explanation' AS explanation, abs((r ->> 'probability')::float8 - train_positives::float8 / train_examples) < 1e-6 AS of_train
  FROM swipesavvy.predict('churn', pg_temp.uid(600)) r, swipesavvy.ml_models WHERE status = 'active';
-- asking leaves nothing, and works where nothing can be written
SAVEPOINT reading;
SET LOCAL transaction_read_only = on;
SELECT swipesavvy.predict('churn', pg_temp.uid(600)) -> 'version' AS version;
ROLLBACK TO reading;

-- --- other models -------------------------------------------------------------------------------------------------

SELECT swipesavvy.activate_ml_model('churn', 1);
SELECT version, status, reason FROM swipesavvy.ml_models ORDER BY version;
SELECT swipesavvy.activate_ml_model('churn', 1) ->> 'status' AS again, swipesavvy.predict('churn', pg_temp.uid(3)) ->> 'version' AS asked;
-- cancelled before it began
SELECT swipesavvy.train_ml_model('churn', :'as_of') ->> 'version' AS version, swipesavvy.cancel_ml_training('churn');
SELECT swipesavvy.train_models(), status, reason FROM swipesavvy.ml_models WHERE version = 3;
-- too little data
SELECT swipesavvy.train_ml_model('churn', '2024-10-15') ->> 'version' AS version;
SELECT swipesavvy.train_models(), (SELECT count(*) FROM swipesavvy.ml_coefficients WHERE version = 4) AS coefficients;
SELECT status, reason, test_examples < 200 OR train_examples < 200 OR test_positives < 20 OR test_examples - test_positives < 20 OR train_positives < 20 OR train_examples - train_positives < 20 AS too_few
  FROM swipesavvy.ml_models WHERE version = 4;
-- Labels that have nothing to do with the users: the dates of the purchases of the test's thirty days, and only these, are dealt anew among them.
SAVEPOINT shuffled;
UPDATE swipesavvy.transactions t SET user_id = pg_temp.uid(1 + abs(hashtextextended(transaction_id::text, 5) % 499)::int), idempotency_key = NULL WHERE true;
SELECT swipesavvy.train_ml_model('churn', :'as_of') ->> 'version' AS version;
SELECT swipesavvy.train_models();
SELECT status, abs((metrics #>> '{test,auc}')::float8 - 0.5) <= 3 * ((metrics #>> '{test,auc_interval,1}')::float8 - (metrics #>> '{test,auc}')::float8) / 1.96 AS chance
  FROM swipesavvy.ml_models WHERE version = 5;
ROLLBACK TO shuffled;

-- --- what can be wrong -------------------------------------------------------------------------------------------------

SELECT statement, pg_temp.attempt('SELECT ' || statement) AS answer FROM (VALUES
    ($$swipesavvy.train_ml_model('nothing')$$), ($$swipesavvy.train_ml_model(NULL)$$), ($$swipesavvy.train_ml_model('churn', '2100-01-01')$$),
    ($$swipesavvy.train_ml_model('churn', seed => -1)$$), ($$swipesavvy.cancel_ml_training('churn')$$), ($$swipesavvy.cancel_ml_training('x')$$),
    ($$swipesavvy.activate_ml_model('churn', 99)$$), ($$swipesavvy.activate_ml_model('churn', 3)$$), ($$swipesavvy.activate_ml_model('churn', 0)$$), ($$swipesavvy.activate_ml_model('churn', NULL)$$),
    ($$swipesavvy.predict('x', pg_temp.uid(3))$$), ($$swipesavvy.predict('churn', NULL)$$), ($$swipesavvy.predict('churn', pg_temp.uid(777))$$),
    ($$swipesavvy.predict('churn', pg_temp.uid(6))$$), ($$swipesavvy.predict('churn', pg_temp.uid(9))$$), ($$swipesavvy.predict('churn', pg_temp.uid(3), as_of => '2100-01-01')$$),
    ($$swipesavvy.predict('churn', pg_temp.uid(3), 'EVERY')$$), ($$swipesavvy.predict('churn', pg_temp.uid(3), merchant_id => pg_temp.uid(900001))$$),
    ($$swipesavvy.get_ml_performance('x')$$), ($$swipesavvy.get_ml_performance('churn', 99)$$), ($$swipesavvy.export_ml_data('churn', NULL)$$), ($$swipesavvy.export_ml_data('x', now())$$),
    ($$swipesavvy.export_ml_data('churn', now(), -1)$$), ($$swipesavvy.set_profiling_consent(pg_temp.uid(777), true)$$), ($$swipesavvy.set_profiling_consent(pg_temp.uid(6), true)$$),
    ($$swipesavvy.set_profiling_consent(pg_temp.uid(3), NULL)$$)) s (statement);
UPDATE swipesavvy.ml_models SET status = 'held' WHERE status = 'active';
SELECT pg_temp.attempt($$SELECT swipesavvy.predict('churn', pg_temp.uid(3))$$) AS answer;
-- who agrees again is known again
SELECT swipesavvy.export_user_data(pg_temp.uid(9)) #> '{profiling_refusals}' <> '[]' AS exported, swipesavvy.activate_ml_model('churn', 2) ->> 'status' AS status;
SELECT swipesavvy.set_profiling_consent(pg_temp.uid(9), true);
SELECT swipesavvy.export_user_data(pg_temp.uid(9)) -> 'profiling_refusals' AS exported;
SELECT swipesavvy.predict('churn', pg_temp.uid(9), as_of => '2026-02-18 00:00+01') -> 'cold_start' AS cold_start;
-- what is asked is kept from a version that was taught wrongly: refunds before the test change labels of train, and no features. Of half of the users: worse
-- than the version before; of those who buy often: worse than a constant
SAVEPOINT taught;
UPDATE swipesavvy.transactions SET refunded_minor = amount_minor WHERE occurred_at < '2026-02-18 00:00+01' AND swipesavvy.flag_hash('taught', user_id::text, 2) < 0.5;
SELECT swipesavvy.train_ml_model('churn', :'as_of') ->> 'status' AS status, swipesavvy.train_models();
UPDATE swipesavvy.transactions t SET refunded_minor = CASE WHEN b.u % 3 = 0 THEN t.amount_minor ELSE 0 END FROM bought b WHERE b.transaction_id = t.transaction_id AND t.occurred_at < '2026-02-18 00:00+01';
SELECT swipesavvy.train_ml_model('churn', :'as_of') ->> 'status' AS status, swipesavvy.train_models();
SELECT status, reason, (metrics #>> '{test,log_loss}')::float8 < (metrics #>> '{test,base_log_loss}')::float8 AS better_than_a_constant,
       (metrics #>> '{test,log_loss}')::float8 <= 1.01 * (metrics ->> 'previous_log_loss')::float8 AS no_worse, (metrics #>> '{test,auc}')::float8 >= 0.55 AS tells_apart
  FROM swipesavvy.ml_models WHERE model_name = 'churn' AND version > 4 ORDER BY version;
SELECT pg_temp.attempt($$SELECT swipesavvy.activate_ml_model('churn', 6)$$) AS answer, swipesavvy.activate_ml_model('churn', 5) ->> 'status' AS status;
ROLLBACK TO taught;
-- a process that ended while it trained
INSERT INTO swipesavvy.ml_models (model_name, version, status, as_of, seed, trainer_pid, trainer_started_at) VALUES ('churn', 6, 'training', now(), 1, 2147483647, now());
SELECT swipesavvy.train_models();
SELECT status, reason FROM swipesavvy.ml_models WHERE version = 6;
ROLLBACK;
