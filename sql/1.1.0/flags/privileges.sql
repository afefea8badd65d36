-- privileges: who may call and read what this release adds. Last, so that it speaks of everything there is.

CALL swipesavvy.grant_access(
    tables => ARRAY['feature_flags', 'feature_flag_rollouts', 'feature_flag_overrides', 'feature_flag_assignments', 'feature_flag_audit_log', 'feature_flag_usage', 'feature_flag_analytics', 'flag_sentinel'],
    views => ARRAY['v_active_feature_flags', 'v_feature_flag_usage_summary'],
    sequences => ARRAY['feature_flags_flag_no_seq'],
    helpers => ARRAY['flag_hash', 'flag_bucket_ranges', 'flag_choose_variation', 'flag_in_namespace', 'flag_condition_matches'],
    triggers => ARRAY['restore_feature_flags', 'restore_feature_flag_rollouts'],
    functions => ARRAY[
        'flag_hash NB', 'flag_bucket_ranges NB', 'flag_choose_variation NB', 'flag_in_namespace NB', 'flag_condition_matches NB', 'flag_evaluate_document NB',
        'experiment_run_document NB',
        'evaluate_flag A', 'assign_flag CB', 'evaluate_flags A', 'flag_enabled CNB', 'flag_users NB', 'get_flags_document A', 'get_flag NB', 'list_flags NB',
        'create_flag', 'update_flag', 'delete_flag', 'restore_flag', 'toggle_flag', 'set_flag_rollout', 'schedule_flag', 'cancel_flag_schedule',
        'set_flag_override', 'remove_flag_override', 'list_flag_overrides S', 'get_flag_audit', 'import_flags_document', 'flush_flag_usage', 'fold_flag_usage', 'get_flag_analytics N', 'flag_usage_users N', 'flag_cache_status']);
REVOKE UPDATE, DELETE ON swipesavvy.feature_flag_audit_log FROM swipesavvy_owner;
