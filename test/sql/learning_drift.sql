-- Drift: whether users are still like those that churn was trained on, by plain SQL; what follows once a week, and what cannot be compared.
BEGIN;
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT swipesavvy.update_system_settings('{"timezone": "Pacific/Auckland"}') IS NOT NULL AS set;
CREATE FUNCTION pg_temp.uid(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid $$;
CREATE FUNCTION pg_temp.noon(days integer) RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT ((now() AT TIME ZONE 'Pacific/Auckland')::date - days + time '12:00') AT TIME ZONE 'Pacific/Auckland' $$;
UPDATE swipesavvy.users SET role = 'support'; -- nobody else is asked about
INSERT INTO swipesavvy.users (user_id, email, name) SELECT pg_temp.uid(n), format('d%s@example.com', n), 'D' FROM generate_series(1, 600) n;
INSERT INTO swipesavvy.reward_accounts (user_id, tier, spent_currency) SELECT pg_temp.uid(n), 'bronze', 'USD' FROM generate_series(1, 600) n;
INSERT INTO swipesavvy.purchases (user_id, amount_minor, occurred_at)
SELECT pg_temp.uid(n), 100 + n * i * 37 % 5000, pg_temp.noon(1 + n * 7 % 200 + i * (1 + n % 9)) FROM generate_series(1, 600) n CROSS JOIN LATERAL generate_series(1, 1 + n % 4) i ORDER BY 3;
-- a version that no feature is left out of: predict() tells the values of all, which learning_churn compares with plain SQL
INSERT INTO swipesavvy.ml_models (model_name, version, status, as_of, seed, trained_at, train_examples, train_positives, platt_a, platt_b, threshold) VALUES ('churn', 1, 'active', now(), 7, now(), 200, 100, -1, 0.1, 0.5);
INSERT INTO swipesavvy.ml_coefficients (model_name, version, position, feature, mean, deviation, weight)
SELECT 'churn', 1, n, f, CASE WHEN n > 0 THEN 1 END, CASE WHEN n > 0 THEN 2 END, 0.1
  FROM unnest('{intercept,recency,purchases_30,purchases_90,purchases_365,amount_90,amount_365,average,tenure,gap,rhythm,has_gap,categories,merchants,redemptions}'::text[]) WITH ORDINALITY k (f, m) CROSS JOIN LATERAL (SELECT m::int - 1) i (n);
CREATE TEMP TABLE present AS
SELECT k.user_id, c ->> 'feature' AS feature, (c ->> 'value')::float8 AS value FROM swipesavvy.users k CROSS JOIN LATERAL jsonb_array_elements(swipesavvy.predict('churn', k.user_id, as_of => now()) #> '{explanation,contributions}') c
 WHERE k.user_id BETWEEN pg_temp.uid(1) AND pg_temp.uid(600);
SELECT count(DISTINCT feature) AS features, count(DISTINCT user_id) AS users, count(*) AS all_values, count(DISTINCT value) FILTER (WHERE feature = 'recency') > 50 AS different, count(DISTINCT value) FILTER (WHERE feature = 'redemptions') AS constant FROM present;

-- No deciles, as of a version that somebody has made by hand: nothing can be compared.
SELECT swipesavvy.refresh_models() -> 'queued' AS queued;
SELECT x -> 'drift' AS drift, x -> 'drift_as_of' AS as_of FROM jsonb_array_elements(swipesavvy.get_ml_performance('churn') -> 'versions') x;
SELECT x -> 'drift' AS drift FROM jsonb_array_elements(swipesavvy.list_ml_models() -> 'models') x WHERE x ->> 'model_name' = 'churn';

-- --- in plain SQL --------------------------------------------------------------------------------------------------------------------------

-- Deciles and shares of values as training has them: the value at (i + 1) n / 10. A value belongs to the part of the last decile that is not above it, and
-- one that several deciles are to the first part between them.
CREATE FUNCTION pg_temp.part(bins float8[], value float8) RETURNS bigint LANGUAGE sql AS $$
    SELECT CASE WHEN count(*) FILTER (WHERE b = value) > 1 THEN count(*) FILTER (WHERE b < value) + 1 ELSE count(*) FILTER (WHERE b <= value) END FROM unnest(bins) b $$;
CREATE FUNCTION pg_temp.train_on(condition text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    done bigint;
BEGIN
    EXECUTE format($q$
        WITH train AS (SELECT feature, value, row_number() OVER (PARTITION BY feature ORDER BY value) - 1 AS n, count(*) OVER (PARTITION BY feature) AS all_of FROM (%s) t),
             deciles AS (SELECT feature, array_agg(value ORDER BY value) AS bins FROM train JOIN generate_series(1, 9) i ON n = i * all_of / 10 GROUP BY 1),
             parts AS (SELECT feature, pg_temp.part(d.bins, t.value) AS part, count(*) / max(t.all_of)::float8 AS share FROM train t JOIN deciles d USING (feature) GROUP BY 1, 2),
             shares AS (SELECT d.feature, d.bins, array_agg(coalesce(p.share, 0) ORDER BY i) AS shares FROM deciles d CROSS JOIN generate_series(0, 9) i LEFT JOIN parts p ON p.feature = d.feature AND p.part = i GROUP BY 1, 2)
        UPDATE swipesavvy.ml_coefficients c SET bins = s.bins, shares = s.shares FROM shares s WHERE c.feature = s.feature AND c.model_name = 'churn'$q$, condition);
    GET DIAGNOSTICS done = ROW_COUNT;
    RETURN done;
END
$$;
CREATE VIEW pg_temp.psi AS
SELECT feature, round(sum((greatest(a, 0.0001) - greatest(e, 0.0001)) * ln(greatest(a, 0.0001) / greatest(e, 0.0001)))::numeric, 6) AS psi
  FROM (SELECT c.feature, c.position, c.shares[i + 1] AS e, (SELECT count(*) FILTER (WHERE pg_temp.part(c.bins, p.value) = i)::float8 / count(*) FROM present p WHERE p.feature = c.feature) AS a
          FROM swipesavvy.ml_coefficients c CROSS JOIN generate_series(0, 9) i WHERE c.model_name = 'churn' AND c.version = 1 AND c.bins IS NOT NULL) s GROUP BY 1;
CREATE FUNCTION pg_temp.compared() RETURNS TABLE (features bigint, other bigint, drifted text) LANGUAGE sql AS $$
    SELECT count(*), count(*) FILTER (WHERE p.psi IS DISTINCT FROM (d ->> 'psi')::numeric), string_agg(p.feature, ' ' ORDER BY p.feature) FILTER (WHERE p.psi > 0.25)
      FROM pg_temp.psi p FULL JOIN (SELECT d FROM jsonb_array_elements(swipesavvy.get_ml_performance('churn', 1) -> 'versions') x CROSS JOIN LATERAL jsonb_array_elements(x -> 'drift') d) d ON d ->> 'feature' = p.feature $$;
CREATE FUNCTION pg_temp.state() RETURNS TABLE (drift jsonb, status jsonb, reason text) LANGUAGE sql AS $$
    SELECT x -> 'drift', x -> 'status', (SELECT reason FROM swipesavvy.ml_models WHERE model_name = 'churn' AND status = 'queued') FROM jsonb_array_elements(swipesavvy.list_ml_models() -> 'models') x WHERE x ->> 'model_name' = 'churn' $$;

-- Train was like today, but for constant features and ties: has_gap and redemptions have all deciles at one or two values.
SELECT pg_temp.train_on('SELECT feature, value FROM present') AS features;
SELECT feature, bins, shares FROM swipesavvy.ml_coefficients WHERE feature IN ('has_gap', 'redemptions') ORDER BY 1;
SELECT swipesavvy.refresh_models() -> 'queued' AS queued;
SELECT * FROM pg_temp.compared();
SELECT * FROM pg_temp.state();
SELECT max(psi) AS psi, min(users) AS users, bool_and(as_of = now()) AS as_of FROM swipesavvy.ml_drift;

-- Train was something else: redemptions were the same for everybody and are so no more, nearly all had no gap. It is looked at again when a week of local days is over.
SELECT pg_temp.train_on($$SELECT feature, CASE WHEN feature = 'recency' THEN value / 2 WHEN feature = 'redemptions' THEN -1 WHEN feature = 'has_gap' THEN (right(user_id::text, 2) = '07')::int WHEN feature = 'amount_365' THEN value - 0.1 ELSE value END AS value FROM present WHERE right(user_id::text, 1) <> '3'$$) AS features;
SELECT swipesavvy.refresh_models() -> 'queued' AS queued;
SELECT count(*) AS drifted FROM swipesavvy.ml_drift WHERE psi > 0;
UPDATE swipesavvy.ml_drift SET as_of = ((now() AT TIME ZONE 'Pacific/Auckland')::date - 6)::timestamp AT TIME ZONE 'Pacific/Auckland';
SELECT swipesavvy.refresh_models() -> 'queued' AS queued;
SELECT count(*) AS drifted FROM swipesavvy.ml_drift WHERE psi > 0;
UPDATE swipesavvy.ml_drift SET as_of = ((now() AT TIME ZONE 'Pacific/Auckland')::date - 6)::timestamp AT TIME ZONE 'Pacific/Auckland' - interval '1 microsecond';
SELECT swipesavvy.refresh_models() -> 'queued' AS queued;
SELECT * FROM pg_temp.compared();
SELECT count(*) FILTER (WHERE psi > 0 AND psi < 0.25) > 0 AS some_in_between FROM swipesavvy.ml_drift;
SELECT * FROM pg_temp.state();
SELECT version, status, reason, seed FROM swipesavvy.ml_models WHERE model_name = 'churn' ORDER BY version;

-- --- who hears of it -----------------------------------------------------------------------------------------------------------------------

SELECT swipesavvy.record_health('{}') IS NOT NULL AS sampled, swipesavvy.record_health('{}') IS NOT NULL AS again;
SELECT a ->> 'severity' AS severity, a -> 'value' AS value, a -> 'threshold' AS threshold FROM jsonb_array_elements(swipesavvy.list_alerts(true) -> 'alerts') a WHERE a ->> 'figure' = 'models_drifting';
SELECT h #>> '{services,background_jobs,status}' <> 'healthy' AS jobs, a ->> 'severity' AS severity, a -> 'value' AS value FROM swipesavvy.get_system_health() h CROSS JOIN LATERAL jsonb_array_elements(h -> 'alerts') a WHERE a ->> 'name' = 'models_drifting';
SELECT body ->> 'figure' AS figure, body ->> 'severity' AS severity FROM swipesavvy.outbox WHERE event = 'alert.opened' AND body ->> 'figure' = 'models_drifting';

-- --- a training, once ----------------------------------------------------------------------------------------------------------------------

-- One is queued; one was given up, which is tried again with the next check and not before.
UPDATE swipesavvy.ml_drift SET as_of = pg_temp.noon(8);
SELECT swipesavvy.refresh_models() -> 'queued' AS queued;
SELECT swipesavvy.cancel_ml_training('churn') -> 'version' AS cancelled;
SELECT swipesavvy.refresh_models() -> 'queued' AS queued;
UPDATE swipesavvy.ml_drift SET as_of = pg_temp.noon(8);
SELECT swipesavvy.refresh_models() -> 'queued' AS queued;
SELECT swipesavvy.cancel_ml_training('churn') -> 'version' AS cancelled;
-- Whoever wants no training but by hand is told, and no more.
SELECT swipesavvy.update_system_settings('{"ml_retrain_days": null}') IS NOT NULL AS set;
UPDATE swipesavvy.ml_drift SET as_of = pg_temp.noon(8);
SELECT swipesavvy.refresh_models() -> 'queued' AS queued;
SELECT * FROM pg_temp.state();
-- A clock that was ahead does not keep it from being looked at.
UPDATE swipesavvy.ml_drift SET as_of = now() + interval '1 year', psi = 0;
SELECT swipesavvy.refresh_models() -> 'queued' AS queued;
SELECT count(*) FILTER (WHERE psi > 0) > 0 AS drifted, bool_and(as_of = now()) AS as_of FROM swipesavvy.ml_drift;

-- Fewer than 200 users: chance says most, so nothing is said.
SAVEPOINT few;
UPDATE swipesavvy.users SET role = 'support' WHERE user_id BETWEEN pg_temp.uid(200) AND pg_temp.uid(600);
UPDATE swipesavvy.ml_drift SET as_of = pg_temp.noon(9);
SELECT swipesavvy.refresh_models() IS NOT NULL AS refreshed;
SELECT min(users) AS users, bool_and(as_of = pg_temp.noon(9)) AS as_before FROM swipesavvy.ml_drift;
UPDATE swipesavvy.users SET role = 'customer' WHERE user_id = pg_temp.uid(200);
SELECT swipesavvy.refresh_models() IS NOT NULL AS refreshed;
SELECT min(users) AS users, bool_and(as_of = now()) AS as_of FROM swipesavvy.ml_drift;
ROLLBACK TO few;

-- Another version is asked: it is checked within a week, and until then nothing is known of it; what is said of the old one stays.
UPDATE swipesavvy.ml_models SET status = 'retired' WHERE model_name = 'churn' AND version = 1;
INSERT INTO swipesavvy.ml_models (model_name, version, status, as_of, seed, train_examples, train_positives, platt_a, platt_b, threshold) VALUES ('churn', 9, 'active', now(), 7, 200, 100, -1, 0.1, 0.5);
INSERT INTO swipesavvy.ml_coefficients SELECT model_name, 9, position, feature, mean, deviation, weight, bins, shares FROM swipesavvy.ml_coefficients;
SELECT swipesavvy.refresh_models() IS NOT NULL AS refreshed;
SELECT * FROM pg_temp.state();
SELECT x -> 'version' AS version, jsonb_array_length(x -> 'drift') AS features FROM jsonb_array_elements(swipesavvy.get_ml_performance('churn') -> 'versions') x WHERE x ->> 'status' IN ('active', 'retired');
SELECT swipesavvy.record_health('{}') IS NOT NULL AS sampled, swipesavvy.record_health('{}') IS NOT NULL AS again;
SELECT a -> 'resolved_at' <> 'null' AS resolved FROM jsonb_array_elements(swipesavvy.list_alerts() -> 'alerts') a WHERE a ->> 'figure' = 'models_drifting';
UPDATE swipesavvy.ml_drift SET as_of = pg_temp.noon(7);
SELECT swipesavvy.refresh_models() IS NOT NULL AS refreshed;
SELECT * FROM pg_temp.state();

-- Deciles and shares are stored whole, or not at all.
UPDATE swipesavvy.ml_coefficients SET bins = '{1,2,3}';
ROLLBACK;
