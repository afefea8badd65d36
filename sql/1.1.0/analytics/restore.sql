-- restore: as 1.0.0 has it, for the tables of analytics: foreign keys wait while a dump is restored, and none comes into a database that is in use.

CALL swipesavvy.guard_restores(ARRAY['rollup_deltas', 'campaign_hours', 'campaign_days', 'merchant_days', 'analytics_state', 'campaign_segments', 'campaign_uplift',
    'customer_analytics', 'customer_figures', 'customer_scores', 'customer_cohorts', 'points_by_month', 'points_liability']);
