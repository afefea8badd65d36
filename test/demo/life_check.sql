-- What the refunds, redemptions and the expiry must come to; prints what is wrong, nothing when all is well.
SELECT string_agg(format('%s is %s and must be %s', what, got, must), '; ')
FROM (VALUES
    ('refunds', (SELECT count(*) FROM demo.refunded), (SELECT count(*) FROM demo.refunds)),
    ('points taken back by refunds', (SELECT sum((result->>'points_reversed')::bigint) FROM demo.refunded),
        (SELECT sum(div((t.points_base + t.points_bonus) * (100 * r.amount)::bigint, t.amount_minor))
         FROM demo.refunds AS r JOIN swipesavvy.transactions AS t USING (transaction_id, user_id))),
    ('costs given back to budgets', (SELECT sum(100 * (c->>'cost')::numeric) FROM demo.refunded, jsonb_array_elements(result->'returned') AS c),
        (SELECT sum(div(x.cost_minor * (100 * r.amount)::bigint, t.amount_minor))
         FROM demo.refunds AS r JOIN swipesavvy.transactions AS t USING (transaction_id, user_id)
         JOIN swipesavvy.campaign_redemptions AS x USING (transaction_id, user_id))),
    ('mugs', (SELECT count(*) FROM demo.spent WHERE what = 'mug' AND NOT refused), 100),
    ('mugs refused', (SELECT count(*) FROM demo.spent WHERE what = 'mug' AND refused), 20),
    ('expired points', (SELECT (result->>'points')::numeric FROM demo.expired), (SELECT sum(points) FROM demo.due)),
    ('users whose points expired', (SELECT (result->>'users')::numeric FROM demo.expired), (SELECT count(*) FROM demo.due WHERE points > 0)),
    ('users of whom too much or too little expired',
        (SELECT count(*) FROM demo.due AS d
         LEFT JOIN (SELECT user_id, sum(points) AS points FROM swipesavvy.points_entries WHERE kind = 'expire' GROUP BY user_id) AS e USING (user_id)
         WHERE d.points <> coalesce(e.points, 0)), 0),
    ('points that a second call takes', (SELECT (swipesavvy.expire_points('1999-03-01 00:00+00')->>'points')::numeric), 0),
    ('balances', (SELECT sum(points_available) FROM swipesavvy.reward_accounts),
        (SELECT sum(CASE WHEN credit_account = 'available' THEN points WHEN debit_account = 'available' THEN -points ELSE 0 END)
         FROM swipesavvy.points_entries)),
    ('ledger mismatches', (SELECT (swipesavvy.verify_ledger()->>'mismatches')::bigint), 0)
) AS t(what, got, must)
WHERE got IS DISTINCT FROM must;
