-- Everything that must be the same whichever door the purchases came through, a line each, in a fixed order.
\pset fieldsep ' '
ANALYZE;

SELECT 'account', user_id, points_available, points_pending, lifetime_points, tier
FROM swipesavvy.reward_accounts ORDER BY user_id;

SELECT 'purchase', transaction_id, user_id, merchant_id, amount_minor, currency, status, occurred_at, metadata,
       points_base, points_bonus, discount_minor, refunded_minor
FROM swipesavvy.transactions ORDER BY transaction_id;

SELECT 'award', r.transaction_id, r.user_id, row_number() OVER (PARTITION BY r.transaction_id ORDER BY r.position),
       c.campaign_id, r.points, r.discount_minor, r.cost_minor
FROM swipesavvy.campaign_redemptions AS r JOIN swipesavvy.campaigns AS c USING (campaign_no)
ORDER BY r.transaction_id, r.position;

SELECT 'entries', e.user_id, e.kind, c.campaign_id, count(*), sum(e.points)
FROM swipesavvy.points_entries AS e LEFT JOIN swipesavvy.campaigns AS c USING (campaign_no)
GROUP BY e.user_id, e.kind, c.campaign_id ORDER BY e.user_id, e.kind::text, c.campaign_id;

SELECT 'campaign', campaign_id, d->>'status', d->>'budget', d->>'spent',
       (SELECT count(*) FROM swipesavvy.campaign_redemptions AS r WHERE r.campaign_no = c.campaign_no)
FROM swipesavvy.campaigns AS c, LATERAL swipesavvy.get_campaign(campaign_id) AS d ORDER BY campaign_id;

SELECT 'ledger', d->>'mismatches' FROM swipesavvy.verify_ledger() AS d;
