-- explain_award() of a purchase with more candidates than its record has room for. Everything is rolled back.
SELECT set_config('swipesavvy.trusted_gateways', quote_ident(session_user), false) = quote_ident(session_user) AS trusted;
SET timezone = 'UTC';
\set ON_ERROR_ROLLBACK on
BEGIN;
\set ann 00000000-0000-7000-8000-0000000e0001
\set all 00000000-0000-7000-8000-0000000e1001
\set few 00000000-0000-7000-8000-0000000e1002
\set free 00000000-0000-7000-8000-0000000e1003
SELECT swipesavvy.create_user('ann@explain.test', 'Ann', user_id => :'ann') ->> 'name' AS name;
-- What is told of a purchase: how many campaigns, in groups; sound when each that applied says what it gave.
CREATE FUNCTION pg_temp.told(purchase uuid) RETURNS TABLE (applied boolean, reason text, recorded boolean, campaigns bigint, points bigint, first text, last text) LANGUAGE sql AS $$
    SELECT (c -> 'applied')::boolean, c ->> 'reason', (c -> 'recorded')::boolean, count(*), sum((c -> 'points')::int), min(c ->> 'campaign_id'), max(c ->> 'campaign_id')
      FROM jsonb_array_elements(swipesavvy.explain_award(purchase) -> 'candidates') c GROUP BY 1, 2, 3 ORDER BY 1 DESC, 2, 3 DESC
$$;
SELECT count(swipesavvy.create_campaign(format('All %s', n), 'SEASONAL', offer_type => 'OTHER', start_date => '2026-01-01', stackable => true, bonus_points => 1,
                                        campaign_id => format('ALL-%s', lpad(n::text, 3, '0')))),
       count(swipesavvy.launch_campaign(format('ALL-%s', lpad(n::text, 3, '0')))) FROM generate_series(1, 70) n;
-- all seventy applied: nothing is hidden by the record's end
SELECT r -> 'points_earned' AS points, jsonb_array_length(r -> 'awards') AS awards FROM swipesavvy.record_transaction(:'ann', 10, transaction_id => :'all') r;
SELECT * FROM pg_temp.told(:'all');
SELECT count(DISTINCT c ->> 'campaign_id') AS campaigns, count(*) AS told, e -> 'candidate_count' AS candidates
  FROM swipesavvy.explain_award(:'all') e, jsonb_array_elements(e -> 'candidates') c GROUP BY e -> 'candidate_count';
-- their customer sees every one of them, too
SET LOCAL ROLE swipesavvy_customer;
SET LOCAL "request.jwt.claims" = '{"sub": "00000000-0000-7000-8000-0000000e0001", "role": "customer"}';
SELECT * FROM pg_temp.told(:'all');
RESET ROLE;
RESET "request.jwt.claims";
-- six apply and each of the others has its limit reached: what the record had no room for says so, and never that it applied
SELECT count(swipesavvy.update_campaign(format('ALL-%s', lpad(n::text, 3, '0')), '{"per_user_limit": 1}')) FROM generate_series(1, 70) n WHERE n NOT BETWEEN 40 AND 45;
SELECT r -> 'points_earned' AS points, jsonb_array_length(r -> 'awards') AS awards FROM swipesavvy.record_transaction(:'ann', 10, transaction_id => :'few') r;
SELECT * FROM pg_temp.told(:'few');
-- later changes do not alter what is told
SELECT count(swipesavvy.update_campaign(format('ALL-%s', lpad(n::text, 3, '0')), '{"min_spend": 100}')) FROM generate_series(1, 70) n;
SELECT * FROM pg_temp.told(:'all');
SELECT * FROM pg_temp.told(:'few');
-- with the least amount none applies, and that can be tested again
SELECT r -> 'points_earned' AS points FROM swipesavvy.record_transaction(:'ann', 10, transaction_id => :'free') r;
SELECT * FROM pg_temp.told(:'free');
-- settled for another amount: all that it gave, before and after
SELECT swipesavvy.record_transaction(:'ann', 100, status => 'pending', transaction_id => '00000000-0000-7000-8000-0000000e1004') -> 'points_earned' AS points,
       swipesavvy.settle_transaction('00000000-0000-7000-8000-0000000e1004', amount => 110) -> 'points_earned' AS settled;
SELECT e ->> 'amount' AS amount, e ->> 'recorded_amount' AS recorded_amount, count(*) FILTER (WHERE c ->> 'recorded_points' = '1') AS awards
  FROM swipesavvy.explain_award('00000000-0000-7000-8000-0000000e1004') e, jsonb_array_elements(e -> 'candidates') c GROUP BY 1, 2;
ROLLBACK;
