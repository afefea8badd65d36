\set u 1000000000000000000 + random(:first_user, :last_user)
WITH p AS MATERIALIZED (
    SELECT amount_minor - refunded_minor AS amount, category_no, merchant_id, (occurred_at AT TIME ZONE 'UTC')::date AS day,
           occurred_at >= (current_date - :days::int + 1)::timestamp AT TIME ZONE 'UTC' AS current
      FROM swipesavvy.transactions
     WHERE user_id = ('c000000040008' || :u)::uuid AND occurred_at >= (current_date - 2 * :days::int + 1)::timestamp AT TIME ZONE 'UTC'
       AND occurred_at < (current_date + 1)::timestamp AT TIME ZONE 'UTC' AND status = 'completed' AND currency = 'USD'
), sums AS MATERIALIZED (
    SELECT coalesce(sum(amount) FILTER (WHERE current), 0) AS total, count(*) FILTER (WHERE current) AS n,
           coalesce(sum(amount) FILTER (WHERE NOT current), 0) AS before, array_agg(amount ORDER BY amount) FILTER (WHERE current) AS amounts
      FROM p
)
SELECT jsonb_build_object('period_days', :days::int, 'analysis_date', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24":"MI":"SS.US"Z"'),
           'total_spent', round(total / 100.0, 2), 'transaction_count', n, 'average_transaction', round(total / nullif(n, 0) / 100.0, 2),
           'median_transaction', (amounts[(n + 1) / 2] + amounts[n / 2 + 1]) / 200.0, 'min_transaction', round(amounts[1] / 100.0, 2),
           'max_transaction', round(amounts[n] / 100.0, 2), 'daily_average', round(total / :days::int / 100.0, 2),
           'spending_trend', CASE WHEN total > before * 1.05 THEN 'up' WHEN total < before * 0.95 THEN 'down' ELSE 'stable' END,
           'trend_percentage', round(100 * (total - before) / nullif(before, 0), 2),
           'spending_by_category', (SELECT coalesce(jsonb_object_agg(coalesce(c.category, 'Uncategorized'),
                   jsonb_build_object('amount', round(x.amount / 100.0, 2), 'percentage', round(100 * x.amount / nullif(total, 0), 2), 'count', x.n)), '{}')
               FROM (SELECT category_no, sum(amount) AS amount, count(*) AS n FROM p WHERE current GROUP BY category_no) AS x
               LEFT JOIN swipesavvy.merchant_categories AS c USING (category_no)),
           'top_merchants', (SELECT coalesce(jsonb_agg(jsonb_build_object('name', m.name, 'amount', round(x.amount / 100.0, 2), 'visit_count', x.n)
                   ORDER BY x.amount DESC, x.n DESC, x.merchant_id), '[]')
               FROM (SELECT merchant_id, sum(amount) AS amount, count(*) AS n FROM p WHERE current AND merchant_id IS NOT NULL
                      GROUP BY merchant_id ORDER BY sum(amount) DESC, count(*) DESC, merchant_id LIMIT 10) AS x
               LEFT JOIN swipesavvy.merchants AS m USING (merchant_id)),
           'series', (SELECT jsonb_agg(jsonb_build_object('period', d, 'amount', round(coalesce(x.amount, 0) / 100.0, 2), 'count', coalesce(x.n, 0)) ORDER BY d)
               FROM (SELECT current_date - i AS d FROM generate_series(0, :days::int - 1) AS i) AS s
               LEFT JOIN (SELECT day, sum(amount) AS amount, count(*) AS n FROM p WHERE current GROUP BY day) AS x ON x.day = s.d))
  FROM sums;
