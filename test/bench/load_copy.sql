-- The finished rows by COPY, one UPDATE of the accounts and one of the budgets, from rows that are there already; prints
-- purchases per second.
SELECT clock_timestamp() AS begun \gset
BEGIN;
\copy swipesavvy.transactions FROM transactions.csv WITH (FORMAT csv)
\copy swipesavvy.points_entries FROM entries.csv WITH (FORMAT csv)
\copy swipesavvy.campaign_redemptions FROM redemptions.csv WITH (FORMAT csv)
UPDATE swipesavvy.reward_accounts AS a
SET points_available = s.points_available, points_pending = s.points_pending, lifetime_points = s.lifetime_points, tier = s.tier,
    tier_until = s.tier_until, transaction_count = s.transaction_count, spent_minor = s.spent_minor, spent_currency = s.spent_currency
FROM bench.accounts AS s WHERE a.user_id = s.user_id;
UPDATE swipesavvy.campaign_slots AS c SET used = s.used, allotted = s.allotted
FROM bench.slots AS s WHERE (c.slot_key, c.campaign_no, c.day, c.slot) = (s.slot_key, s.campaign_no, s.day, s.slot);
COMMIT;
SELECT round(:count / extract(epoch FROM clock_timestamp() - :'begun'), 1);
