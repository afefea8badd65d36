-- restore: as 1.0.0 has it, for the tables of A/B tests: foreign keys wait while a dump is restored, and none comes into a database that is in use.

CALL swipesavvy.guard_restores(ARRAY['ab_tests', 'ab_test_groups', 'ab_test_pauses', 'ab_test_exposures', 'ab_test_sums', 'ab_test_versions']);
