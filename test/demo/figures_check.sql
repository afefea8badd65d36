-- What the figures must be, counted from the stored purchases; prints what is wrong, nothing when all is well.
SELECT string_agg(format('%s is %s and must be %s', what, got, must), '; ')
FROM (VALUES
    ('figures of campaigns that are wrong', (SELECT (swipesavvy.verify_analytics() ->> 'mismatches')::numeric), 0),
    ('conversions of CAMP-FUEL', (SELECT sum(conversions) FROM demo.trend), (SELECT count(*) FROM swipesavvy.campaign_redemptions AS r JOIN swipesavvy.campaigns AS c USING (campaign_no) WHERE c.campaign_id = 'CAMP-FUEL' AND r.counts)),
    ('revenue of CAMP-FUEL', (SELECT 100 * sum(revenue) FROM demo.trend),
        (SELECT sum(t.amount_minor - t.refunded_minor) FROM swipesavvy.campaign_redemptions AS r JOIN swipesavvy.campaigns AS c USING (campaign_no) JOIN swipesavvy.transactions AS t USING (user_id, transaction_id) WHERE c.campaign_id = 'CAMP-FUEL' AND r.counts)),
    ('cost of CAMP-FUEL', (SELECT 100 * sum(cost) FROM demo.trend), (SELECT sum(s.used) FROM swipesavvy.campaign_slots AS s JOIN swipesavvy.campaigns AS c USING (campaign_no) WHERE c.campaign_id = 'CAMP-FUEL' AND s.day = '-infinity')),
    ('customers of the cohort of March 1997 who bought in May', (SELECT (active ->> 2)::numeric FROM demo.cohorts WHERE cohort = '1997-03-01'),
        (SELECT count(DISTINCT t.user_id) FROM swipesavvy.transactions AS t JOIN (SELECT user_id FROM swipesavvy.transactions WHERE refunded_minor < amount_minor GROUP BY 1 HAVING min(occurred_at) BETWEEN '1997-03-01' AND '1997-03-31') AS f USING (user_id)
         WHERE t.refunded_minor < t.amount_minor AND t.occurred_at >= '1997-05-01' AND t.occurred_at < '1997-06-01')),
    ('points that are left', (SELECT (swipesavvy.get_points_ageing() ->> 'total_remaining')::numeric), (SELECT sum(greatest(points_available, 0)) FROM swipesavvy.reward_accounts)),
    ('users held out of CAMP-FUEL', (SELECT (swipesavvy.get_campaign_uplift('CAMP-FUEL') #>> '{control,users}')::numeric),
        (SELECT count(*) FROM swipesavvy.users WHERE round(swipesavvy.flag_hash('holdout:CAMP-FUEL', user_id::text, 2) * 10000) < 1000))
) AS t(what, got, must)
WHERE got IS DISTINCT FROM must;
