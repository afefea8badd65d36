-- The same 600 purchases through the engine and through its twin; prints how many purchases, campaigns and accounts differ.
\set ON_ERROR_STOP on
SELECT count(*) AS at_merchants FROM swipesavvy.campaigns WHERE target_merchant_id IS NOT NULL \gset
CREATE TABLE bench.sample AS
SELECT n, bench.user_id(1 + n * 7919 % 199) AS user_id, bench.merchant_id(1 + n * 31 % :at_merchants) AS merchant_id,
       (1 + n * 457 % 10000)::numeric / 100 AS amount, 'check-' || n AS key
FROM generate_series(1, 600) AS n;
\o /dev/null
SELECT format('SELECT swipesavvy.record_transaction(user_id => %1$L, amount => %2$L, merchant_id => %3$L, idempotency_key => %4$L);
               SELECT twin.record_transaction(the_user => %1$L, amount => %2$L, the_merchant => %3$L, the_key => %4$L)',
              user_id, amount, merchant_id, key)
FROM bench.sample ORDER BY n \gexec
\o
SELECT format('%s of %s purchases, %s of %s sums of spent and %s of %s accounts differ',
    (SELECT count(*) FROM bench.sample AS s
     LEFT JOIN swipesavvy.transactions AS a ON a.user_id = s.user_id AND a.idempotency_key = s.key
     LEFT JOIN twin.transactions AS b ON b.user_id = s.user_id AND b.idempotency_key = s.key
     WHERE (a.amount_minor, a.points_base, a.points_bonus, a.discount_minor, a.category_no)
               IS DISTINCT FROM (b.amount_minor, b.points_base, b.points_bonus, b.discount_minor, b.category_no)
        OR (SELECT array_agg((campaign_no, points, discount_minor, cost_minor) ORDER BY position)
            FROM swipesavvy.campaign_redemptions AS r WHERE r.user_id = s.user_id AND r.transaction_id = a.transaction_id)
               IS DISTINCT FROM
           (SELECT array_agg((campaign_no, points, discount_minor, cost_minor) ORDER BY position)
            FROM twin.campaign_redemptions AS r WHERE r.user_id = s.user_id AND r.transaction_id = b.transaction_id)
        OR a.user_id IS NULL),
    (SELECT count(*) FROM bench.sample),
    (SELECT count(*) FROM twin.budgets AS b
     WHERE spent <> (SELECT sum(used) FROM swipesavvy.campaign_slots AS s WHERE s.campaign_no = b.campaign_no AND day = '-infinity')),
    (SELECT count(*) FROM twin.budgets),
    (SELECT count(*) FROM swipesavvy.reward_accounts AS a FULL JOIN twin.reward_accounts AS b USING (user_id)
     WHERE a.user_id IS NULL OR b.user_id IS NULL
        OR (a.points_available, a.lifetime_points, a.tier, a.tier_until, a.transaction_count, a.spent_minor)
               IS DISTINCT FROM (b.points_available, b.lifetime_points, b.tier, b.tier_until, b.transaction_count, b.spent_minor)),
    (SELECT count(*) FROM twin.reward_accounts));
