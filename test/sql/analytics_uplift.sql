-- What a campaign has added to what people spend, by those who are held out; by the example in which every sum can be counted by hand.
\set ON_ERROR_ROLLBACK on
BEGIN;
SET search_path = swipesavvy, public;
SET timezone = 'UTC';
SET request.jwt.claims = '';
-- sixteen users, the first four of whom are held out at 25 %, two more at 40 %
CREATE FUNCTION pg_temp.bucket(id text, u uuid) RETURNS int LANGUAGE sql AS $$ SELECT round(swipesavvy.flag_hash('holdout:' || id, u::text, 2) * 10000)::int $$;
CREATE TEMP TABLE people AS
    SELECT row_number() OVER (ORDER BY kind, u) AS n, u, kind FROM (
        SELECT u, kind, row_number() OVER (PARTITION BY kind ORDER BY u) AS place
          FROM (SELECT u, CASE WHEN pg_temp.bucket('AU-H', u) < 2500 THEN 0 WHEN pg_temp.bucket('AU-H', u) < 4000 THEN 1 ELSE 2 END AS kind
                  FROM (SELECT ('018f3c2a-7b10-7c4d-9e22-' || lpad(to_hex(i), 12, '0'))::uuid AS u FROM generate_series(1, 200) i) i) k) k
     WHERE place <= CASE kind WHEN 0 THEN 4 WHEN 1 THEN 2 ELSE 10 END;
SELECT string_agg(hold_out_bucket('AU-H', u)::text, ',' ORDER BY n) = string_agg(pg_temp.bucket('AU-H', u)::text, ',' ORDER BY n) AS by_the_hash_of_flags FROM people;
SELECT count(create_user('au' || n || '@uplift.test', 'U', user_id => u)) AS users FROM people;
-- they came long before it all; other customers of this database are in no arm: the campaign is for a segment
UPDATE users SET created_at = '2020-01-01' WHERE email LIKE 'au%@uplift.test';
SELECT create_segment('AU-all') IS NOT NULL AS made, add_segment_members('AU-all', (SELECT array_agg(u) FROM people)) IS NOT NULL AS joined,
       create_merchant('Here', 'Services', merchant_id => '00000000-0000-7000-8000-0000000a0001') IS NOT NULL AS here, create_merchant('There', 'Services', merchant_id => '00000000-0000-7000-8000-0000000a0002') IS NOT NULL AS there \gset
UPDATE segment_members SET added_at = '2020-01-01' WHERE user_id IN (SELECT u FROM people);
SELECT count(create_campaign(campaign_id => id, name => id, campaign_type => 'SEASONAL', offer_type => 'PERCENTAGE', offer_amount => 10, hold_out => h, target_segment => 'AU-all', target_merchant_id => '00000000-0000-7000-8000-0000000a0001',
             start_date => '2026-03-01', end_date => '2026-03-31', stackable => true)) AS campaigns FROM (VALUES ('AU-H', 25), ('AU-NONE', 0), ('AU-LATER', 10)) c (id, h);
SELECT get_campaign_uplift('AU-H');
SELECT rebuild_analytics() IS NOT NULL AS built \gset
SELECT get_campaign_uplift('AU-H');
SELECT get_campaign_uplift('AU-NONE');
SELECT refresh_campaign_uplift('AU-NONE');
SELECT refresh_campaign_uplift('AU-LATER');
SELECT get_campaign_roi('AU-H') -> 'incremental' AS not_known;
SELECT count(launch_campaign(id)) AS launched FROM unnest('{AU-H,AU-NONE}'::text[]) id;

-- before: 10 n for user n; then 20 n here, for the exposed 5 more; one is refunded in part, one is pending, one failed, one is there, one too late
SELECT count(record_transaction(u, 10 * n, merchant_id => '00000000-0000-7000-8000-0000000a0001', occurred_at => '2026-02-10')) AS before FROM people;
SELECT count(record_transaction(u, 20 * n + CASE kind WHEN 2 THEN 5 ELSE 0 END, merchant_id => '00000000-0000-7000-8000-0000000a0001', occurred_at => '2026-03-10',
             transaction_id => ('018f3c2a-7b10-7c4d-9e23-' || lpad(to_hex(n), 12, '0'))::uuid)) AS during FROM people WHERE n <> 3;
SELECT refund_transaction('018f3c2a-7b10-7c4d-9e23-00000000000c', 7.5) IS NOT NULL AS refunded,
       (SELECT count(record_transaction(u, 1000, merchant_id => '00000000-0000-7000-8000-0000000a0001', occurred_at => '2026-03-11', status => s)) FROM people, unnest('{pending,failed}'::text[]) s WHERE n = 9) AS no_spending,
       (SELECT count(record_transaction(u, 30, merchant_id => '00000000-0000-7000-8000-0000000a0002', occurred_at => '2026-03-12')) FROM people WHERE n IN (1, 10)) AS elsewhere,
       (SELECT count(record_transaction(u, 5000, merchant_id => '00000000-0000-7000-8000-0000000a0001', occurred_at => '2026-03-31')) FROM people WHERE n = 16) AS too_late,
       (SELECT count(record_transaction(u, 7000, 'EUR', '00000000-0000-7000-8000-0000000a0001', occurred_at => '2026-03-12')) FROM people WHERE n = 16) AS in_euro \gset
SELECT refresh_campaign_uplift('AU-H') -> 'campaigns' AS refreshed;
SELECT u - '{as_of,absolute,relative,sequential,cuped,chance_to_win,incremental_revenue,incremental_roas,sample_ratio}'::text[] AS of_the_campaign FROM get_campaign_uplift('AU-H') u;
SELECT u -> 'control' AS control, u -> 'exposed' AS exposed FROM get_campaign_uplift('AU-H', 'all') u;
-- those sums, counted from the purchases; and what follows from them, by the formulas with doubles
CREATE TEMP VIEW arms AS
    SELECT kind, count(*)::float8 AS n, sum(y)::float8 AS s, sum(y * y)::float8 AS q, sum(x)::float8 AS sx, sum(x * x)::float8 AS qx, sum(x * y)::float8 AS sxy, var_samp(y)::float8 AS vy, var_samp(x)::float8 AS vx, covar_samp(y::float8, x::float8) AS cxy, avg(y)::float8 AS my, avg(x)::float8 AS mx
      FROM (SELECT CASE kind WHEN 0 THEN 0 ELSE 1 END AS kind, u, coalesce((SELECT sum(amount_minor - refunded_minor) / 100.0 FROM transactions t WHERE t.user_id = u AND t.status = 'completed' AND t.currency = 'USD' AND t.merchant_id = '00000000-0000-7000-8000-0000000a0001' AND t.occurred_at >= '2026-03-01' AND t.occurred_at < '2026-03-31'), 0) AS y,
                   coalesce((SELECT sum(amount_minor - refunded_minor) / 100.0 FROM transactions t WHERE t.user_id = u AND t.status = 'completed' AND t.currency = 'USD' AND t.merchant_id = '00000000-0000-7000-8000-0000000a0001' AND t.occurred_at >= '2026-01-30' AND t.occurred_at < '2026-03-01'), 0) AS x FROM people) p GROUP BY 1;
CREATE TEMP VIEW expected AS
    WITH p AS (SELECT sum(n) AS n, sum(s) AS s, sum(sx) AS sx, sum(qx) AS qx, sum(sxy) AS sxy FROM arms), t AS (SELECT (sxy - s * sx / n) / (qx - sx * sx / n) AS theta FROM p)
    SELECT t.theta, b.my - t.theta * b.mx - (a.my - t.theta * a.mx) AS difference,
           sqrt((b.vy + t.theta ^ 2 * b.vx - 2 * t.theta * b.cxy) / b.n + (a.vy + t.theta ^ 2 * a.vx - 2 * t.theta * a.cxy) / a.n) AS standard_error, b.n FROM t, arms a, arms b WHERE a.kind = 0 AND b.kind = 1;
CREATE FUNCTION pg_temp.near(a float8, b float8) RETURNS boolean LANGUAGE sql AS $$ SELECT abs(a - b) <= 1e-9 * greatest(1, abs(b)) $$;
SELECT u #>> '{cuped,used}' AS used, pg_temp.near((u #>> '{cuped,theta}')::float8, theta) AS theta, pg_temp.near((u #>> '{absolute,difference}')::float8, e.difference) AS difference,
       pg_temp.near((u #>> '{absolute,standard_error}')::float8, e.standard_error) AS standard_error, (u #>> '{incremental_revenue,value}')::numeric = round((e.difference * e.n)::numeric, 2) AS incremental,
       (u #>> '{incremental_revenue,interval,0}')::numeric = round(((u #>> '{absolute,confidence_interval,0}')::float8 * e.n)::numeric, 2) AS lower,
       (u ->> 'incremental_roas')::numeric = round((u #>> '{incremental_revenue,value}')::numeric / (u ->> 'cost')::numeric, 6) AS roas,
       (u #>> '{absolute,p_value}')::float8 BETWEEN 0 AND 1 AS p, u #>> '{sample_ratio,warning}' AS warning, u -> 'error' AS error
  FROM get_campaign_uplift('AU-H') u, expected e;
SELECT (u ->> 'cost')::numeric = (SELECT sum(r.cost_minor) / 100.0 FROM campaign_redemptions r JOIN campaigns c USING (campaign_no) JOIN transactions t USING (user_id, transaction_id) WHERE c.campaign_id = 'AU-H' AND r.counts) - 0.75 AS cost_is_net_of_refunds FROM get_campaign_uplift('AU-H') u;
SELECT (u #>> '{absolute,confidence_interval,1}')::float8 - (u #>> '{absolute,confidence_interval,0}')::float8 < (v #>> '{absolute,confidence_interval,1}')::float8 - (v #>> '{absolute,confidence_interval,0}')::float8 AS wider,
       (u #>> '{sequential,confidence_interval,0}')::float8 < (u #>> '{absolute,confidence_interval,0}')::float8 AS looked_at_daily
  FROM get_campaign_uplift('AU-H', confidence_level => 0.8) u, get_campaign_uplift('AU-H', confidence_level => 0.999) v;
-- in ROI: of the whole campaign, whatever the period
SELECT (r #>> '{incremental,revenue}')::numeric = (u #>> '{incremental_revenue,value}')::numeric AS revenue,
       (r #>> '{incremental,profit}')::numeric = round((u #>> '{incremental_revenue,value}')::numeric * 0.4, 2) - (r ->> 'cost')::numeric - 5 AS profit,
       (r #>> '{incremental,interval,1}')::numeric = round((u #>> '{incremental_revenue,interval,1}')::numeric * 0.4, 2) - (r ->> 'cost')::numeric - 5 AS upper,
       (r #>> '{incremental,roi_percent}')::numeric = round(100 * (r #>> '{incremental,profit}')::numeric / ((r ->> 'cost')::numeric + 5), 2) AS roi
  FROM get_campaign_roi('AU-H', '2026-03-01', '2026-03-31', 40, 5) r, get_campaign_uplift('AU-H') u;
SELECT r -> 'cost' AS of_a_day, r -> 'incremental' = w -> 'incremental' AS same, r -> 'incremental' <> 'null' AS known
  FROM get_campaign_roi('AU-H', '2020-01-01', '2020-01-01', 40, 5) r, get_campaign_roi('AU-H', NULL, NULL, 40, 5) w;

-- the hold-out is changed while it runs: who changed sides is in neither arm
SELECT update_campaign('AU-H', '{"end_date": null, "hold_out": 40}') ->> 'hold_out' AS hold_out;
SELECT refresh_campaign_uplift('AU-H') -> 'campaigns' AS refreshed;
SELECT u #> '{control,users}' AS control, u #> '{exposed,users}' AS exposed, u -> 'excluded_users' AS excluded FROM get_campaign_uplift('AU-H') u;
-- without history before the launch it counts from there on: nobody has spent anything yet
SELECT create_campaign(campaign_id => 'AU-NEW', name => 'New', campaign_type => 'SEASONAL', offer_type => 'OTHER', hold_out => 25, target_segment => 'AU-all', start_date => '2026-01-01') IS NOT NULL AS made, launch_campaign('AU-NEW') IS NOT NULL AS launched \gset
SELECT refresh_campaign_uplift() -> 'campaigns' >= '2' AS of_all;
SELECT u #> '{exposed,spend_per_user}' AS spent, (u #>> '{period,start_date}')::timestamptz = now() AS from_the_launch, u -> 'error' AS error, u -> 'incremental_roas' AS roas FROM get_campaign_uplift('AU-NEW') u;
SELECT get_campaign_roi('AU-NEW') -> 'incremental' AS says_nothing;
-- over for long, or never launched: not the job's
UPDATE campaigns SET status = 'completed', completed_at = now() - interval '91 days' WHERE campaign_id = 'AU-NEW';
DELETE FROM campaign_uplift;
SELECT refresh_campaign_uplift() IS NOT NULL AS refreshed \gset
SELECT string_agg(DISTINCT campaign_id, ',') AS refreshed FROM campaign_uplift JOIN campaigns USING (campaign_no) WHERE campaign_id LIKE 'AU-%';

-- --- what is refused --------------------------------------------------------------------------------------------
SELECT get_campaign_uplift('AU-GONE');
SELECT get_campaign_uplift('AU-H', 'some');
SELECT get_campaign_uplift('AU-H', confidence_level => 0.4999);
SELECT get_campaign_uplift('AU-H', confidence_level => 0.9999);
SELECT get_campaign_uplift('AU-H', confidence_level => 1);
SELECT get_campaign_uplift('AU-H', NULL);
SELECT refresh_campaign_uplift('AU-GONE');
SET ROLE swipesavvy_analytics;
SELECT get_campaign_uplift('AU-H') IS NOT NULL AS shown;
SELECT refresh_campaign_uplift('AU-H');
SELECT hold_out_bucket('AU-H', uuid_v7());
RESET ROLE;
ROLLBACK;
