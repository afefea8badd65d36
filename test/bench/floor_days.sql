SELECT date_trunc('month', f.day::timestamp)::date, c.campaign_type, sum(f.purchase_conversions) + sum(f.tracked_conversions), sum(f.revenue), sum(f.cost), sum(f.revenue) / nullif(sum(f.cost), 0)
  FROM swipesavvy.campaign_days f JOIN swipesavvy.campaigns c ON c.campaign_no = f.campaign_no
 WHERE f.day BETWEEN current_date - 365 AND current_date AND c.currency = 'USD' AND f.currency IN ('USD', 'XXX') GROUP BY 1, 2 ORDER BY 1, 2 LIMIT 100;
