-- privileges: who may call and read what learning adds. Last, so that it speaks of everything there is.

CALL swipesavvy.grant_access(
    tables => ARRAY['ml_models', 'ml_coefficients', 'ml_profiling_refusals', 'ml_excluded_mccs', 'ml_send_prior', 'learning_sentinel',
        'ml_neighbours', 'ml_popularity', 'ml_feedback', 'ml_scores', 'ml_scored',
        'ml_live_months', 'ml_live', 'ml_drift'],
    triggers => ARRAY['restore_ml_excluded_mccs'],
    functions => ARRAY[
        'train_ml_model', 'cancel_ml_training', 'activate_ml_model', 'train_models', 'list_ml_models N', 'get_ml_performance N',
        'predict NB', 'export_ml_data', 'set_profiling_consent C',
        'get_merchant_affinity CB', 'get_send_times CB', 'refresh_models',
        'get_recommendations CNB', 'record_ml_feedback CB']);
