-- What the test must come to, by the SDKs' hash and the purchases themselves; prints what is wrong, nothing when all is well.
CREATE TABLE demo.ab_units AS
SELECT u.user_id, swipesavvy.flag_choose_variation(swipesavvy.flag_hash('demo', u.user_id::text, 2), swipesavvy.flag_bucket_ranges(3, 1, '{0.45,0.45,0.1}')) AS place,
       coalesce(p.n, 0) AS purchases, coalesce(p.revenue, 0) AS revenue, coalesce(p.tenth, 0) AS tenth, coalesce(p.tenths, 0) AS tenths, coalesce(p.five, 0) AS five
FROM swipesavvy.users AS u
LEFT JOIN (SELECT user_id, count(*) FILTER (WHERE amount_minor > 0) AS n, sum(amount_minor) AS revenue, count(*) FILTER (WHERE amount_minor >= 2000) AS tenth,
                  coalesce(sum(amount_minor / 10) FILTER (WHERE amount_minor >= 2000), 0) AS tenths, count(*) FILTER (WHERE amount_minor >= 3000) AS five FROM demo.input
           WHERE occurred_at >= '1997-10-01 00:00+00' AND occurred_at < '1998-01-01 00:00+00' GROUP BY user_id) AS p USING (user_id);

SELECT string_agg(format('%s is %s and must be %s', what, got, must), '; ')
FROM (SELECT format('%s of group %s', k.what, g.name), k.got, k.must
      FROM demo.ab_groups AS g
      JOIN (SELECT place, count(*) AS users, count(*) FILTER (WHERE purchases > 0) AS buyers, sum(revenue) / 100.0 AS revenue,
                   CASE place WHEN 0 THEN count(*) FILTER (WHERE tenth > 0) WHEN 1 THEN count(*) FILTER (WHERE five > 0) END AS conversions,
                   CASE place WHEN 0 THEN sum(tenths) / 100.0 WHEN 1 THEN 5 * sum(five) END AS cost FROM demo.ab_units GROUP BY place) AS u ON u.place = g."group"
      CROSS JOIN LATERAL (VALUES ('users', g.users, u.users), ('buyers', g.buyers, u.buyers), ('revenue', g.revenue, u.revenue), ('conversions', g.conversions, u.conversions),
                                 ('cost', g.cost, u.cost)) AS k(what, got, must)
      UNION ALL
      SELECT 'redemptions of another group''s offer', count(*), 0
      FROM swipesavvy.campaign_redemptions AS r JOIN swipesavvy.campaigns AS c USING (campaign_no) JOIN demo.ab_units AS u USING (user_id)
      WHERE c.campaign_id IS DISTINCT FROM ('{CAMP-TENTH,CAMP-FIVE}'::text[])[u.place + 1]
      UNION ALL
      SELECT 'redemptions', count(*), (SELECT sum(CASE place WHEN 0 THEN tenth WHEN 1 THEN five END) FROM demo.ab_units) FROM swipesavvy.campaign_redemptions
      UNION ALL
      SELECT 'difference of the shares who redeemed', round((r->>'difference')::numeric, 12),
             (SELECT round(max(share) FILTER (WHERE place = 1) - max(share) FILTER (WHERE place = 0), 12)
              FROM (SELECT place, count(*) FILTER (WHERE CASE place WHEN 0 THEN tenth ELSE five END > 0) / count(*)::numeric AS share FROM demo.ab_units GROUP BY place) AS s)
      FROM demo.ab_result
      UNION ALL
      SELECT 'alarm of the sample ratio', (r->'sample_ratio'->>'warning')::boolean::int, 0 FROM demo.ab_result
      UNION ALL
      -- nobody could know of the offers
      SELECT 'measures of buying that differ', count(*), 0 FROM demo.ab_comparisons WHERE is_significant AND what ~ 'buyers|orders|revenue$'
      UNION ALL
      SELECT 'ledger mismatches', (swipesavvy.verify_ledger()->>'mismatches')::bigint, 0) AS t(what, got, must)
WHERE got IS DISTINCT FROM must;
