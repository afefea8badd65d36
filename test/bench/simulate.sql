-- Prints how many stored purchases a second a campaign is simulated over: it matches all, has a budget, and counts by user.
SELECT clock_timestamp() AS begun \gset
SELECT (swipesavvy.simulate_campaign('{"name": "Simulated", "campaign_type": "SEASONAL", "offer_type": "PERCENTAGE", "offer_amount": 10,
    "start_date": "2000-01-01", "points_multiplier": 1.5, "budget": 5000000, "per_user_limit": 1000000}', '2000-01-01', now()) ->> 'purchases')::bigint AS purchases \gset
SELECT round(:purchases / extract(epoch FROM clock_timestamp() - :'begun'::timestamptz));
