-- privileges: who may call and read what analytics adds. Last, so that it speaks of everything there is.

DO $$
DECLARE
    tables CONSTANT text[] := ARRAY['rollup_deltas', 'campaign_hours', 'campaign_days', 'merchant_days', 'analytics_state',
        'customer_analytics', 'customer_figures', 'customer_scores', 'customer_cohorts', 'points_by_month', 'points_liability'];
    views CONSTANT text[] := ARRAY[]::text[];
    -- what only the library's own queries call
    helpers CONSTANT text[] := ARRAY['analytics_hour', 'analytics_day', 'unfolded_deltas'];
    -- each function (by name: none is overloaded) and the roles that may call it besides admin:
    -- A = all, C = customer, S = support, N = analytics, B = backend, D = delivery
    matrix CONSTANT text[] := ARRAY[
        'fold_analytics', 'rebuild_analytics', 'refresh_analytics', 'apply_event_retention', 'verify_analytics N', 'track_events B',
        'get_campaign_metrics N', 'get_campaign_daily N', 'get_campaign_trends N', 'get_campaign_roi N',
        'refresh_customer_analytics', 'get_rfm_segments N', 'list_rfm_users N', 'get_cohort_retention N', 'get_churn_list N', 'get_points_liability N', 'get_points_ageing N'];
    functions text[] := helpers;
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
                  FROM pg_catalog.pg_class c WHERE c.relnamespace = 'swipesavvy'::regnamespace AND c.relname = ANY (tables || views)
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
    FOREACH name IN ARRAY helpers LOOP
        EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION swipesavvy.%I TO swipesavvy_owner', name);
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
