-- What models think of everybody, once a day: the same as predict() says of each user, for the campaigns that run and whom they are for; and that
-- nothing of it stays of who is erased or refuses. The models are made by hand.
BEGIN;
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE FUNCTION pg_temp.uid(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid $$;
CREATE FUNCTION pg_temp.noon(days integer) RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT ((now() AT TIME ZONE 'UTC')::date - days + time '12:00') AT TIME ZONE 'UTC' $$;
INSERT INTO swipesavvy.users (user_id, email, name, role) SELECT pg_temp.uid(n), format('s%s@example.com', n), 'S', CASE n WHEN 1199 THEN 'support' ELSE 'customer' END FROM generate_series(1, 1200) n;
INSERT INTO swipesavvy.reward_accounts (user_id, tier, spent_currency) SELECT pg_temp.uid(n), 'bronze', 'USD' FROM generate_series(1, 1200) n;
SELECT swipesavvy.create_merchant('Shop', mcc => '5411', merchant_id => pg_temp.uid(9001)) IS NOT NULL AS made;
-- every tenth has bought nothing for a year; the first thirty buy each week, and then no more
INSERT INTO swipesavvy.purchases (user_id, amount_minor, occurred_at, merchant_id)
SELECT pg_temp.uid(n), 100 + n * 37 % 5000, pg_temp.noon(CASE WHEN n % 10 = 0 THEN 400 ELSE 30 + n * 7 % 300 END - 7 * i), CASE WHEN n % 3 = 0 THEN pg_temp.uid(9001) END
  FROM generate_series(1, 1200) n CROSS JOIN LATERAL generate_series(0, CASE WHEN n <= 30 AND n % 10 > 0 THEN 3 ELSE 0 END) i ORDER BY 3;
SELECT swipesavvy.create_segment('Few') ->> 'name' AS segment, swipesavvy.add_segment_members('Few', (SELECT array_agg(pg_temp.uid(n)) FROM generate_series(1, 40) n)) IS NOT NULL AS added;
SELECT count(swipesavvy.create_campaign(campaign_id => id, name => id, campaign_type => 'SEASONAL', offer_type => 'PERCENTAGE', offer_amount => amount, start_date => '2024-01-01', end_date => until,
                                        target_segment => segment, hold_out => held_out, per_user_limit => "limit")) AS campaigns
  FROM (VALUES ('ALL', 5, NULL, NULL, NULL, 0), ('FEW', 10, NULL, 'Few', NULL, 0), ('HALF', 20, NULL, NULL, NULL, 50), ('ONCE', 30, NULL, NULL, 1, 0), ('DRAFT', 5, NULL, NULL, NULL, 0), ('LATER', 5, now() + interval '1 year', NULL, NULL, 0))
       c (id, amount, until, segment, "limit", held_out);
SELECT count(swipesavvy.launch_campaign(id)) AS launched FROM unnest('{ALL,FEW,HALF,ONCE}'::text[]) id;
SELECT swipesavvy.update_campaign('LATER', jsonb_build_object('start_date', now() + interval '1 day')) IS NOT NULL AS changed, swipesavvy.launch_campaign('LATER', 'scheduled') ->> 'status' AS status;
INSERT INTO swipesavvy.campaign_redemptions (user_id, transaction_id, campaign_no, campaign_version, points, discount_minor, cost_minor, day, position, counts)
SELECT t.user_id, t.transaction_id, c.campaign_no, 1, 0, 5, 5, t.occurred_at::date, 1, t.user_id <> pg_temp.uid(7)
  FROM swipesavvy.transactions t, swipesavvy.campaigns c WHERE c.campaign_id = 'ONCE' AND t.user_id IN (pg_temp.uid(1), pg_temp.uid(2), pg_temp.uid(7), pg_temp.uid(500))
   AND t.transaction_id = (SELECT transaction_id FROM swipesavvy.transactions o WHERE o.user_id = t.user_id ORDER BY occurred_at LIMIT 1);
SELECT count(swipesavvy.track_event('ALL', 'view', pg_temp.uid(n), occurred_at => pg_temp.noon(20))) AS shown FROM generate_series(1, 300) n;
SELECT swipesavvy.set_profiling_consent(pg_temp.uid(11), false) -> 'profiling' AS profiling, swipesavvy.erase_user(pg_temp.uid(12)) ->> 'account_status' AS erased;

-- Without a model nobody is thought of.
SELECT swipesavvy.refresh_models() IS NOT NULL AS refreshed;
SELECT count(*) AS scores FROM swipesavvy.ml_scores;
INSERT INTO swipesavvy.ml_models (model_name, version, status, as_of, seed, train_examples, train_positives, platt_a, platt_b, threshold)
VALUES ('churn', 1, 'active', now(), 1, 200, 100, -1, 0.1, 0.5), ('conversion', 1, 'active', now(), 1, 200, 100, -1, 0.2, 0.4);
INSERT INTO swipesavvy.ml_coefficients (model_name, version, position, feature, mean, deviation, weight)
SELECT m, 1, p, 'f' || p, CASE WHEN p > 0 THEN 1 END, CASE WHEN p > 0 THEN 2 END, sin(p + length(m)) / 3 FROM (VALUES ('churn', 14), ('conversion', 33)) k (m, last) CROSS JOIN LATERAL generate_series(0, last) p;
SELECT swipesavvy.refresh_models() IS NOT NULL AS refreshed;

-- whom a model is asked about, in plain SQL
CREATE TEMP TABLE wanted AS
SELECT 'churn' AS model_name, 0 AS campaign_no, u.user_id FROM swipesavvy.users u
 WHERE u.role = 'customer' AND u.user_id NOT IN (pg_temp.uid(11), pg_temp.uid(12)) AND EXISTS (SELECT FROM swipesavvy.transactions t WHERE t.user_id = u.user_id AND t.occurred_at >= pg_temp.noon(364));
INSERT INTO wanted
SELECT 'conversion', c.campaign_no, w.user_id FROM wanted w JOIN swipesavvy.campaigns c ON c.campaign_id IN ('ALL', 'FEW', 'HALF', 'ONCE')
 WHERE (c.campaign_id <> 'FEW' OR w.user_id <= pg_temp.uid(40)) AND (c.campaign_id <> 'ONCE' OR w.user_id NOT IN (pg_temp.uid(1), pg_temp.uid(2), pg_temp.uid(500)))
   AND (c.campaign_id <> 'HALF' OR swipesavvy.flag_hash('holdout:HALF', w.user_id::text, 2) >= 0.5);
SELECT s.model_name, c.campaign_id, s.users = w.users AS as_many, s.version, s.as_of = now() AS now, k.kept = least(w.users, CASE s.model_name WHEN 'churn' THEN 100000 ELSE 1000 END) AS kept
  FROM swipesavvy.ml_scored s LEFT JOIN swipesavvy.campaigns c USING (campaign_no)
  LEFT JOIN (SELECT model_name, campaign_no, count(*) AS users FROM wanted GROUP BY 1, 2) w USING (model_name, campaign_no)
  LEFT JOIN (SELECT model_name, campaign_no, count(*) AS kept FROM swipesavvy.ml_scores GROUP BY 1, 2) k USING (model_name, campaign_no) ORDER BY 1, 2;
-- what is thought of each is what predict() says; of the kept ones of a campaign nobody is less likely than one that is not
CREATE TEMP TABLE asked AS
SELECT w.*, (swipesavvy.predict(w.model_name, w.user_id, c.campaign_id, as_of => now(), explain => false) ->> 'probability')::numeric AS p FROM wanted w LEFT JOIN swipesavvy.campaigns c USING (campaign_no);
SELECT a.model_name, count(*) = count(s.user_id) AS all_kept, count(*) FILTER (WHERE abs(a.p - s.probability) > 0.0000011) AS other, count(DISTINCT s.probability) > 100 AS different,
       count(*) FILTER (WHERE s.user_id IS NULL AND a.p > (SELECT min(o.probability) + 0.000001 FROM swipesavvy.ml_scores o WHERE o.model_name = a.model_name AND o.campaign_no = a.campaign_no)) AS left_out
  FROM asked a LEFT JOIN swipesavvy.ml_scores s USING (model_name, campaign_no, user_id) GROUP BY 1 ORDER BY 1;

-- --- read ------------------------------------------------------------------------------------------------------------------------------------

SELECT r - 'users' - 'as_of' - 'eligible_users' AS answer, (r -> 'eligible_users')::int > 1000 AS eligible, (r ->> 'as_of')::timestamptz = now() AS as_of,
       (SELECT array_agg(x ->> 'user_id' ORDER BY n) = (SELECT array_agg(o.user_id::text ORDER BY o.probability DESC, o.user_id) FROM (SELECT * FROM swipesavvy.ml_scores s JOIN swipesavvy.campaigns c USING (campaign_no)
               WHERE c.campaign_id = 'ALL' ORDER BY probability DESC, user_id LIMIT 100) o) FROM jsonb_array_elements(r -> 'users') WITH ORDINALITY u (x, n)) AS in_order,
       (SELECT array_agg(DISTINCT x ->> 'level' ORDER BY x ->> 'level') FROM jsonb_array_elements(r -> 'users') x) AS levels
  FROM swipesavvy.get_recommendations(campaign_id => 'ALL', page_size => 100) r;
SELECT bool_and(x ->> 'level' = p ->> 'level') AS as_predicted FROM jsonb_array_elements(swipesavvy.get_recommendations(campaign_id => 'FEW', page_size => 100) -> 'users') x CROSS JOIN LATERAL
       swipesavvy.predict('conversion', (x ->> 'user_id')::uuid, 'FEW', as_of => now()) p;
SELECT swipesavvy.get_recommendations(campaign_id => 'DRAFT') AS not_running;
-- who has fallen silent, and what is thought of it
SELECT (swipesavvy.refresh_customer_analytics() -> 'population')::int > 1000 AS population;
SELECT count(*) > 10 AS many, count(*) FILTER (WHERE (u ->> 'churn_probability')::numeric IS DISTINCT FROM s.probability) AS other, count(s.probability) > 10 AS known
  FROM jsonb_array_elements(swipesavvy.get_churn_list(page_size => 100) -> 'users') u LEFT JOIN swipesavvy.ml_scores s ON s.user_id = (u ->> 'user_id')::uuid AND s.model_name = 'churn';
SELECT jsonb_array_length(swipesavvy.export_user_data(pg_temp.uid(13)) -> 'ml_scores') AS exported;

-- --- who is forgotten -------------------------------------------------------------------------------------------------------------------------

-- Refusing leaves of each table of this domain what erasing leaves, but for the choice itself.
SELECT count(swipesavvy.record_ml_feedback('affinity', pg_temp.uid(n), 'accepted')) AS feedback FROM unnest('{13,14}'::int[]) n;
CREATE FUNCTION pg_temp.rows_of(who uuid) RETURNS TABLE (name text, has boolean) LANGUAGE plpgsql AS $$
BEGIN
    FOR name IN SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'user_id' WHERE c.relnamespace = 'swipesavvy'::regnamespace AND c.relkind = 'r' AND c.relname LIKE 'ml\_%' ORDER BY 1 LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM swipesavvy.%I WHERE user_id = $1)', name) INTO has USING who;
        RETURN NEXT;
    END LOOP;
END
$$;
SELECT name, has FROM pg_temp.rows_of(pg_temp.uid(13));
SELECT swipesavvy.set_profiling_consent(pg_temp.uid(13), false) -> 'profiling' AS profiling, swipesavvy.erase_user(pg_temp.uid(14)) ->> 'account_status' AS erased;
SELECT r.name, r.has AS refused, e.has AS erased FROM pg_temp.rows_of(pg_temp.uid(13)) r JOIN pg_temp.rows_of(pg_temp.uid(14)) e USING (name);
SELECT swipesavvy.refresh_models() IS NOT NULL AS refreshed;
SELECT name, has FROM pg_temp.rows_of(pg_temp.uid(13)) WHERE name <> 'ml_profiling_refusals';
-- A model that is not asked any more thinks nothing.
UPDATE swipesavvy.ml_models SET status = 'held' WHERE status = 'active';
SELECT swipesavvy.refresh_models() IS NOT NULL AS refreshed;
SELECT (SELECT count(*) FROM swipesavvy.ml_scores) + (SELECT count(*) FROM swipesavvy.ml_scored) AS rows;
ROLLBACK;
