SELECT k.category, date_trunc('month', f.day::timestamp)::date, sum(f.purchases), sum(f.amount) - sum(f.refunded), (sum(f.amount) - sum(f.refunded)) / nullif(sum(f.purchases), 0)
  FROM swipesavvy.merchant_days f LEFT JOIN swipesavvy.merchant_categories k ON k.category_no = f.category_no
 WHERE f.day BETWEEN current_date - 365 AND current_date AND f.currency = 'USD' GROUP BY 1, 2 ORDER BY 1, 2 LIMIT 200;
