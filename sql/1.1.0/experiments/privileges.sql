-- privileges: who may call and read what A/B tests add. After all the rest of them, so that it speaks of everything there is.

CALL swipesavvy.grant_access(
    tables => ARRAY['ab_tests', 'ab_test_groups', 'ab_test_pauses', 'ab_test_exposures', 'ab_test_sums', 'ab_test_versions'],
    views => ARRAY['v_ab_test_summary'],
    sequences => ARRAY['ab_tests_test_no_seq'],
    functions => ARRAY[
        'create_ab_test', 'create_flag_test', 'update_ab_test', 'start_ab_test', 'pause_ab_test', 'end_ab_test', 'get_ab_test N', 'list_ab_tests N',
        'assign_ab_test CB', 'track_exposures B', 'plan_ab_test N', 'get_ab_test_results N', 'delete_ab_test', 'refresh_ab_tests']);
