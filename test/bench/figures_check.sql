-- Do the sums by hand (floor_*.sql) and the functions say the same?
SELECT concat_ws(' ',
    (SELECT (swipesavvy.get_campaign_metrics('MERCHANT-1', current_date - 89, current_date) ->> 'purchase_conversions')::numeric = sum(f.purchase_conversions)
       FROM swipesavvy.campaigns c JOIN swipesavvy.campaign_days f USING (campaign_no) WHERE c.campaign_id = 'MERCHANT-1' AND f.day BETWEEN current_date - 89 AND current_date),
    (SELECT (r #>> '{rows,0,0}')::numeric = (SELECT sum(f.purchase_conversions) FROM swipesavvy.campaign_days f WHERE f.day BETWEEN current_date - 365 AND current_date)
       FROM swipesavvy.run_custom_report(jsonb_build_object('source', 'campaigns', 'measures', '["conversions"]'::jsonb, 'start_date', current_date - 365, 'end_date', current_date)) r),
    (SELECT (r #>> '{totals,1}')::numeric = (SELECT sum(f.purchase_conversions) FROM swipesavvy.campaign_days f WHERE f.day BETWEEN current_date - 29 AND current_date)
       FROM swipesavvy.run_custom_report(jsonb_build_object('source', 'campaigns', 'measures', '["conversions"]'::jsonb, 'dimensions', '["hour"]'::jsonb, 'totals', true, 'start_date', current_date - 29, 'end_date', current_date)) r),
    (SELECT (r #>> '{rows,0,0}')::numeric = (SELECT sum(f.amount - f.refunded) / 100 FROM swipesavvy.merchant_days f WHERE f.day BETWEEN current_date - 365 AND current_date)
       FROM swipesavvy.run_custom_report(jsonb_build_object('source', 'purchases', 'measures', '["net_amount"]'::jsonb, 'start_date', current_date - 365, 'end_date', current_date, 'filters', '[{"field": "currency", "op": "eq", "value": "USD"}]'::jsonb)) r));
