-- What happens to points after they were earned. The log has no refunds and no redemptions: which purchases and who is our rule.
CREATE TABLE demo.refunds AS
SELECT demo.transaction_id(occurred_at, line_no) AS transaction_id, demo.user_id(customer_id) AS user_id, line_no,
       CASE WHEN line_no % 400 = 0 THEN amount_usd ELSE trunc(amount_usd / 2, 2) END AS amount
FROM demo.purchases
WHERE (line_no % 400 = 0 OR line_no % 250 = 0) AND amount_usd >= 0.02;

CREATE TABLE demo.refunded AS
SELECT r.*, swipesavvy.refund_transaction(r.transaction_id, r.amount, 'refund-' || r.line_no, r.user_id) AS result
FROM demo.refunds AS r;

SELECT swipesavvy.create_reward('Gift card', 2500, reward_id => 'e0000000-0000-4000-8000-000000000001') IS NULL,
       swipesavvy.create_reward('Mug', 400, 100, reward_id => 'e0000000-0000-4000-8000-000000000002') IS NULL,
       swipesavvy.create_charity('Music in schools', charity_id => 'e0000000-0000-4000-8000-000000000003') IS NULL \g /dev/null

-- Who has 2,500 points gets a gift card; a mug for every seventh customer, first come, first served; every hundredth gives 50.
CREATE TABLE demo.spent (what text, user_id uuid, result jsonb, refused boolean NOT NULL DEFAULT false);
INSERT INTO demo.spent
SELECT 'gift card', a.user_id, swipesavvy.redeem_points(a.user_id, 'e0000000-0000-4000-8000-000000000001', idempotency_key => 'card')
FROM (SELECT user_id FROM swipesavvy.reward_accounts WHERE points_available >= 2500 ORDER BY user_id) AS a;
DO $$
DECLARE
    buyer uuid;
BEGIN
    FOR buyer IN
        SELECT user_id FROM swipesavvy.reward_accounts
        WHERE points_available >= 400 AND right(user_id::text, 12)::int % 7 = 0 ORDER BY user_id LIMIT 120
    LOOP
        BEGIN
            INSERT INTO demo.spent VALUES ('mug', buyer, swipesavvy.redeem_points(buyer, 'e0000000-0000-4000-8000-000000000002'));
        EXCEPTION WHEN SQLSTATE 'PT409' THEN
            INSERT INTO demo.spent VALUES ('mug', buyer, NULL, true);
        END;
    END LOOP;
END
$$;
INSERT INTO demo.spent
SELECT 'donation', a.user_id, swipesavvy.donate_points(a.user_id, 50, 'e0000000-0000-4000-8000-000000000003')
FROM (SELECT user_id FROM swipesavvy.reward_accounts
      WHERE points_available >= 50 AND right(user_id::text, 12)::int % 100 = 0 ORDER BY user_id) AS a;

-- Points live two years from the end of their month: on 1 March 1999 those of January and February 1997 are due. What must
-- go is worked out before, from the ledger alone; what is taken comes from the oldest.
CREATE TABLE demo.due AS
SELECT e.user_id, greatest(0, sum(e.points) FILTER (WHERE e.credit_account = 'available' AND t.occurred_at < '1997-03-01 00:00+00')
                              - coalesce(sum(e.points) FILTER (WHERE e.debit_account = 'available'), 0)) AS points
FROM swipesavvy.points_entries AS e
LEFT JOIN swipesavvy.transactions AS t ON t.user_id = e.user_id AND t.transaction_id = e.transaction_id
GROUP BY e.user_id;
CREATE TABLE demo.expired AS SELECT swipesavvy.expire_points('1999-03-01 00:00+00') AS result;

\echo
\echo 'The life of points: refunds, redemptions, a donation and an expiry, by a rule of ours'
\echo
SELECT format('  %-44s %9s   %s', 'purchases refunded, wholly or by half', demo.number(count(*)),
              format('%s dollars, %s points taken back', demo.money(100 * sum((result->>'refunded')::numeric)),
                     demo.number(sum((result->>'points_reversed')::numeric)))) FROM demo.refunded;
SELECT format('  %-44s %9s   %s', 'given back to the budgets of campaigns', demo.number(count(DISTINCT c->>'campaign_id')),
              format('campaigns, %s dollars', demo.money(100 * sum((c->>'cost')::numeric))))
FROM demo.refunded, jsonb_array_elements(result->'returned') AS c;
SELECT format('  %-44s %9s   %s', what || 's', demo.number(count(*) FILTER (WHERE NOT refused)),
              format('%s points', demo.number(sum((result->>'points')::numeric)))
              || CASE WHEN bool_or(refused) THEN format('; %s came too late: out of stock', count(*) FILTER (WHERE refused)) ELSE '' END)
FROM demo.spent GROUP BY what ORDER BY what;
SELECT format('  %-44s %9s   %s', 'users whose points of Jan/Feb 1997 expired', demo.number((result->>'users')::numeric),
              format('%s points', demo.number((result->>'points')::numeric))) FROM demo.expired;
SELECT format('  %-44s %9s   %s', 'the ledger afterwards, recomputed', demo.number((d->>'entries_checked')::numeric),
              format('entries, %s mismatches', d->>'mismatches')) FROM swipesavvy.verify_ledger() AS d;
