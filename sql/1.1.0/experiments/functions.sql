-- functions: the API of A/B tests, and what tells every session of their changes.

DO $$
DECLARE
    table_name text;
    change text;
    name text;
BEGIN
    FOREACH table_name IN ARRAY ARRAY['ab_tests', 'ab_test_groups'] LOOP
        FOREACH change IN ARRAY ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE'] LOOP
            name := pg_catalog.format('rules_after_%s', pg_catalog.lower(change));
            EXECUTE pg_catalog.format('CREATE TRIGGER %I AFTER %s ON swipesavvy.%I FOR EACH %s EXECUTE FUNCTION swipesavvy.rules_changed()',
                                      name, change, table_name, CASE change WHEN 'TRUNCATE' THEN 'STATEMENT' ELSE 'ROW' END);
            EXECUTE pg_catalog.format('ALTER TABLE swipesavvy.%I ENABLE ALWAYS TRIGGER %I', table_name, name);
            name := pg_catalog.format('flags_after_%s', pg_catalog.lower(change));
            EXECUTE pg_catalog.format('CREATE TRIGGER %I AFTER %s ON swipesavvy.%I FOR EACH %s EXECUTE FUNCTION swipesavvy.rules_changed(''flag_sentinel'')',
                                      name, change, table_name, CASE change WHEN 'TRUNCATE' THEN 'STATEMENT' ELSE 'ROW' END);
            EXECUTE pg_catalog.format('ALTER TABLE swipesavvy.%I ENABLE ALWAYS TRIGGER %I', table_name, name);
        END LOOP;
    END LOOP;
END
$$;

CREATE FUNCTION swipesavvy.create_ab_test(
    test_name text,
    control_campaign_id text,
    variant_campaign_ids text[],
    target_sample_size bigint DEFAULT NULL,
    confidence_level numeric DEFAULT 0.95,
    minimum_effect_size numeric DEFAULT 0.10,
    hypothesis text DEFAULT NULL,
    weights numeric[] DEFAULT NULL,
    hold_out numeric DEFAULT 0,
    coverage numeric DEFAULT 1,
    segment text DEFAULT NULL,
    namespace jsonb DEFAULT NULL,
    exposure text DEFAULT 'population',
    outside text DEFAULT 'control',
    primary_metric text DEFAULT 'conversion',
    metrics text[] DEFAULT NULL,
    guardrails text[] DEFAULT NULL,
    scope text DEFAULT 'all',
    window_days integer DEFAULT NULL,
    covariate_days integer DEFAULT 28,
    power numeric DEFAULT 0.80,
    baseline numeric DEFAULT NULL,
    sequential boolean DEFAULT true,
    sequential_tuning integer DEFAULT NULL,
    minimum_days integer DEFAULT 14,
    minimum_conversions integer DEFAULT 100,
    test_key text DEFAULT NULL,
    seed text DEFAULT NULL,
    test_id uuid DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_create_ab_test';
COMMENT ON FUNCTION swipesavvy.create_ab_test(text, text, text[], bigint, numeric, numeric, text, numeric[], numeric, numeric, text, jsonb,
    text, text, text, text[], text[], text, integer, integer, numeric, numeric, boolean, integer, integer, integer, text, text, uuid) IS
    'Creates a test between two to nine campaigns as a draft. weights are those of the control and the variants and come to '
    '1 - hold_out; minimum_effect_size is relative to the control; a namespace is [name, start, end].';

CREATE FUNCTION swipesavvy.create_flag_test(
    test_name text,
    flag_key text,
    variations jsonb,
    target_sample_size bigint DEFAULT NULL,
    confidence_level numeric DEFAULT 0.95,
    minimum_effect_size numeric DEFAULT 0.10,
    hypothesis text DEFAULT NULL,
    weights numeric[] DEFAULT NULL,
    hold_out numeric DEFAULT 0,
    coverage numeric DEFAULT 1,
    condition jsonb DEFAULT '{}',
    namespace jsonb DEFAULT NULL,
    exposure text DEFAULT 'assignment',
    outside text DEFAULT NULL,
    primary_metric text DEFAULT 'buyers',
    metrics text[] DEFAULT NULL,
    guardrails text[] DEFAULT NULL,
    scope text DEFAULT 'all',
    window_days integer DEFAULT NULL,
    covariate_days integer DEFAULT 28,
    power numeric DEFAULT 0.80,
    baseline numeric DEFAULT NULL,
    sequential boolean DEFAULT true,
    sequential_tuning integer DEFAULT NULL,
    minimum_days integer DEFAULT 14,
    minimum_conversions integer DEFAULT 100,
    test_key text DEFAULT NULL,
    seed text DEFAULT NULL,
    test_id uuid DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_create_flag_test';
COMMENT ON FUNCTION swipesavvy.create_flag_test(text, text, jsonb, bigint, numeric, numeric, text, numeric[], numeric, numeric, jsonb, jsonb,
    text, text, text, text[], text[], text, integer, integer, numeric, numeric, boolean, integer, integer, integer, text, text, uuid) IS
    'Creates a test between two to nine values of a flag as a draft; the first is the control. It counts users who were told their value.';

CREATE FUNCTION swipesavvy.update_ab_test(test_id uuid, changes jsonb) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_update_ab_test';
COMMENT ON FUNCTION swipesavvy.update_ab_test(uuid, jsonb) IS
    'Changes a draft (any argument it was created with but test_id), or of a started test its name, hypothesis, metrics and guardrails, and, '
    'upwards only, coverage, minimum_days and target_sample_size.';

CREATE FUNCTION swipesavvy.start_ab_test(test_id uuid) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_start_ab_test';
COMMENT ON FUNCTION swipesavvy.start_ab_test(uuid) IS
    'Starts a draft, or a paused test again; its campaigns are launched in the same transaction, each for its own group alone.';

CREATE FUNCTION swipesavvy.pause_ab_test(test_id uuid, reason text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_pause_ab_test';
COMMENT ON FUNCTION swipesavvy.pause_ab_test(uuid, text) IS
    'Pauses a running test and its running campaigns: without the test everybody would get every one of them.';

CREATE FUNCTION swipesavvy.end_ab_test(test_id uuid, winner text DEFAULT NULL, campaigns text DEFAULT 'winner', reason text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_end_ab_test';
COMMENT ON FUNCTION swipesavvy.end_ab_test(uuid, text, text, text) IS
    'Ends a test. winner is a campaign_id or the name of a group, null for the control; with campaigns "winner" it runs on for everybody and the '
    'others are completed, with "leave" nothing is touched. Nothing of the test is deleted.';

CREATE FUNCTION swipesavvy.get_ab_test(test_id uuid) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_get_ab_test';
COMMENT ON FUNCTION swipesavvy.get_ab_test(uuid) IS
    'One test with its groups, its pauses and the experiment that an SDK is given.';

CREATE FUNCTION swipesavvy.list_ab_tests(
    status text DEFAULT NULL,
    page_size integer DEFAULT 20,
    page_offset integer DEFAULT 0,
    search text DEFAULT NULL,
    after text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL RESTRICTED
    AS 'MODULE_PATHNAME', 'swipesavvy_list_ab_tests';
COMMENT ON FUNCTION swipesavvy.list_ab_tests(text, integer, integer, text, text) IS
    'Tests, newest first; archived ones only with that status. search finds a part of the name; after takes the next_cursor of the page before.';

CREATE FUNCTION swipesavvy.assign_ab_test(test_id uuid, user_id uuid) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_assign_ab_test';
COMMENT ON FUNCTION swipesavvy.assign_ab_test(uuid, uuid) IS
    'The group of a user, which never changes, and what it is served. In a running test that counts by assignment the first call is the exposure.';

CREATE FUNCTION swipesavvy.track_exposures(exposures jsonb) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_track_exposures';
COMMENT ON FUNCTION swipesavvy.track_exposures(jsonb) IS
    'Exposures that SDKs report, of tests that count by assignment: up to 10,000 objects {test_key, user_id, variation, occurred_at}, where '
    'variation is the index or the name of a group. Repeats change nothing; each is taken or refused by itself.';

CREATE FUNCTION swipesavvy.get_ab_test_results(test_id uuid, format text DEFAULT 'json', metric text DEFAULT NULL, refresh boolean DEFAULT false) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_get_ab_test_results';
COMMENT ON FUNCTION swipesavvy.get_ab_test_results(uuid, text, text, boolean) IS
    'What a test says as of its last run: groups, comparisons with the control, and a recommendation. format "svg" adds a forest plot; refresh '
    '(for admins) adds the sums up first.';

CREATE FUNCTION swipesavvy.delete_ab_test(test_id uuid) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_delete_ab_test';
COMMENT ON FUNCTION swipesavvy.delete_ab_test(uuid) IS
    'Archives a draft or a test that has ended; its rows stay.';

CREATE FUNCTION swipesavvy.refresh_ab_tests(test_id uuid DEFAULT NULL, as_of timestamptz DEFAULT NULL) RETURNS jsonb
    LANGUAGE C VOLATILE PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'swipesavvy_refresh_ab_tests';
COMMENT ON FUNCTION swipesavvy.refresh_ab_tests(uuid, timestamptz) IS
    'Adds up what the results of a test rest on, or of all tests that are not final; the row of the local day is replaced.';

CREATE VIEW swipesavvy.v_ab_test_summary AS
SELECT t.test_id, t.test_name, t.status, c.control_campaign_id, c.variant_campaign_ids, t.started_at, t.ended_at, (r.results ->> 'users')::bigint AS users,
       coalesce((r.results ->> 'target_sample_size')::bigint, t.target_sample_size) AS target_sample_size, (r.results ->> 'progress')::numeric AS progress,
       (r.results #>> '{groups,0,conversion_rate}')::numeric AS control_conversion_rate,
       r.results #>> ARRAY['groups', r.results ->> 'leading_group', 'campaign_id'] AS best_variant_campaign_id,
       (r.results #>> ARRAY['groups', r.results ->> 'leading_group', 'conversion_rate'])::numeric AS best_variant_conversion_rate,
       (r.results ->> 'improvement_percentage')::double precision AS improvement_percentage, (r.results ->> 'p_value')::double precision AS p_value,
       (r.results ->> 'is_significant')::boolean AS is_significant
  FROM swipesavvy.ab_tests t
 CROSS JOIN LATERAL (SELECT min(k.campaign_id) FILTER (WHERE g.group_no = 0) AS control_campaign_id,
                            array_agg(k.campaign_id ORDER BY g.group_no) FILTER (WHERE g.group_no > 0) AS variant_campaign_ids
                       FROM swipesavvy.ab_test_groups g JOIN swipesavvy.campaigns k USING (campaign_no) WHERE g.test_no = t.test_no) c
 CROSS JOIN LATERAL (SELECT CASE WHEN EXISTS (SELECT 1 FROM swipesavvy.ab_test_sums s WHERE s.test_no = t.test_no)
                                 THEN swipesavvy.get_ab_test_results(t.test_id) END AS results) r;
COMMENT ON VIEW swipesavvy.v_ab_test_summary IS
    'A line for each A/B test, with the leading variant as of the last run; the columns of campaigns are null for tests of flags.';
