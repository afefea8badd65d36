-- restore: as 1.0.0 has it, for the tables of this domain: foreign keys wait while a dump is restored, and none comes into a database that is in use.

CALL swipesavvy.guard_restores(ARRAY['ml_models', 'ml_coefficients', 'ml_profiling_refusals', 'ml_excluded_mccs', 'ml_send_prior',
        'ml_neighbours', 'ml_popularity', 'ml_feedback', 'ml_scores', 'ml_scored', 'ml_live_months', 'ml_live', 'ml_drift']);
