-- privileges: who may call and read what analytics adds. Last, so that it speaks of everything there is.

CALL swipesavvy.grant_access(
    tables => ARRAY['rollup_deltas', 'campaign_hours', 'campaign_days', 'merchant_days', 'analytics_state', 'campaign_segments', 'campaign_uplift',
        'customer_analytics', 'customer_figures', 'customer_scores', 'customer_cohorts', 'points_by_month', 'points_liability'],
    views => ARRAY['v_campaign_performance_summary'],
    helpers => ARRAY['analytics_hour', 'analytics_day', 'unfolded_deltas', 'unfolded_days', 'hold_out_bucket'],
    functions => ARRAY[
        'fold_analytics', 'rebuild_analytics', 'refresh_analytics', 'apply_event_retention', 'verify_analytics N', 'track_events B',
        'get_campaign_metrics N', 'get_campaign_daily N', 'get_campaign_trends N', 'get_campaign_roi N',
        'get_campaign_portfolio N', 'get_top_campaigns N', 'campaign_performance N', 'get_campaign_segments N', 'refresh_campaign_segments',
        'get_campaign_uplift N', 'refresh_campaign_uplift',
        'refresh_customer_analytics', 'get_rfm_segments N', 'list_rfm_users N', 'get_cohort_retention N', 'get_churn_list N', 'get_points_liability N', 'get_points_ageing N',
        'run_custom_report N', 'export_analytics N']);
