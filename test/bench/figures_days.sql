SELECT swipesavvy.run_custom_report(jsonb_build_object('source', 'campaigns', 'measures', '["conversions", "revenue", "cost", "return_on_ad_spend"]'::jsonb, 'dimensions', '["month", "campaign_type"]'::jsonb,
    'start_date', current_date - 365, 'end_date', current_date, 'filters', '[{"field": "currency", "op": "eq", "value": "USD"}]'::jsonb));
