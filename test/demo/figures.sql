-- What the purchases look like to who runs the programme: a campaign, the customers and the points. :full and :rest draw the bars.
SELECT swipesavvy.rebuild_analytics() IS NULL, swipesavvy.refresh_customer_analytics() IS NULL \g /dev/null
SELECT swipesavvy.refresh_campaign_uplift('CAMP-FUEL') IS NULL \g /dev/null

CREATE TABLE demo.trend AS
SELECT (p ->> 'period_start')::timestamptz AS month, (p ->> 'conversions')::bigint AS conversions, (p ->> 'revenue')::numeric AS revenue, (p ->> 'cost')::numeric AS cost,
       p #>> '{rates,return_on_ad_spend}' AS per_dollar
FROM jsonb_array_elements(swipesavvy.get_campaign_trends('CAMP-FUEL', 'monthly', '1997-01-01', '1998-06-30') -> 'points') AS p;

\echo
\echo 'A campaign month by month: CAMP-FUEL, 2 dollars off and 50 points at gas stations, a tenth held out'
\echo
SELECT format('  %-10s %10s %12s %10s %10s  %s', 'month', 'purchases', 'revenue', 'cost', 'per dollar', '');
SELECT format('  %-10s %10s %12s %10s %10s  %s', to_char(month AT TIME ZONE 'UTC', 'YYYY-MM'), demo.number(conversions), demo.money(100 * revenue), demo.money(100 * cost), round(per_dollar::numeric, 2),
              demo.bar(revenue, max(revenue) OVER (), 38, :'full', ''))
FROM demo.trend ORDER BY month;
\echo
SELECT format('  Of %s dollars 30 %% are margin: %s. The campaign cost %s, so it made', demo.money(100 * (r ->> 'revenue')::numeric),
              demo.money(100 * (r ->> 'gross_profit')::numeric), demo.money(100 * (r ->> 'cost')::numeric))
       || format(E'\n  %s dollars, %s %% of its cost. Or would they have bought anyway? At gas stations the', demo.money(100 * (r ->> 'profit')::numeric), r ->> 'roi_percent')
       || format(E'\n  %s users held out spent %s dollars each, the other %s %s. What it added is', demo.number((u #>> '{control,users}')::numeric),
                 round((u #>> '{control,spend_per_user}')::numeric, 2), demo.number((u #>> '{exposed,users}')::numeric), round((u #>> '{exposed,spend_per_user}')::numeric, 2))
       || format(E'\n  between %s and %s dollars (95 %%): %s', demo.money(100 * (i ->> 0)::numeric), demo.money(100 * (i ->> 1)::numeric),
                 CASE WHEN (i ->> 0)::numeric <= 0 AND (i ->> 1)::numeric >= 0 THEN E'nothing is shown, and rightly so,\n  for nobody in a log of 1997 knew of a campaign of ours.'
                      ELSE E'by chance,\n  for nobody in a log of 1997 knew of a campaign of ours.' END)
FROM swipesavvy.get_campaign_roi('CAMP-FUEL', margin_percent => 30) AS r, swipesavvy.get_campaign_uplift('CAMP-FUEL') AS u, LATERAL (SELECT u #> '{incremental_revenue,interval}') AS x(i);

\echo
\echo 'Who comes back: of 100 customers who first bought in a month, so many bought in the months after it'
\echo
CREATE TABLE demo.cohorts AS
SELECT (c ->> 'cohort')::date AS cohort, (c ->> 'size')::bigint AS size, c -> 'retention' AS retention, c -> 'active' AS active
FROM jsonb_array_elements(swipesavvy.get_cohort_retention('monthly', 60, 16) -> 'cohorts') AS c WHERE (c ->> 'size')::bigint >= 1000;
SELECT format('  %-9s %9s  %s', 'first', 'customers', string_agg(lpad(n::text, 4), '' ORDER BY n)) FROM generate_series(1, 15) AS n;
SELECT format('  %-9s %9s  %s', to_char(cohort, 'YYYY-MM'), demo.number(size),
              (SELECT string_agg(lpad(round(100 * r::text::numeric)::text, 4), '' ORDER BY n) FROM jsonb_array_elements(retention) WITH ORDINALITY AS e(r, n) WHERE n > 1))
FROM demo.cohorts ORDER BY cohort;

\echo
\echo 'What is owed: points by the month they were earned in, and what is left of them'
\echo
SELECT format('  %-10s %14s %14s  %-28s', 'month', 'earned', 'left', '');
SELECT format('  %-10s %14s %14s  %s', to_char((b ->> 'month')::date, 'YYYY-MM'), demo.number((b ->> 'credited')::numeric), demo.number((b ->> 'remaining')::numeric),
              demo.bar((b ->> 'remaining')::numeric, (b ->> 'credited')::numeric, 28, :'full', :'rest'))
FROM jsonb_array_elements(swipesavvy.get_points_ageing() -> 'buckets') AS b ORDER BY b ->> 'month';
\echo
SELECT format('  %s points in all, worth %s dollars.', demo.number((l ->> 'points_available')::numeric), demo.money(100 * (l ->> 'value')::numeric))
FROM swipesavvy.get_points_liability() AS l;
