-- privileges: who may call and read what places add. Last, so that it speaks of everything there is.

DO $$
DECLARE
    tables CONSTANT text[] := ARRAY['merchant_locations', 'geofences', 'location_consents', 'user_positions', 'geofence_states', 'geofence_visits', 'geofence_triggers'];
    views CONSTANT text[] := ARRAY[]::text[];
    -- what the library alone calls
    parts CONSTANT text[] := ARRAY['place_position', 'locations_near', 'place_box', 'geofences_near'];
    -- each function (by name: none is overloaded) and the roles that may call it besides admin:
    -- A = all, C = customer, S = support, N = analytics, B = backend, D = delivery
    matrix CONSTANT text[] := ARRAY[
        'add_merchant_location', 'update_merchant_location', 'remove_merchant_location', 'import_merchant_locations', 'get_merchant_locations A', 'get_nearby_merchants A', 'place_distance NB',
        'create_geofence', 'update_geofence', 'delete_geofence', 'list_geofences CB', 'set_location_consent CB', 'report_location CB', 'close_geofence_visits', 'apply_location_retention'];
    functions text[] := parts;
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
    FOREACH name IN ARRAY views LOOP
        EXECUTE pg_catalog.format('GRANT SELECT ON swipesavvy.%I TO swipesavvy_analytics, swipesavvy_admin', name);
    END LOOP;

    FOREACH name IN ARRAY parts LOOP
        EXECUTE pg_catalog.format('GRANT EXECUTE ON ROUTINE swipesavvy.%I TO swipesavvy_owner', name);
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
