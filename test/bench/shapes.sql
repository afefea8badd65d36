-- What purchases of the last pgbench run wrote: redemptions, bonus entries, budget rows and how many of 1000 purchases did so.
\set ON_ERROR_STOP on
SELECT r, b, s, greatest(1, round(1000 * count(*) / sum(count(*)) OVER ()))
FROM (SELECT count(r.campaign_no) AS r, count(*) FILTER (WHERE r.points > 0) AS b,
             count(*) FILTER (WHERE r.cost_minor > 0 AND c.budget IS NOT NULL) AS s
      FROM swipesavvy.transactions AS t
      LEFT JOIN swipesavvy.campaign_redemptions AS r USING (user_id, transaction_id)
      LEFT JOIN swipesavvy.campaigns AS c USING (campaign_no)
      WHERE t.idempotency_key NOT LIKE 'stock-%'
      GROUP BY t.transaction_id) AS written
GROUP BY r, b, s ORDER BY r, b, s;
