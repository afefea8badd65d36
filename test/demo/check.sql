-- What the load must come to; prints what is wrong, nothing when all is well.
SELECT string_agg(format('%s is %s and must be %s', what, got, must), '; ')
FROM (VALUES
    ('purchases', (SELECT count(*) FROM swipesavvy.transactions), 69659),
    ('purchases as the view shows them', (SELECT count(*) FROM swipesavvy.purchases), 69659),
    ('users', (SELECT count(*) FROM swipesavvy.users), 23570),
    ('the sum of amounts in cents', (SELECT sum(amount_minor) FROM swipesavvy.transactions), 250031563),
    ('purchases of 0.00', (SELECT count(*) FROM swipesavvy.transactions WHERE amount_minor = 0), 80),
    -- these three were computed from the files and the rules by other means
    ('points', (SELECT sum(points_base + points_bonus) FROM swipesavvy.transactions), 30448145),
    ('redemptions', (SELECT count(*) FROM swipesavvy.campaign_redemptions), 26640),
    ('discounts in cents', (SELECT sum(discount_minor) FROM swipesavvy.transactions), 12578920),
    ('points beside the ledger', (SELECT sum(points_base + points_bonus) FROM swipesavvy.transactions),
                                 (SELECT sum(points) FROM swipesavvy.points_entries WHERE kind IN ('earn', 'bonus'))),
    ('points beside the balances', (SELECT sum(points_base + points_bonus) FROM swipesavvy.transactions),
                                   (SELECT sum(points_available) FROM swipesavvy.reward_accounts)),
    ('campaigns with a redemption', (SELECT count(DISTINCT campaign_no) FROM swipesavvy.campaign_redemptions), 10),
    ('campaigns whose reported spent is not the sum of costs',
        (SELECT count(*) FROM swipesavvy.campaigns AS c, LATERAL swipesavvy.get_campaign(campaign_id) AS d
         WHERE (d->>'spent')::numeric * 100 <> (SELECT coalesce(sum(cost_minor), 0) FROM swipesavvy.campaign_redemptions AS r
                                                WHERE r.campaign_no = c.campaign_no)), 0),
    ('campaigns overspent',
        (SELECT count(*) FROM swipesavvy.campaigns AS c
         WHERE budget < (SELECT sum(cost_minor) FROM swipesavvy.campaign_redemptions AS r WHERE r.campaign_no = c.campaign_no)), 0),
    ('ledger mismatches', (SELECT (swipesavvy.verify_ledger()->>'mismatches')::bigint), 0)
) AS t(what, got, must)
WHERE got IS DISTINCT FROM must;
