\set n random(1, :merchants)
SELECT f.hour, sum(f.impressions), sum(f.views), sum(f.clicks), sum(f.tracked_conversions), sum(f.tracked_value), sum(f.purchase_conversions), sum(f.pending_conversions),
       sum(f.revenue), sum(f.revenue_primary), sum(f.cost), sum(f.discount), sum(f.bonus_points)
  FROM swipesavvy.campaigns c JOIN swipesavvy.campaign_hours f ON f.campaign_no = c.campaign_no
 WHERE c.campaign_id = 'MERCHANT-' || :n AND f.hour >= (current_date - 14) AT TIME ZONE 'UTC' AND f.hour < (current_date - 7) AT TIME ZONE 'UTC' AND f.currency IN (c.currency, 'XXX')
 GROUP BY f.hour ORDER BY f.hour;
