-- restore: as 1.0.0 has it, for the tables of this release: foreign keys wait while a dump is restored, and none comes into a database that is in use.

CALL swipesavvy.guard_restores(ARRAY['feature_flags', 'feature_flag_rollouts', 'feature_flag_overrides', 'feature_flag_assignments', 'feature_flag_audit_log', 'feature_flag_usage', 'feature_flag_analytics']);
