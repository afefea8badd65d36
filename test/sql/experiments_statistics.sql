-- Statistics of A/B tests: sums that are put in by hand give the figures that were worked out elsewhere, to nine digits; sizes and
-- plans; the forest plot; what is recommended. Everything is rolled back.
\set SHOW_CONTEXT never
\set ON_ERROR_ROLLBACK on
SET extra_float_digits = -6;
BEGIN;
SELECT count(swipesavvy.create_campaign('Campaign ' || n, 'SEASONAL', offer_type => 'OTHER', start_date => '2026-01-01', bonus_points => n, campaign_id => 'STAT-' || n))
  FROM generate_series(1, 12) n;
-- a test of two campaigns that has run for a month
CREATE FUNCTION pg_temp.make(n int, changes jsonb DEFAULT '{}') RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    id uuid := ('00000000-0000-7000-8000-000000f0000' || n)::uuid;
BEGIN
    PERFORM swipesavvy.create_ab_test('Test <' || n || '>', 'STAT-' || 2 * n - 1, ARRAY['STAT-' || 2 * n], test_id => id, covariate_days => 0,
                                      metrics => '{revenue,average_order}', guardrails => '{}');
    IF changes <> '{}' THEN
        PERFORM swipesavvy.update_ab_test(id, changes);
    END IF;
    PERFORM swipesavvy.start_ab_test(id);
    UPDATE swipesavvy.ab_tests SET started_at = now() - interval '30 days' WHERE test_id = id;
    RETURN id;
END
$$;
CREATE FUNCTION pg_temp.sums(id uuid, metric text, group_no int, n numeric, s numeric, q numeric, s_x numeric DEFAULT 0, q_x numeric DEFAULT 0, s_yx numeric DEFAULT 0,
                             s_d numeric DEFAULT 0, q_d numeric DEFAULT 0, s_md numeric DEFAULT 0) RETURNS void LANGUAGE sql AS $$
    INSERT INTO swipesavvy.ab_test_sums (test_no, day, metric, group_no, as_of, n, s, q, s_d, q_d, s_md, s_x, q_x, s_yx)
    SELECT test_no, '2026-06-01', $2, $3, now(), $4, $5, $6, $10, $11, $12, $7, $8, $9 FROM swipesavvy.ab_tests WHERE test_id = $1;
$$;
-- P: proportion; Q: mean, in dollars; and as a ratio
CREATE FUNCTION pg_temp.fill(id uuid) RETURNS uuid LANGUAGE sql AS $$
    SELECT pg_temp.sums($1, 'conversion', 0, 1200, 180, 180), pg_temp.sums($1, 'conversion', 1, 1180, 212, 212),
           pg_temp.sums($1, 'buyers', 0, 1200, 180, 180), pg_temp.sums($1, 'buyers', 1, 1180, 212, 212),
           pg_temp.sums($1, 'revenue', 0, 850, 1024050, 2153007500, 990000, 2010000000, 1985000000),
           pg_temp.sums($1, 'revenue', 1, 870, 1102025, 2361005000, 1010500, 2064000000, 2059000000),
           pg_temp.sums($1, 'average_order', 0, 850, 1024050, 2153007500, s_d => 2550, q_d => 9100, s_md => 3390000),
           pg_temp.sums($1, 'average_order', 1, 870, 1102025, 2361005000, s_d => 2600, q_d => 9300, s_md => 3580000);
    SELECT $1;
$$;
CREATE FUNCTION pg_temp.show(id uuid) RETURNS TABLE (metric text, difference float8, p float8, low float8, high float8, abs_difference float8, abs_error float8, abs_p float8, abs_low float8,
                                                     abs_high float8, wins float8, risk_control float8, risk_variant float8, theta float8) LANGUAGE sql AS $$
    SELECT c ->> 'metric', (c ->> 'improvement_percentage')::float8 / 100, (c ->> 'p_value')::float8, (c #>> '{confidence_interval,0}')::float8 / 100,
           (c #>> '{confidence_interval,1}')::float8 / 100, (c #>> '{absolute,difference}')::float8, (c #>> '{absolute,standard_error}')::float8,
           (c #>> '{absolute,p_value}')::float8, (c #>> '{absolute,confidence_interval,0}')::float8, (c #>> '{absolute,confidence_interval,1}')::float8,
           (c ->> 'chance_to_win')::float8, (c #>> '{risk,0}')::float8, (c #>> '{risk,1}')::float8, (c #>> '{cuped,theta}')::float8
      FROM jsonb_array_elements(swipesavvy.get_ab_test_results($1) -> 'comparisons') c;
$$;
\x on
SELECT pg_temp.fill(pg_temp.make(1, '{"sequential": false}')) AS fixed \gset
SELECT * FROM pg_temp.show(:'fixed');
SELECT pg_temp.fill(pg_temp.make(2, '{"sequential_tuning": 5000}')) AS sequential \gset
SELECT metric, p, low, high, abs_p, abs_low, abs_high FROM pg_temp.show(:'sequential');
SELECT pg_temp.fill(pg_temp.make(3, '{"sequential": false, "covariate_days": 28}')) AS cuped \gset
SELECT metric, theta, difference, p, abs_difference, abs_error, abs_p FROM pg_temp.show(:'cuped') WHERE metric = 'revenue';
\x off
-- guardrails look at one side: more of what is good is no harm
SELECT pg_temp.fill(pg_temp.make(4, '{"sequential": false, "primary_metric": "revenue", "metrics": [], "guardrails": ["conversion"]}')) AS guarded \gset
SELECT metric, p, low, high FROM pg_temp.show(:'guarded') WHERE metric = 'conversion';

-- the split: as it should be, and with a part of one group missing
SELECT (r #>> '{sample_ratio,p_value}')::float8 AS p, r #> '{sample_ratio,warning}' AS warning, r ->> 'recommendation' AS recommendation
  FROM swipesavvy.get_ab_test_results(:'fixed') r;
UPDATE swipesavvy.ab_test_sums s SET n = 600 FROM swipesavvy.ab_tests t WHERE t.test_no = s.test_no AND t.test_id = :'fixed' AND group_no = 1;
SELECT r #> '{sample_ratio,warning}' AS warning, r ->> 'recommendation' AS recommendation, r -> 'winner' AS winner FROM swipesavvy.get_ab_test_results(:'fixed') r;

-- the plot: one row, 50 % to each side
SELECT r ->> 'svg' AS svg FROM swipesavvy.get_ab_test_results(:'cuped', 'svg') r;
SELECT regexp_matches(swipesavvy.get_ab_test_results(:'cuped', 'svg') ->> 'svg', 'class="interval" x1="([\d.]+)" x2="([\d.]+)".*cx="([\d.]+)" cy="(\d+)".*>([+\d.%]+)<') AS geometry;

-- power and size: never from the effect that was seen
SELECT (r ->> 'statistical_power')::float8 AS power, r -> 'required_sample_size' AS required, r -> 'target_sample_size' AS target, r -> 'progress' AS progress
  FROM swipesavvy.get_ab_test_results(:'cuped') r;

-- nothing to divide by: a code instead of a figure
SELECT pg_temp.make(5, '{"metrics": []}') AS empty \gset
SELECT swipesavvy.get_ab_test_results(:'empty');
SELECT pg_temp.sums(:'empty', 'conversion', 0, 0, 0, 0), pg_temp.sums(:'empty', 'conversion', 1, 10, 3, 3), pg_temp.sums(:'empty', 'buyers', 0, 0, 0, 0), pg_temp.sums(:'empty', 'buyers', 1, 10, 3, 3);
SELECT r ->> 'recommendation' AS recommendation, c ->> 'error' AS error, c -> 'p_value' AS p, c -> 'chance_to_win' AS wins, c -> 'confidence_interval' AS interval
  FROM swipesavvy.get_ab_test_results(:'empty') r, jsonb_array_elements(r -> 'comparisons') c;
ROLLBACK;
