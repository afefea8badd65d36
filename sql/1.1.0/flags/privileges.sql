-- privileges: who may call and read what this release adds. Last, so that it speaks of everything there is.

DO $$
DECLARE
    tables CONSTANT text[] := ARRAY['feature_flags', 'feature_flag_rollouts', 'feature_flag_overrides', 'feature_flag_assignments', 'feature_flag_audit_log', 'feature_flag_usage', 'feature_flag_analytics', 'flag_sentinel'];
    views CONSTANT text[] := ARRAY['v_active_feature_flags', 'v_feature_flag_usage_summary'];
    sequences CONSTANT text[] := ARRAY['feature_flags_flag_no_seq'];
    triggers CONSTANT text[] := ARRAY['restore_feature_flags', 'restore_feature_flag_rollouts'];
    -- each function (by name: none is overloaded) and the roles that may call it besides admin:
    -- A = all, C = customer, S = support, N = analytics, B = backend, D = delivery
    matrix CONSTANT text[] := ARRAY[
        'flag_hash NB', 'flag_bucket_ranges NB', 'flag_choose_variation NB', 'flag_in_namespace NB', 'flag_condition_matches NB', 'flag_evaluate_document NB',
        'experiment_run_document NB',
        'evaluate_flag A', 'assign_flag CB', 'evaluate_flags A', 'flag_enabled CNB', 'flag_users NB', 'get_flags_document A', 'get_flag NB', 'list_flags NB',
        'create_flag', 'update_flag', 'delete_flag', 'restore_flag', 'toggle_flag', 'set_flag_rollout', 'schedule_flag', 'cancel_flag_schedule',
        'set_flag_override', 'remove_flag_override', 'list_flag_overrides S', 'get_flag_audit', 'import_flags_document', 'flush_flag_usage', 'fold_flag_usage', 'get_flag_analytics N', 'flag_usage_users N', 'flag_cache_status'];
    functions text[] := triggers;
    line text;
    name text;
    role_name text;
    statement text;
BEGIN
    FOREACH line IN ARRAY matrix LOOP
        functions := functions || pg_catalog.split_part(line, ' ', 1);
    END LOOP;

    -- What ALTER DEFAULT PRIVILEGES of the role that runs this has granted to others by now is taken back.
    FOR statement IN
        SELECT pg_catalog.format('REVOKE ALL ON %s %s FROM %s', o.kind, o.name,
                   CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END)
          FROM (SELECT c.relowner AS owner, c.relacl AS acl, CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind, c.oid::regclass::text AS name
                  FROM pg_catalog.pg_class c WHERE c.relnamespace = 'swipesavvy'::regnamespace AND c.relname = ANY (tables || views || sequences)
                 UNION ALL
                SELECT p.proowner, coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner)), 'ROUTINE', p.oid::regprocedure::text
                  FROM pg_catalog.pg_proc p WHERE p.pronamespace = 'swipesavvy'::regnamespace AND p.proname = ANY (functions)) o
         CROSS JOIN LATERAL pg_catalog.aclexplode(o.acl) a
         WHERE a.grantee <> o.owner
         GROUP BY o.kind, o.name, a.grantee
    LOOP
        EXECUTE statement;
    END LOOP;

    FOREACH name IN ARRAY tables LOOP
        EXECUTE pg_catalog.format('GRANT SELECT, INSERT, UPDATE, DELETE ON swipesavvy.%I TO swipesavvy_owner', name);
    END LOOP;
    REVOKE UPDATE, DELETE ON swipesavvy.feature_flag_audit_log FROM swipesavvy_owner;
    FOREACH name IN ARRAY sequences LOOP
        EXECUTE pg_catalog.format('GRANT USAGE ON SEQUENCE swipesavvy.%I TO swipesavvy_owner', name);
    END LOOP;
    FOREACH name IN ARRAY views LOOP
        EXECUTE pg_catalog.format('GRANT SELECT ON swipesavvy.%I TO swipesavvy_analytics, swipesavvy_admin', name);
    END LOOP;

    FOREACH line IN ARRAY matrix LOOP
        FOR role_name IN
            SELECT 'swipesavvy_' || r.name
              FROM (VALUES ('A', 'anon'), ('C', 'customer'), ('S', 'support'), ('N', 'analytics'), ('B', 'backend'),
                           ('D', 'delivery'), ('M', 'admin')) r (letter, name)
             WHERE pg_catalog.strpos(pg_catalog.replace(pg_catalog.split_part(line, ' ', 2), 'A', 'ACSNBD') || 'M', r.letter) > 0
        LOOP
            EXECUTE pg_catalog.format('GRANT EXECUTE ON ROUTINE swipesavvy.%I TO %I', pg_catalog.split_part(line, ' ', 1), role_name);
        END LOOP;
    END LOOP;
END
$$;
