SELECT swipesavvy.run_custom_report(jsonb_build_object('source', 'campaigns', 'measures', '["conversions"]'::jsonb, 'dimensions', '["weekday", "hour"]'::jsonb,
    'start_date', current_date - 29, 'end_date', current_date, 'limit', 168));
