SELECT swipesavvy.run_custom_report(jsonb_build_object('source', 'purchases', 'measures', '["purchases", "net_amount", "average_net"]'::jsonb, 'dimensions', '["category", "month"]'::jsonb,
    'start_date', current_date - 365, 'end_date', current_date, 'filters', '[{"field": "currency", "op": "eq", "value": "USD"}]'::jsonb, 'limit', 200));
