-- The same rows by hand: roll-ups and what is not folded, in the campaign's currency.
\set n random(1, :merchants)
SELECT sum(f.impressions), sum(f.views), sum(f.clicks), sum(f.tracked_conversions), sum(f.tracked_value), sum(f.purchase_conversions), sum(f.pending_conversions),
       sum(f.revenue), sum(f.revenue_primary), sum(f.cost), sum(f.discount), sum(f.bonus_points)
  FROM swipesavvy.campaigns c JOIN swipesavvy.campaign_days f ON f.campaign_no = c.campaign_no
 WHERE c.campaign_id = 'MERCHANT-' || :n AND f.day BETWEEN current_date - 89 AND current_date AND f.currency IN (c.currency, 'XXX');
