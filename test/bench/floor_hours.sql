SELECT extract(isodow FROM f.hour AT TIME ZONE 'UTC')::int, extract(hour FROM f.hour AT TIME ZONE 'UTC')::int, sum(f.purchase_conversions) + sum(f.tracked_conversions)
  FROM swipesavvy.campaign_hours f JOIN swipesavvy.campaigns c ON c.campaign_no = f.campaign_no
 WHERE f.hour >= (current_date - 29) AT TIME ZONE 'UTC' AND f.hour < (current_date + 1) AT TIME ZONE 'UTC' GROUP BY 1, 2 ORDER BY 1, 2 LIMIT 168;
