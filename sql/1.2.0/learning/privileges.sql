-- privileges: who may call and read what learning adds. Last, so that it speaks of everything there is.

DO $$
DECLARE
    tables CONSTANT text[] := ARRAY['ml_models', 'ml_coefficients', 'ml_profiling_refusals', 'ml_excluded_mccs', 'learning_sentinel'];
    triggers CONSTANT text[] := ARRAY['restore_ml_excluded_mccs'];
    -- each function (by name: none is overloaded) and the roles that may call it besides admin:
    -- A = all, C = customer, S = support, N = analytics, B = backend, D = delivery
    matrix CONSTANT text[] := ARRAY[
        'train_ml_model', 'cancel_ml_training', 'activate_ml_model', 'train_models', 'list_ml_models N', 'get_ml_performance N',
        'predict NB', 'export_ml_data', 'set_profiling_consent C'];
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
                  FROM pg_catalog.pg_class c WHERE c.relnamespace = 'swipesavvy'::regnamespace AND c.relname = ANY (tables)
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
