-- For c: 1,000 merchants with a budgeted campaign each, and no others. Campaign n is that of merchant n.
\set ON_ERROR_STOP on
SELECT count(swipesavvy.create_campaign(format('Merchant %s', n), 'LOCATION_DEAL', 10, 'PERCENTAGE', now() - interval '2 years',
           target_merchant_id => bench.merchant_id(n), max_discount => 5, budget => 1000000000, campaign_id => format('MERCHANT-%s', n)))
FROM generate_series(1, 1000) AS n;
UPDATE swipesavvy.campaigns SET status = 'running', launched_at = now();
VACUUM ANALYZE;
