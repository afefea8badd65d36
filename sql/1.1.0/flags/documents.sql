-- documents: flags and experiments evaluated from documents alone, as the SDKs evaluate them. They read no table and use no clock.

CREATE FUNCTION swipesavvy.flag_hash(seed text, value text, version integer) RETURNS double precision
    LANGUAGE C IMMUTABLE PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_flag_hash';
COMMENT ON FUNCTION swipesavvy.flag_hash(text, text, integer) IS
    'The hash that puts a value into a bucket: a number from 0 to below 1; null for a version that is neither 1 nor 2.';

CREATE FUNCTION swipesavvy.flag_bucket_ranges(num_variations integer, coverage double precision, weights double precision[]) RETURNS jsonb
    LANGUAGE C IMMUTABLE PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_flag_bucket_ranges';
COMMENT ON FUNCTION swipesavvy.flag_bucket_ranges(integer, double precision, double precision[]) IS
    'The ranges [[start, end], ...] of hashes that belong to each variation; a null coverage is 1, null weights are equal ones.';

CREATE FUNCTION swipesavvy.flag_choose_variation(n double precision, ranges jsonb) RETURNS integer
    LANGUAGE C IMMUTABLE PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_flag_choose_variation';
COMMENT ON FUNCTION swipesavvy.flag_choose_variation(double precision, jsonb) IS
    'The index of the first range that holds the number, -1 if none does.';

CREATE FUNCTION swipesavvy.flag_in_namespace(user_id text, namespace jsonb) RETURNS boolean
    LANGUAGE C IMMUTABLE PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_flag_in_namespace';
COMMENT ON FUNCTION swipesavvy.flag_in_namespace(text, jsonb) IS
    'Whether the user is in the part [id, start, end] of a namespace.';

CREATE FUNCTION swipesavvy.flag_condition_matches(condition jsonb, attributes jsonb, saved_groups jsonb DEFAULT '{}') RETURNS boolean
    LANGUAGE C IMMUTABLE PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_flag_condition_matches';
COMMENT ON FUNCTION swipesavvy.flag_condition_matches(jsonb, jsonb, jsonb) IS
    'Whether the condition holds for the attributes; saved groups are arrays by name.';

CREATE FUNCTION swipesavvy.flag_evaluate_document(features jsonb, key text, context jsonb) RETURNS jsonb
    LANGUAGE C IMMUTABLE PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_flag_evaluate_document';
COMMENT ON FUNCTION swipesavvy.flag_evaluate_document(jsonb, text, jsonb) IS
    'What a feature of the document gives in a context: value, on, off, source, ruleId, and the experiment that decided, if one did.';

CREATE FUNCTION swipesavvy.experiment_run_document(experiment jsonb, context jsonb) RETURNS jsonb
    LANGUAGE C IMMUTABLE PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_experiment_run_document';
COMMENT ON FUNCTION swipesavvy.experiment_run_document(jsonb, jsonb) IS
    'Which variation an experiment gives in a context, and whether the subject takes part.';
