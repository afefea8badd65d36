-- What the campaign gave, beside its simulations: of the quarter before, and of its own after the fact, which must be the same.
CREATE TABLE demo.replayed AS
SELECT swipesavvy.simulate_campaign(campaign || '{"start_date": "1998-04-01T00:00:00Z", "end_date": "1998-07-01T00:00:00Z"}',
                                    '1998-04-01 00:00+00', '1998-07-01 00:00+00') AS result
FROM demo.proposal;

CREATE TABLE demo.outcomes AS
SELECT k.what, (f.result->'alone'->>k.key)::numeric AS forecast, k.outcome, (r.result->'alone'->>k.key)::numeric AS replayed
FROM demo.forecast AS f, demo.replayed AS r,
     (SELECT count(*) AS n, count(DISTINCT user_id) AS users, sum(points) AS points, sum(discount_minor) / 100.0 AS discount,
             sum(cost_minor) / 100.0 AS cost FROM swipesavvy.campaign_redemptions) AS x,
     LATERAL (VALUES (1, 'redemptions', 'redemptions', x.n), (2, 'users', 'users', x.users), (3, 'bonus points', 'points', x.points),
                     (4, 'discount, dollars', 'discount', x.discount), (5, 'cost, dollars', 'cost', x.cost)) AS k(place, what, key, outcome)
ORDER BY k.place;
INSERT INTO demo.outcomes
SELECT 'days with redemptions', jsonb_array_length(f.result->'alone'->'days'),
       (SELECT count(DISTINCT day) FROM swipesavvy.campaign_redemptions), jsonb_array_length(r.result->'alone'->'days')
FROM demo.forecast AS f, demo.replayed AS r;

\echo
\echo 'A campaign simulated, and what came of it: 10 % and half as many points again, budget 7,500.00'
\echo
SELECT format('  %-24s %16s %16s %20s', '', 'forecast from', 'outcome', 'simulated afterwards');
SELECT format('  %-24s %16s %16s %20s', '', 'Jan-Mar 1998', 'Apr-Jun 1998', 'Apr-Jun 1998');
SELECT format('  %-24s %16s %16s %20s', what, to_char(forecast, form), to_char(outcome, form), to_char(replayed, form))
FROM demo.outcomes, LATERAL (VALUES (CASE WHEN what LIKE '%dollars' THEN 'FM999,999,990.00' ELSE 'FM999,999,990' END)) AS f(form);
