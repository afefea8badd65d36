-- Do the sums by hand (floor_*.sql) and the functions say the same?
SELECT concat_ws(' ',
    (SELECT (swipesavvy.get_campaign_metrics('MERCHANT-1', current_date - 89, current_date) ->> 'purchase_conversions')::numeric = coalesce(sum(f.purchase_conversions), 0)
       FROM swipesavvy.campaigns c JOIN swipesavvy.campaign_days f USING (campaign_no) WHERE c.campaign_id = 'MERCHANT-1' AND f.day BETWEEN current_date - 89 AND current_date),
    (SELECT sum((p ->> 'purchase_conversions')::numeric) = (SELECT coalesce(sum(f.purchase_conversions), 0) FROM swipesavvy.campaigns c JOIN swipesavvy.campaign_hours f USING (campaign_no)
                 WHERE c.campaign_id = 'MERCHANT-1' AND f.hour >= (current_date - 14) AT TIME ZONE 'UTC' AND f.hour < (current_date - 7) AT TIME ZONE 'UTC')
       FROM jsonb_array_elements(swipesavvy.get_campaign_trends('MERCHANT-1', 'hourly', current_date - 14, current_date - 8) -> 'points') p),
    (SELECT coalesce((r #>> '{rows,0,0}')::numeric, 0) = (SELECT coalesce(sum(f.purchase_conversions), 0) FROM swipesavvy.campaign_days f WHERE f.day BETWEEN current_date - 365 AND current_date)
       FROM swipesavvy.run_custom_report(jsonb_build_object('source', 'campaigns', 'measures', '["conversions"]'::jsonb, 'start_date', current_date - 365, 'end_date', current_date)) r),
    (SELECT coalesce((r #>> '{totals,1}')::numeric, 0) = (SELECT coalesce(sum(f.purchase_conversions), 0) FROM swipesavvy.campaign_days f WHERE f.day BETWEEN current_date - 29 AND current_date)
       FROM swipesavvy.run_custom_report(jsonb_build_object('source', 'campaigns', 'measures', '["conversions"]'::jsonb, 'dimensions', '["hour"]'::jsonb, 'totals', true, 'start_date', current_date - 29, 'end_date', current_date)) r),
    (SELECT coalesce((r #>> '{rows,0,0}')::numeric, 0) = (SELECT coalesce(sum(f.amount - f.refunded), 0) / 100 FROM swipesavvy.merchant_days f WHERE f.day BETWEEN current_date - 365 AND current_date)
       FROM swipesavvy.run_custom_report(jsonb_build_object('source', 'purchases', 'measures', '["net_amount"]'::jsonb, 'start_date', current_date - 365, 'end_date', current_date, 'filters', '[{"field": "currency", "op": "eq", "value": "USD"}]'::jsonb)) r));
