-- What came to pass of what churn thought: whom it keeps at the beginning of a month, what figures follow when the horizon is over, by plain SQL, and
-- that nothing stays of who is erased or refuses. The model is made by hand. (Months that begin are in test/t/740_live.pl.)
BEGIN;
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT swipesavvy.update_system_settings('{"timezone": "Europe/Berlin", "churn_horizon_days": 90}') IS NOT NULL AS set;
CREATE FUNCTION pg_temp.uid(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid $$;
CREATE FUNCTION pg_temp.noon(days integer) RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT ((now() AT TIME ZONE 'Europe/Berlin')::date - days + time '12:00') AT TIME ZONE 'Europe/Berlin' $$;
INSERT INTO swipesavvy.users (user_id, email, name, role) SELECT pg_temp.uid(n), format('l%s@example.com', n), 'L', CASE n WHEN 5000 THEN 'support' ELSE 'customer' END FROM generate_series(1, 5400) n;
INSERT INTO swipesavvy.reward_accounts (user_id, tier, spent_currency) SELECT pg_temp.uid(n), 'bronze', 'USD' FROM generate_series(1, 5400) n;
INSERT INTO swipesavvy.purchases (user_id, amount_minor, occurred_at) SELECT pg_temp.uid(n), 100 + n * 37 % 5000, pg_temp.noon(CASE WHEN n % 100 = 0 THEN 400 ELSE 50 + n * 7 % 250 END) FROM generate_series(1, 5400) n ORDER BY 3;
SELECT swipesavvy.set_profiling_consent(pg_temp.uid(11), false) -> 'profiling' AS profiling, swipesavvy.erase_user(pg_temp.uid(12)) ->> 'account_status' AS erased;

-- --- kept ----------------------------------------------------------------------------------------------------------------------------------

-- Without a version nothing is kept, and the month is not begun.
SELECT swipesavvy.refresh_models() IS NOT NULL AS refreshed;
SELECT (SELECT count(*) FROM swipesavvy.ml_live) AS users, (SELECT count(*) FROM swipesavvy.ml_live_months) AS months;
INSERT INTO swipesavvy.ml_models (model_name, version, status, as_of, seed, horizon_days, train_examples, train_positives, platt_a, platt_b, threshold)
VALUES ('churn', 1, 'active', now(), 1, 30, 200, 100, -1, 0.1, 0.5);
INSERT INTO swipesavvy.ml_coefficients (model_name, version, position, feature, mean, deviation, weight)
SELECT 'churn', 1, p, 'f' || p, CASE WHEN p > 0 THEN 1 END, CASE WHEN p > 0 THEN 2 END, sin(p + 5) / 3 FROM generate_series(0, 14) p;
SELECT swipesavvy.refresh_models() IS NOT NULL AS refreshed;
-- in the month of the programme's zone, for the horizon that the version was trained for, to the same local time
SELECT model_name, month = date_trunc('month', now() AT TIME ZONE 'Europe/Berlin')::date AS month, version, as_of = now() AS as_of,
       until = ((now() AT TIME ZONE 'Europe/Berlin') + interval '30 days') AT TIME ZONE 'Europe/Berlin' AS until, zone, users, worked_out_at, examples, auc FROM swipesavvy.ml_live_months;
-- the 5,000 with the least hashes of those who were asked about, and what was thought of them
CREATE TEMP TABLE wanted AS
SELECT s.user_id, s.probability FROM swipesavvy.ml_scores s WHERE s.model_name = 'churn' ORDER BY swipesavvy.flag_hash('ml:live', s.user_id::text, 2), s.user_id LIMIT 5000;
SELECT (SELECT count(*) > 5100 FROM swipesavvy.ml_scores WHERE model_name = 'churn') AS more_were_asked_about, count(w.user_id) AS wanted, count(l.user_id) AS kept, count(*) AS either,
       count(*) FILTER (WHERE round(l.probability::numeric, 6) <> w.probability) AS other, count(DISTINCT l.probability) > 100 AS different
  FROM wanted w FULL JOIN swipesavvy.ml_live l USING (user_id);
-- Once a month.
CREATE TEMP TABLE kept AS SELECT * FROM swipesavvy.ml_live;
UPDATE swipesavvy.ml_coefficients SET weight = weight + 0.1;
SELECT swipesavvy.refresh_models() IS NOT NULL AS refreshed;
SELECT count(*) FILTER (WHERE k.user_id IS NULL OR l.user_id IS NULL OR k.probability <> l.probability) AS changed, (SELECT count(*) FROM swipesavvy.ml_live_months) AS months FROM kept k FULL JOIN swipesavvy.ml_live l USING (user_id);
SELECT x -> 'live' AS live FROM jsonb_array_elements(swipesavvy.get_ml_performance('churn') -> 'versions') x;

-- --- of persons ----------------------------------------------------------------------------------------------------------------------------

SELECT user_id AS refuses FROM kept ORDER BY user_id LIMIT 1 OFFSET 20 \gset
SELECT user_id AS erased FROM kept ORDER BY user_id LIMIT 1 OFFSET 21 \gset
SELECT l - 'month' - 'as_of' - 'until' - 'probability' AS exported, (l ->> 'as_of')::timestamptz = now() AS as_of, (l ->> 'until')::timestamptz > now() + interval '29 days' AS until, (l ->> 'probability')::numeric = (SELECT round(probability::numeric, 6) FROM kept WHERE user_id = :'refuses') AS probability
  FROM jsonb_array_elements(swipesavvy.export_user_data(:'refuses') -> 'ml_live') l;
SELECT swipesavvy.set_profiling_consent(:'refuses', false) -> 'profiling' AS profiling, swipesavvy.erase_user(:'erased') ->> 'account_status' AS erased;
SELECT count(*) AS kept, count(*) FILTER (WHERE user_id IN (:'refuses', :'erased')) AS forgotten FROM swipesavvy.ml_live;
SELECT swipesavvy.export_user_data(:'refuses') -> 'ml_live' AS exported;

-- --- what came to pass ---------------------------------------------------------------------------------------------------------------------

-- The month was 45 days ago, and its horizon, which the clocks may have been set in, is over since noon 15 days ago.
INSERT INTO swipesavvy.ml_live_months (model_name, month, version, as_of, until, zone, users)
SELECT model_name, '2024-02-01', version, pg_temp.noon(45), pg_temp.noon(15), zone, users FROM swipesavvy.ml_live_months;
UPDATE swipesavvy.ml_live SET month = '2024-02-01' WHERE user_id <> (SELECT user_id FROM swipesavvy.ml_live ORDER BY user_id DESC LIMIT 1);
CREATE TEMP TABLE came AS
SELECT user_id, row_number() OVER (ORDER BY user_id) AS n, probability FROM swipesavvy.ml_live WHERE month = '2024-02-01';
-- bought in it, on its edges, and what does not count as having bought
CREATE TEMP TABLE bought AS
SELECT n, user_id, pg_temp.uid(1000000 + n::int) AS transaction_id, n % 10 AS kind,
       CASE n % 10 WHEN 0 THEN pg_temp.noon(45) WHEN 1 THEN pg_temp.noon(15) WHEN 2 THEN pg_temp.noon(15) - interval '1 microsecond' WHEN 3 THEN pg_temp.noon(45) - interval '1 microsecond' ELSE pg_temp.noon(30) END AS at,
       CASE n % 10 WHEN 4 THEN 'failed' WHEN 5 THEN 'pending' ELSE 'completed' END AS status, CASE n % 10 WHEN 6 THEN 'EUR' ELSE 'USD' END AS currency
  FROM came WHERE n % 10 < 9;
INSERT INTO swipesavvy.purchases (transaction_id, user_id, amount_minor, currency, occurred_at, status) SELECT transaction_id, user_id, 1000, currency, at, status FROM bought ORDER BY at;
SELECT count(swipesavvy.refund_transaction(transaction_id)) > 100 AS refunded FROM bought WHERE kind = 7;
SELECT count(swipesavvy.refund_transaction(transaction_id, 9.99)) > 100 AS refunded_in_part FROM bought WHERE kind = 8;

CREATE TEMP TABLE labelled AS
SELECT c.user_id, c.n, c.probability AS p, NOT EXISTS (SELECT FROM swipesavvy.transactions t WHERE t.user_id = c.user_id AND t.status = 'completed' AND t.refunded_minor < t.amount_minor
                                                          AND t.occurred_at >= pg_temp.noon(45) AND t.occurred_at < pg_temp.noon(15)) AS lost FROM came c;
SELECT n % 10 AS kind, bool_and(lost) AS all_lost, bool_or(lost) AS some_lost FROM labelled GROUP BY 1 ORDER BY 1;
CREATE TEMP TABLE figures AS
SELECT count(*) AS examples, count(*) FILTER (WHERE lost) AS positives,
       round(((sum(rank) FILTER (WHERE lost) - count(*) FILTER (WHERE lost) * (count(*) FILTER (WHERE lost) + 1) / 2.0) / (count(*) FILTER (WHERE lost) * count(*) FILTER (WHERE NOT lost)))::numeric, 6) AS auc,
       round(avg(-ln(CASE WHEN lost THEN p ELSE 1 - p END))::numeric, 6) AS log_loss, round(avg((p - lost::int) ^ 2)::numeric, 6) AS brier
  FROM (SELECT p, lost, avg(n) OVER (PARTITION BY p) AS rank FROM (SELECT p, lost, row_number() OVER (ORDER BY p) AS n FROM labelled) l) l;
SELECT swipesavvy.refresh_models() IS NOT NULL AS refreshed;
SELECT x ->> 'version' AS version, jsonb_array_length(x -> 'live') AS months, l ->> 'month' AS month, (l ->> 'as_of')::timestamptz = pg_temp.noon(45) AS as_of, (l ->> 'until')::timestamptz = pg_temp.noon(15) AS until,
       (l ->> 'examples')::int = f.examples AS examples, (l ->> 'positives')::int = f.positives AS positives, (l ->> 'auc')::numeric = f.auc AS auc, (l ->> 'log_loss')::numeric = f.log_loss AS log_loss, (l ->> 'brier')::numeric = f.brier AS brier,
       f.auc BETWEEN 0.4 AND 0.6 AS about_chance
  FROM jsonb_array_elements(swipesavvy.get_ml_performance('churn', 1) -> 'versions') x CROSS JOIN LATERAL jsonb_array_elements(x -> 'live') l CROSS JOIN figures f;
-- Times are of UTC, whatever the session's time zone is.
SET LOCAL timezone = 'Asia/Tokyo';
SELECT l ->> 'as_of' = to_char(pg_temp.noon(45) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS as_of, l ->> 'until' = to_char(pg_temp.noon(15) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS until
  FROM jsonb_array_elements(swipesavvy.get_ml_performance('churn', 1) -> 'versions') x CROSS JOIN LATERAL jsonb_array_elements(x -> 'live') l;
RESET timezone;
-- What was thought of them is gone; what is not due yet, and this month, stay.
SELECT month = '2024-02-01' AS past, count(*) AS kept FROM swipesavvy.ml_live GROUP BY 1;
SELECT worked_out_at IS NOT NULL AS worked_out, users, examples FROM swipesavvy.ml_live_months ORDER BY month;
-- It is worked out once: what happens afterwards changes nothing.
SELECT count(swipesavvy.refund_transaction(transaction_id)) > 100 AS refunded FROM bought WHERE kind = 0;
SELECT swipesavvy.refresh_models() IS NOT NULL AS refreshed;
SELECT (SELECT log_loss FROM figures) = round(log_loss::numeric, 6) AS as_before FROM swipesavvy.ml_live_months WHERE month = '2024-02-01';

-- Months in which everybody stayed, in which nobody is left, and in which one was as sure as can be, and wrong. The version is not asked any more.
UPDATE swipesavvy.ml_models SET status = 'retired';
INSERT INTO swipesavvy.ml_live_months (model_name, month, version, as_of, until, zone, users) SELECT 'churn', m, 1, pg_temp.noon(45), pg_temp.noon(15), 'UTC', u FROM (VALUES (date '2023-01-01', 2), ('2023-02-01', 9), ('2023-03-01', 2)) k (m, u);
INSERT INTO swipesavvy.ml_live (user_id, model_name, month, probability) SELECT user_id, 'churn', '2023-01-01', 0.5 FROM bought WHERE kind = 8 AND n < 20;
INSERT INTO swipesavvy.ml_live (user_id, model_name, month, probability) SELECT user_id, 'churn', '2023-03-01', CASE kind WHEN 8 THEN 1 ELSE 0.75 END FROM bought WHERE kind IN (7, 8) AND n < 10;
SELECT swipesavvy.refresh_models() IS NOT NULL AS refreshed;
SELECT x ->> 'status' AS status, l ->> 'month' AS month, l -> 'examples' AS examples, l -> 'positives' AS positives, l -> 'auc' AS auc, l -> 'log_loss' AS log_loss, l -> 'brier' AS brier
  FROM jsonb_array_elements(swipesavvy.get_ml_performance('churn') -> 'versions') x CROSS JOIN LATERAL jsonb_array_elements(x -> 'live') l WHERE l ->> 'month' LIKE '2023%';
SELECT count(*) AS kept FROM swipesavvy.ml_live WHERE month < '2024-01-01';
ROLLBACK;
