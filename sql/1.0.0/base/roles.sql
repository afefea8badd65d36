-- roles: who may call what hangs on these. Roles belong to the whole cluster, so they may be there already.

DO $$
DECLARE
    role_name name;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['swipesavvy_anon', 'swipesavvy_customer', 'swipesavvy_support', 'swipesavvy_analytics',
                                     'swipesavvy_backend', 'swipesavvy_delivery', 'swipesavvy_admin', 'swipesavvy_owner']
    LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = role_name) THEN
            BEGIN
                EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', role_name);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;  -- another database of the cluster made it just now
            END;
        END IF;
    END LOOP;
END
$$;
