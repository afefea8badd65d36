-- The first quarter of 1998 is history; what would this campaign have given in it? Then it runs, alone, in the second.
CREATE TABLE demo.proposal AS SELECT jsonb_build_object('campaign_id', 'CAMP-SPRING', 'name', 'Spring tenth', 'campaign_type', 'SEASONAL',
    'offer_type', 'PERCENTAGE', 'offer_amount', 10, 'max_discount', 6, 'min_spend', 20, 'budget', 7500, 'daily_limit', 60,
    'per_user_limit', 2, 'points_multiplier', 1.5, 'hold_out', 10) AS campaign;

CREATE TABLE demo.forecast AS
SELECT swipesavvy.simulate_campaign(campaign || '{"start_date": "1998-01-01T00:00:00Z", "end_date": "1998-04-01T00:00:00Z"}',
                                    '1998-01-01 00:00+00', '1998-04-01 00:00+00') AS result
FROM demo.proposal;

SELECT swipesavvy.create_campaign(c->>'name', c->>'campaign_type', (c->>'offer_amount')::numeric, c->>'offer_type',
    '1998-04-01 00:00+00', '1998-07-01 00:00+00', max_discount => (c->>'max_discount')::numeric,
    min_spend => (c->>'min_spend')::numeric, budget => (c->>'budget')::numeric, daily_limit => (c->>'daily_limit')::int,
    per_user_limit => (c->>'per_user_limit')::int, points_multiplier => (c->>'points_multiplier')::numeric,
    hold_out => (c->>'hold_out')::numeric, campaign_id => c->>'campaign_id')
FROM demo.proposal AS p(c) \g /dev/null
SELECT swipesavvy.launch_campaign('CAMP-SPRING', 'scheduled') \g /dev/null
