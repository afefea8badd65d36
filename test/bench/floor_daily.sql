\set n random(1, :merchants)
SELECT f.day, sum(f.impressions), sum(f.views), sum(f.clicks), sum(f.tracked_conversions), sum(f.tracked_value), sum(f.purchase_conversions), sum(f.pending_conversions),
       sum(f.revenue), sum(f.revenue_primary), sum(f.cost), sum(f.discount), sum(f.bonus_points), max(f.updated_at)
  FROM swipesavvy.campaigns c JOIN swipesavvy.campaign_days f ON f.campaign_no = c.campaign_no
 WHERE c.campaign_id = 'MERCHANT-' || :n AND f.day BETWEEN current_date - 29 AND current_date AND f.currency IN (c.currency, 'XXX') GROUP BY f.day ORDER BY f.day;
