-- Merchants that users may like: neighbours, what is popular, how good both were on what came later, and what each user is suggested, all
-- against a slow reading of the same rules in plain SQL on purchases that are as good as random. Then feedback, and everything that can be wrong.
BEGIN;
\set VERBOSITY terse
SET client_min_messages = warning;
SELECT swipesavvy.update_system_settings('{"timezone": "America/New_York"}') IS NOT NULL AS set;
CREATE FUNCTION pg_temp.uid(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid $$;
CREATE FUNCTION pg_temp.drawn(what text) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$ SELECT ('x' || substr(md5(what), 1, 7))::bit(28)::int / 268435456.0::float8 $$;
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

-- Nothing has been made yet.
SELECT swipesavvy.create_user('first@example.com', 'First', user_id => pg_temp.uid(999)) IS NOT NULL AS made;
SELECT pg_temp.attempt('SELECT swipesavvy.get_recommendations(pg_temp.uid(999))') AS answer;

-- --- 450 people of four tastes, who cannot be told by categories; of 130 shops every tenth is a pharmacy, of which nothing is learned ------

CREATE TEMP TABLE shop AS
SELECT m, pg_temp.uid(900000 + m) AS merchant_id, CASE WHEN m % 10 = 0 THEN '5912' WHEN m % 3 = 0 THEN '5411' WHEN m % 3 = 1 THEN '5812' ELSE '7230' END AS mcc FROM generate_series(1, 130) m;
SELECT count(swipesavvy.create_merchant('Shop ' || m, mcc => mcc, merchant_id => merchant_id)) AS merchants FROM shop;
SELECT count(swipesavvy.create_user(format('r%s@example.com', n), 'R', user_id => pg_temp.uid(n), role => CASE n WHEN 450 THEN 'support' ELSE 'customer' END)) AS users
  FROM generate_series(1, 450) n;
CREATE TEMP TABLE today AS SELECT (now() AT TIME ZONE 'America/New_York')::date AS day;
CREATE TEMP TABLE bought AS
SELECT u, i, pg_temp.uid(u) AS user_id, pg_temp.uid(u * 1000 + i) AS transaction_id,
       CASE WHEN i = 1 AND u % 7 = 0 THEN now() - interval '1 second'
            ELSE ((day - 1 - floor(500 * pg_temp.drawn(format('day %s %s', u, i)) ^ 2)::int)::timestamp + make_interval(mins => floor(1440 * pg_temp.drawn(format('minute %s %s', u, i)))::int)) AT TIME ZONE 'America/New_York' END AS at,
       CASE WHEN i = 7 THEN 0 ELSE 100 + i END AS amount, CASE WHEN i = 8 THEN 'EUR' ELSE 'USD' END AS currency,
       CASE WHEN i = 9 THEN 'failed' WHEN i = 10 THEN 'pending' ELSE 'completed' END AS status,
       -- mostly of one's own taste; one user has been everywhere
       CASE WHEN i = 11 THEN NULL WHEN u = 5 THEN pg_temp.uid(900001 + i % 130)
            WHEN pg_temp.drawn(format('stray %s %s', u, i)) < 0.25 THEN pg_temp.uid(900001 + floor(130 * pg_temp.drawn(format('any %s %s', u, i)))::int)
            ELSE pg_temp.uid(900001 + 4 * floor(32 * pg_temp.drawn(format('own %s %s', u, i)) ^ 2)::int + u % 4) END AS merchant_id
  FROM generate_series(1, 450) u CROSS JOIN today CROSS JOIN LATERAL generate_series(1, CASE WHEN u = 5 THEN 300 WHEN u % 50 = 1 THEN 2 WHEN u % 50 = 2 THEN 0 ELSE 14 + u % 13 END) i;
INSERT INTO swipesavvy.purchases (transaction_id, user_id, amount_minor, currency, occurred_at, status, merchant_id)
SELECT transaction_id, user_id, amount, currency, at, status, merchant_id FROM bought ORDER BY at;
SELECT count(swipesavvy.refund_transaction(transaction_id)) AS refunded FROM bought WHERE status = 'completed' AND amount > 0 AND u % 9 = 0 AND i IN (3, 4);
SELECT count(swipesavvy.refund_transaction(transaction_id, 0.50)) AS in_part FROM bought WHERE status = 'completed' AND u % 9 = 1 AND i IN (3, 4);
SELECT swipesavvy.update_merchant(pg_temp.uid(900001), '{"is_active": false}') -> 'is_active' AS active, swipesavvy.update_merchant(pg_temp.uid(900002), '{"mcc": "5411", "category": "Services"}') ->> 'category' AS category;
SELECT swipesavvy.erase_user(pg_temp.uid(6)) ->> 'account_status' AS erased, swipesavvy.set_profiling_consent(pg_temp.uid(9), false) -> 'profiling' AS profiling;

-- --- the slow reading ----------------------------------------------------------------------------------------------------------------------

CREATE TEMP TABLE visit AS
SELECT t.user_id, t.merchant_id, t.category_no, t.occurred_at AS at, (t.occurred_at AT TIME ZONE 'America/New_York')::date AS day
  FROM swipesavvy.transactions t JOIN swipesavvy.users u USING (user_id) JOIN shop s USING (merchant_id)
 WHERE t.status = 'completed' AND t.refunded_minor < t.amount_minor AND u.role = 'customer' AND t.user_id NOT IN (pg_temp.uid(6), pg_temp.uid(9)) AND s.mcc <> '5912';
-- as of today, and as of thirty days before; what each user knew: up to now where it is suggested something now
CREATE TEMP TABLE moment AS SELECT 'now' AS kind, day, day AS until FROM today UNION ALL SELECT 'held', day - 30, day - 30 FROM today UNION ALL SELECT 'live', day, day + 1 FROM today;
CREATE TEMP TABLE knew AS
SELECT kind, m.day AS today, user_id, merchant_id, max(at) AS last, max(v.day) AS day, row_number() OVER (PARTITION BY kind, user_id ORDER BY max(at) DESC, merchant_id) AS place
  FROM moment m JOIN visit v ON v.day >= m.day - 365 AND v.day < m.until GROUP BY 1, 2, 3, 4;
CREATE INDEX ON knew (kind, user_id, merchant_id);
ANALYZE knew;
CREATE TEMP TABLE near AS
WITH n AS (SELECT kind, merchant_id, count(*) AS n FROM knew WHERE place <= 100 GROUP BY 1, 2 HAVING count(*) >= 5),
     pair AS (SELECT a.kind, a.merchant_id, b.merchant_id AS neighbour_id, count(*)::float8 AS n FROM knew a JOIN knew b USING (kind, user_id)
               WHERE a.place <= 100 AND b.place <= 100 AND a.merchant_id <> b.merchant_id AND kind <> 'live' GROUP BY 1, 2, 3),
     alike AS (SELECT p.kind, p.merchant_id, p.neighbour_id, round((p.n / sqrt(a.n * b.n) * (p.n / (p.n + 10)))::numeric, 6) AS similarity
                   FROM pair p JOIN n a ON a.kind = p.kind AND a.merchant_id = p.merchant_id JOIN n b ON b.kind = p.kind AND b.merchant_id = p.neighbour_id)
SELECT kind, merchant_id, neighbour_id, similarity FROM (SELECT s.*, row_number() OVER (PARTITION BY kind, merchant_id ORDER BY similarity DESC, neighbour_id) AS place FROM alike s WHERE similarity > 0) s WHERE place <= 50;
CREATE INDEX ON near (kind, merchant_id);
ANALYZE near;
CREATE TEMP TABLE popular AS
SELECT kind, v.merchant_id, c.category_no, count(DISTINCT user_id) AS users, s.is_active,
       round(count(DISTINCT user_id)::numeric / (SELECT count(DISTINCT user_id) FROM visit a WHERE a.day >= m.day - 90 AND a.day < m.day), 6) AS share
  FROM moment m JOIN visit v ON v.day >= m.day - 90 AND v.day < m.day JOIN swipesavvy.merchants s USING (merchant_id) JOIN swipesavvy.merchant_categories c USING (category)
 WHERE kind <> 'live' GROUP BY kind, m.day, 2, 3, 5;
-- what neighbours and what popularity suggest, from the first to the last; no user knows it. Neighbours are tried against what is popular with all
ANALYZE popular;
CREATE TEMP TABLE by_neighbours AS
WITH term AS (SELECT k.kind, k.user_id, n.neighbour_id, n.merchant_id, power(2.0::float8, -(k.today - k.day) / 90.0::float8) * n.similarity::float8 AS term
                FROM knew k JOIN near n ON n.kind = CASE k.kind WHEN 'live' THEN 'now' ELSE k.kind END AND n.merchant_id = k.merchant_id
               WHERE k.place <= 100 AND k.kind <> 'now' AND NOT EXISTS (SELECT FROM knew o WHERE o.kind = k.kind AND o.user_id = k.user_id AND o.merchant_id = n.neighbour_id)
                 AND (k.kind, k.user_id) IN (SELECT o.kind, o.user_id FROM knew o GROUP BY 1, 2 HAVING count(*) >= 3)),
     score AS (SELECT kind, user_id, neighbour_id, round(sum(term)::numeric, 6) AS score, (array_agg(merchant_id ORDER BY term DESC, merchant_id))[:3] AS because FROM term GROUP BY 1, 2, 3)
SELECT s.*, row_number() OVER (PARTITION BY s.kind, user_id ORDER BY score DESC, coalesce(p.users, 0) DESC, neighbour_id) AS place
  FROM score s JOIN swipesavvy.merchants m ON m.merchant_id = s.neighbour_id AND m.is_active
  LEFT JOIN popular p ON p.kind = CASE s.kind WHEN 'live' THEN 'now' ELSE s.kind END AND p.merchant_id = s.neighbour_id;
ANALYZE by_neighbours;
CREATE TEMP TABLE by_popularity AS
WITH taste AS (SELECT kind, user_id, category_no, row_number() OVER (PARTITION BY kind, user_id ORDER BY count(*) DESC, category_no) AS taste
                 FROM moment m JOIN visit v ON v.day >= m.day - 365 AND v.day < m.until GROUP BY 1, 2, 3)
SELECT k.kind, u.user_id, p.merchant_id, p.share, row_number() OVER (PARTITION BY k.kind, u.user_id ORDER BY t.taste NULLS LAST, p.users DESC, p.merchant_id) AS place
  FROM (VALUES ('held'), ('live')) k (kind) CROSS JOIN swipesavvy.users u JOIN popular p ON p.is_active AND p.kind = CASE k.kind WHEN 'live' THEN 'now' ELSE k.kind END
  LEFT JOIN taste t ON t.kind = 'live' AND k.kind = 'live' AND t.user_id = u.user_id AND t.category_no = p.category_no
 WHERE NOT EXISTS (SELECT FROM knew o WHERE o.kind = k.kind AND o.user_id = u.user_id AND o.merchant_id = p.merchant_id);

-- --- a version ---------------------------------------------------------------------------------------------------------------------------------

SELECT swipesavvy.train_ml_model('affinity') - 'queued_at' AS queued;
SELECT swipesavvy.train_models();
SELECT version, status, reason, zone, train_examples = (SELECT count(DISTINCT user_id) FROM knew WHERE kind = 'now') AS readers FROM swipesavvy.ml_models WHERE model_name = 'affinity';
SELECT count(*) > 4000 AS many, count(*) = (SELECT count(*) FROM near WHERE kind = 'now') AS as_many, count(*) FILTER (WHERE n.similarity IS DISTINCT FROM m.similarity) AS other,
       max(per.n) AS most_of_one FROM swipesavvy.ml_neighbours m LEFT JOIN near n ON n.kind = 'now' AND n.merchant_id = m.merchant_id AND n.neighbour_id = m.neighbour_id
 CROSS JOIN (SELECT count(*) AS n FROM swipesavvy.ml_neighbours GROUP BY merchant_id ORDER BY 1 DESC LIMIT 1) per;
SELECT count(*) > 100 AS many, count(*) = (SELECT count(*) FROM popular WHERE kind = 'now') AS as_many, count(*) FILTER (WHERE (p.users, p.share, p.category_no) IS DISTINCT FROM (m.users, m.share, m.category_no)) AS other
  FROM swipesavvy.ml_popularity m LEFT JOIN popular p ON p.kind = 'now' AND p.merchant_id = m.merchant_id;
SELECT count(*) AS of_excluded_ones FROM swipesavvy.ml_neighbours n JOIN shop s ON s.merchant_id IN (n.merchant_id, n.neighbour_id) WHERE s.mcc = '5912';
-- how good both were on the last thirty days
WITH new AS (SELECT v.user_id, v.merchant_id FROM visit v CROSS JOIN today t WHERE v.day >= t.day - 30 AND v.day < t.day
                AND NOT EXISTS (SELECT FROM knew o WHERE o.kind = 'held' AND o.user_id = v.user_id AND o.merchant_id = v.merchant_id) GROUP BY 1, 2),
     tried AS (SELECT user_id, count(*) AS news FROM new WHERE (SELECT count(*) FROM knew k WHERE k.kind = 'held' AND k.user_id = new.user_id) >= 3 GROUP BY 1),
     ideal AS (SELECT user_id, sum(1 / log(2, r + 1)) AS gain FROM tried CROSS JOIN LATERAL generate_series(1, least(news, 10)) r GROUP BY 1),
     ours AS (SELECT user_id, sum(1 / log(2, place + 1)) AS gain FROM tried JOIN new USING (user_id) JOIN by_neighbours b USING (user_id) WHERE b.kind = 'held' AND place <= 10 AND b.neighbour_id = new.merchant_id GROUP BY 1),
     theirs AS (SELECT user_id, sum(1 / log(2, place + 1)) AS gain FROM tried JOIN new USING (user_id) JOIN by_popularity b USING (user_id) WHERE b.kind = 'held' AND place <= 10 AND b.merchant_id = new.merchant_id GROUP BY 1),
     figures AS (SELECT count(*) AS users, round(count(o.user_id)::numeric / count(*), 6) AS hit_rate_10, round(count(t.user_id)::numeric / count(*), 6) AS popularity_hit_rate_10,
                        round(sum(coalesce(o.gain / i.gain, 0)) / count(*), 6) AS ndcg_10, round(sum(coalesce(t.gain / i.gain, 0)) / count(*), 6) AS popularity_ndcg_10
                   FROM ideal i LEFT JOIN ours o USING (user_id) LEFT JOIN theirs t USING (user_id))
SELECT m.r - 'serves' = to_jsonb(f) AS the_same, m.r ->> 'serves' AS serves, f.users >= 200 AS enough, f.hit_rate_10 > 1.1 * f.popularity_hit_rate_10 AS better, f.popularity_hit_rate_10 > 0.1 AS popular, f.ndcg_10 > f.popularity_ndcg_10 AS sooner
  FROM figures f, LATERAL (SELECT metrics -> 'recommendations' AS r FROM swipesavvy.ml_models WHERE model_name = 'affinity') m;
SELECT model -> 'kind' AS kind, model -> 'active_version' AS active, model -> 'status' AS status, (SELECT array_agg(k ORDER BY k) FROM jsonb_object_keys(model -> 'metrics') k) AS metrics,
       (model ->> 'next_training_at')::timestamptz - (model ->> 'trained_at')::timestamptz AS next FROM jsonb_array_elements(swipesavvy.list_ml_models() -> 'models') model WHERE model ->> 'model_name' = 'affinity';
SELECT v -> 'recommendations' = metrics -> 'recommendations' AS shown FROM swipesavvy.ml_models, jsonb_array_elements(swipesavvy.get_ml_performance('affinity', 1) -> 'versions') v WHERE model_name = 'affinity';

-- --- everybody's suggestions ----------------------------------------------------------------------------------------------------------------------

CREATE TEMP TABLE told AS
SELECT u.user_id, n, (m ->> 'merchant_id')::uuid AS merchant_id, (m ->> 'score')::numeric AS score, m ->> 'source' AS source, ARRAY(SELECT jsonb_array_elements_text(m -> 'because'))::uuid[] AS because,
       m ->> 'name' AS name, m ->> 'category' AS category
  FROM swipesavvy.users u CROSS JOIN LATERAL jsonb_array_elements(swipesavvy.get_recommendations(u.user_id, page_size => 25) -> 'merchants') WITH ORDINALITY r (m, n)
 WHERE u.erased_at IS NULL AND u.user_id <> pg_temp.uid(9) AND u.role = 'customer';
ANALYZE by_popularity;
CREATE TEMP TABLE wanted AS
WITH one AS (SELECT user_id, neighbour_id AS merchant_id, score, 'neighbours' AS source, because, place FROM by_neighbours WHERE kind = 'live' AND place <= 25),
     two AS (SELECT b.user_id, b.merchant_id, b.share, 'popularity', '{}'::uuid[], 1000 + b.place FROM by_popularity b
              WHERE kind = 'live' AND NOT EXISTS (SELECT FROM one WHERE one.user_id = b.user_id AND one.merchant_id = b.merchant_id))
SELECT * FROM (SELECT a.*, row_number() OVER (PARTITION BY user_id ORDER BY place) AS n FROM (SELECT * FROM one UNION ALL SELECT * FROM two) a) a
 WHERE n <= 25 AND user_id IN (SELECT user_id FROM swipesavvy.users WHERE erased_at IS NULL AND role = 'customer' AND user_id <> pg_temp.uid(9));
SELECT count(*) > 10000 AS many, count(*) = (SELECT count(*) FROM wanted) AS as_many, count(*) FILTER (WHERE (t.merchant_id, t.score, t.source, t.because) IS DISTINCT FROM (w.merchant_id, w.score, w.source, w.because)) AS other,
       count(*) FILTER (WHERE t.source = 'neighbours') > 5000 AS of_neighbours, count(*) FILTER (WHERE t.source = 'popularity') > 100 AS popular, count(DISTINCT cardinality(t.because)) AS becauses
  FROM told t LEFT JOIN wanted w USING (user_id, n);
SELECT count(*) FILTER (WHERE t.name <> m.name OR t.category <> m.category) AS other, count(*) FILTER (WHERE NOT m.is_active) AS closed, count(*) FILTER (WHERE m.mcc = '5912' OR b.mcc = '5912') AS excluded
  FROM told t JOIN swipesavvy.merchants m USING (merchant_id) LEFT JOIN shop b ON b.merchant_id = ANY (t.because);
-- who has bought nothing gets what is popular with all; who has refused profiling, the same, and nobody else may ask; fewer than three merchants are too few
SELECT r -> 'merchants' = (SELECT swipesavvy.get_recommendations(pg_temp.uid(52)) -> 'merchants') AS nobody_knows, jsonb_array_length(r -> 'merchants') AS suggested, jsonb_path_query_array(r, '$.merchants[*].source') @> '["neighbours"]' AS neighbours,
       (SELECT array_agg(k ORDER BY k) FROM jsonb_object_keys(r) k) AS keys, (r ->> 'as_of')::timestamptz = (SELECT m.as_of FROM swipesavvy.ml_models m WHERE status = 'active') AS as_of FROM swipesavvy.get_recommendations(pg_temp.uid(2)) r;
SELECT count(DISTINCT source) AS sources, max(source) AS source FROM told WHERE user_id = pg_temp.uid(51);
SELECT count(*) FILTER (WHERE k.merchant_id IS NOT NULL) > 0 AS known, count(*) AS suggested
  FROM jsonb_array_elements(swipesavvy.get_recommendations(pg_temp.uid(3), page_size => 100, include_known => true) -> 'merchants') m LEFT JOIN knew k ON k.kind = 'live' AND k.user_id = pg_temp.uid(3) AND k.merchant_id = (m ->> 'merchant_id')::uuid;

-- A merchant that is excluded from now on is suggested no longer, nor named as a reason.
SAVEPOINT excluded;
SELECT swipesavvy.update_merchant(because[1], '{"mcc": "7995"}') ->> 'mcc' AS reason, swipesavvy.update_merchant(merchant_id, '{"mcc": "7995"}') ->> 'mcc' AS suggested FROM told WHERE user_id = pg_temp.uid(3) AND n = 1;
SELECT bool_or(r @? format('$.merchants[*] ? (@.merchant_id == "%s")', t.merchant_id)::jsonpath) AS suggested, bool_or(r @? format('$.merchants[*].because[*] ? (@ == "%s")', t.because[1])::jsonpath) AS reason
  FROM told t, swipesavvy.get_recommendations(pg_temp.uid(3), page_size => 25) r WHERE t.user_id = pg_temp.uid(3) AND n = 1;
ROLLBACK TO excluded;

-- --- feedback ------------------------------------------------------------------------------------------------------------------------------------------

SELECT swipesavvy.record_ml_feedback('affinity', pg_temp.uid(3), 'dismissed', merchant_id, feedback_id => pg_temp.uid(1)) - 'recorded_at' AS recorded FROM told WHERE user_id = pg_temp.uid(3) AND n = 1;
SELECT swipesavvy.record_ml_feedback('affinity', pg_temp.uid(3), 'dismissed', merchant_id, feedback_id => pg_temp.uid(1)) - 'recorded_at' AS again FROM told WHERE user_id = pg_temp.uid(3) AND n = 1;
SELECT swipesavvy.record_ml_feedback('conversion', pg_temp.uid(3), 'irrelevant', merchant_id, occurred_at => now() - interval '80 days') -> 'replayed' AS recorded FROM told WHERE user_id = pg_temp.uid(3) AND n = 2;
SELECT swipesavvy.record_ml_feedback('affinity', pg_temp.uid(3), 'dismissed', merchant_id, occurred_at => now() - interval '92 days') -> 'replayed' AS too_old FROM told WHERE user_id = pg_temp.uid(3) AND n = 3;
SELECT swipesavvy.record_ml_feedback('affinity', pg_temp.uid(3), 'accepted', merchant_id) -> 'replayed' AS recorded FROM told WHERE user_id = pg_temp.uid(3) AND n = 4;
SELECT count(swipesavvy.record_ml_feedback('churn', pg_temp.uid(n), 'converted', occurred_at => now() - interval '1 minute')) AS recorded FROM generate_series(10, 12) n;
-- the first two are gone, and those behind them have come forward
SELECT array_agg(t.n ORDER BY r.n) = '{3,4,5,6,7,8,9,10,11,12}' AS in_order FROM jsonb_array_elements(swipesavvy.get_recommendations(pg_temp.uid(3)) -> 'merchants') WITH ORDINALITY r (m, n)
  LEFT JOIN told t ON t.user_id = pg_temp.uid(3) AND t.merchant_id = (r.m ->> 'merchant_id')::uuid;
SELECT f ->> 'model_name' AS model, sum((f ->> 'accepted')::int) AS accepted, sum((f ->> 'dismissed')::int) AS dismissed, sum((f ->> 'irrelevant')::int) AS irrelevant, sum((f ->> 'converted')::int) AS converted,
       max((f ->> 'month')::date) <= (now() AT TIME ZONE 'America/New_York')::date AS month FROM jsonb_array_elements(swipesavvy.get_ml_performance() -> 'feedback') f GROUP BY 1 ORDER BY 1;
SELECT jsonb_array_length(swipesavvy.get_ml_performance('churn') -> 'feedback') AS of_one_model, jsonb_array_length(swipesavvy.export_user_data(pg_temp.uid(3)) -> 'ml_feedback') AS exported;
-- gone with the user, and with its consent; and none comes after
SELECT swipesavvy.erase_user(pg_temp.uid(10)) ->> 'account_status' AS erased, swipesavvy.set_profiling_consent(pg_temp.uid(11), false) -> 'profiling' AS profiling;
SELECT array_agg(user_id ORDER BY user_id) = ARRAY[pg_temp.uid(12)] AS only FROM swipesavvy.ml_feedback WHERE model_name = 'churn';

-- --- the next versions ------------------------------------------------------------------------------------------------------------------------------------

-- The same rows make the same version; the one before is retired, and its rows are gone.
CREATE TEMP TABLE before AS SELECT merchant_id, neighbour_id, similarity FROM swipesavvy.ml_neighbours;
SAVEPOINT again;
SELECT swipesavvy.set_profiling_consent(pg_temp.uid(11), true) -> 'profiling' AS profiling;
UPDATE swipesavvy.users SET erased_at = NULL WHERE user_id = pg_temp.uid(10);
SELECT swipesavvy.train_ml_model('affinity') ->> 'version' AS version, swipesavvy.train_models();
SELECT version, status, reason FROM swipesavvy.ml_models WHERE model_name = 'affinity' ORDER BY 1;
SELECT count(*) = count(b.merchant_id) AND count(*) = (SELECT count(*) FROM before) AS the_same, array_agg(DISTINCT n.version) AS versions FROM swipesavvy.ml_neighbours n LEFT JOIN before b USING (merchant_id, neighbour_id, similarity);
SELECT (a.metrics = b.metrics) AS metrics FROM swipesavvy.ml_models a, swipesavvy.ml_models b WHERE a.model_name = 'affinity' AND b.model_name = 'affinity' AND a.version = 1 AND b.version = 2;
SELECT pg_temp.attempt($$SELECT swipesavvy.activate_ml_model('affinity', 1)$$) AS answer, pg_temp.attempt($$SELECT swipesavvy.activate_ml_model('affinity', 2) ->> 'status'$$) AS active;
ROLLBACK TO again;
-- Tastes that nobody shares: what is popular serves, and neighbours are not even kept. The purchases go to users at random.
SAVEPOINT shuffled;
SET LOCAL enable_nestloop = off;
CREATE TEMP TABLE dealt AS SELECT a.transaction_id, b.merchant_id, b.category_no FROM
    (SELECT transaction_id, row_number() OVER (ORDER BY transaction_id) AS n FROM swipesavvy.transactions WHERE merchant_id IS NOT NULL) a JOIN
    (SELECT merchant_id, category_no, row_number() OVER (ORDER BY md5(transaction_id::text)) AS n FROM swipesavvy.transactions WHERE merchant_id IS NOT NULL) b USING (n);
ANALYZE dealt;
UPDATE swipesavvy.transactions t SET merchant_id = d.merchant_id, category_no = d.category_no FROM dealt d WHERE d.transaction_id = t.transaction_id;
SELECT swipesavvy.train_ml_model('affinity') ->> 'version' AS version, swipesavvy.train_models();
SELECT status, reason, metrics #>> '{recommendations,serves}' AS serves, (metrics #>> '{recommendations,users}')::int >= 200 AS enough FROM swipesavvy.ml_models WHERE model_name = 'affinity' AND version = 2;
SELECT (SELECT count(*) FROM swipesavvy.ml_neighbours) AS neighbours, (SELECT count(*) FROM swipesavvy.ml_popularity) > 100 AS popular, jsonb_path_query_array(swipesavvy.get_recommendations(pg_temp.uid(3), page_size => 2), '$.merchants[*].source') AS sources;
ROLLBACK TO shuffled;
-- Few users: nothing has been shown, so nothing but popularity serves.
SAVEPOINT few;
UPDATE swipesavvy.users SET role = 'support' WHERE user_id > pg_temp.uid(200);
SELECT swipesavvy.train_ml_model('affinity') ->> 'version' AS version, swipesavvy.train_models();
SELECT reason, metrics #>> '{recommendations,serves}' AS serves, (metrics #>> '{recommendations,users}')::int BETWEEN 20 AND 199 AS few FROM swipesavvy.ml_models WHERE model_name = 'affinity' AND version = 2;
ROLLBACK TO few;
-- Nobody at all, and the moment before the first purchase.
SAVEPOINT none;
SELECT swipesavvy.train_ml_model('affinity', now() - interval '10 years') ->> 'version' AS version, swipesavvy.train_models();
SELECT metrics, status, (SELECT count(*) FROM swipesavvy.ml_popularity) AS popular, swipesavvy.get_recommendations(pg_temp.uid(3)) -> 'merchants' AS merchants FROM swipesavvy.ml_models WHERE model_name = 'affinity' AND version = 2;
ROLLBACK TO none;
-- The job queues them each day, and with them models that have become old.
SELECT swipesavvy.refresh_models() -> 'queued' AS queued;
SELECT swipesavvy.refresh_models() -> 'queued' AS queued;
SELECT swipesavvy.cancel_ml_training('affinity') - 'x' AS cancelled;

-- --- what can be wrong ----------------------------------------------------------------------------------------------------------------------------------------

SELECT statement, pg_temp.attempt('SELECT ' || statement) AS answer FROM (VALUES
    ($$swipesavvy.get_recommendations()$$), ($$swipesavvy.get_recommendations(pg_temp.uid(3), 'X')$$), ($$swipesavvy.get_recommendations(pg_temp.uid(777777))$$),
    ($$swipesavvy.get_recommendations(pg_temp.uid(6))$$), ($$swipesavvy.get_recommendations(pg_temp.uid(9))$$), ($$swipesavvy.get_recommendations(pg_temp.uid(3), page_size => 0)$$),
    ($$swipesavvy.get_recommendations(pg_temp.uid(3), page_size => 101)$$), ($$swipesavvy.get_recommendations(campaign_id => 'NONE')$$),
    ($$swipesavvy.record_ml_feedback('x', pg_temp.uid(3), 'accepted')$$), ($$swipesavvy.record_ml_feedback(NULL, pg_temp.uid(3), 'accepted')$$), ($$swipesavvy.record_ml_feedback('affinity', NULL, 'accepted')$$),
    ($$swipesavvy.record_ml_feedback('affinity', pg_temp.uid(3), 'liked')$$), ($$swipesavvy.record_ml_feedback('affinity', pg_temp.uid(3), NULL)$$), ($$swipesavvy.record_ml_feedback('affinity', pg_temp.uid(777777), 'accepted')$$),
    ($$swipesavvy.record_ml_feedback('affinity', pg_temp.uid(6), 'accepted')$$), ($$swipesavvy.record_ml_feedback('affinity', pg_temp.uid(9), 'accepted')$$),
    ($$swipesavvy.record_ml_feedback('affinity', pg_temp.uid(3), 'accepted', pg_temp.uid(777777))$$), ($$swipesavvy.record_ml_feedback('affinity', pg_temp.uid(3), 'accepted', campaign_id => 'NONE')$$),
    ($$swipesavvy.record_ml_feedback('affinity', pg_temp.uid(3), 'accepted', occurred_at => '2100-01-01')$$), ($$swipesavvy.record_ml_feedback('affinity', pg_temp.uid(3), 'accepted', occurred_at => 'infinity')$$),
    ($$swipesavvy.record_ml_feedback('affinity', pg_temp.uid(3), 'accepted', feedback_id => pg_temp.uid(1))$$),
    ($$swipesavvy.export_ml_data('affinity', now())$$)) s (statement);
SELECT swipesavvy.create_campaign(campaign_id => 'SPRING', name => 'Spring', campaign_type => 'SEASONAL', offer_type => 'OTHER', offer_amount => 0, bonus_points => 5, start_date => '2026-01-01') IS NOT NULL AS made;
SELECT pg_temp.attempt($$SELECT swipesavvy.get_recommendations(campaign_id => 'SPRING')$$) AS answer;
-- Customers ask for themselves alone.
SELECT set_config('swipesavvy.trusted_gateways', quote_ident(session_user), true) IS NOT NULL AS set, set_config('request.jwt.claims', jsonb_build_object('sub', pg_temp.uid(9))::text, true) IS NOT NULL AS signed_in;
SET LOCAL ROLE swipesavvy_customer;
SELECT jsonb_path_query_array(swipesavvy.get_recommendations('00000000-0000-7000-8000-000000000009', page_size => 2), '$.merchants[*].source') AS of_a_customer_who_has_refused;
SAVEPOINT refused;
SELECT swipesavvy.get_recommendations('00000000-0000-7000-8000-000000000003');
ROLLBACK TO refused;
SELECT swipesavvy.get_recommendations(campaign_id => 'SPRING');
ROLLBACK TO refused;
SELECT swipesavvy.record_ml_feedback('affinity', '00000000-0000-7000-8000-000000000003', 'accepted');
ROLLBACK TO refused;
-- What can be asked where nothing is written.
RESET ROLE;
SELECT set_config('request.jwt.claims', '', true) = '' AS signed_out;
SET LOCAL transaction_read_only = on;
SELECT jsonb_array_length(swipesavvy.get_recommendations(pg_temp.uid(3)) -> 'merchants') AS suggested;
ROLLBACK;
