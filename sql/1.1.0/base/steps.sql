-- steps: what each step from one release to the next does for its own tables and functions. Called by the steps alone; nobody else may.

CREATE PROCEDURE swipesavvy.grant_access(functions text[], tables text[] DEFAULT '{}', views text[] DEFAULT '{}', sequences text[] DEFAULT '{}',
    helpers text[] DEFAULT '{}', triggers text[] DEFAULT '{}')
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- none is overloaded
    names text[] := helpers || triggers || ARRAY(SELECT split_part(f, ' ', 1) FROM unnest(functions) f);
    line text;
    role_name text;
    statement text;
BEGIN
    -- What ALTER DEFAULT PRIVILEGES of the role that runs this has granted to others by now is taken back.
    FOR statement IN
        SELECT format('REVOKE ALL ON %s %s FROM %s', o.kind, o.name,
                   CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END)
          FROM (SELECT c.relowner AS owner, c.relacl AS acl, CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind, c.oid::regclass::text AS name
                  FROM pg_class c WHERE c.relnamespace = 'swipesavvy'::regnamespace AND c.relname = ANY (tables || views || sequences)
                 UNION ALL
                SELECT p.proowner, coalesce(p.proacl, acldefault('f', p.proowner)), 'ROUTINE', p.oid::regprocedure::text
                  FROM pg_proc p WHERE p.pronamespace = 'swipesavvy'::regnamespace AND p.proname = ANY (names)) o
         CROSS JOIN LATERAL aclexplode(o.acl) a
         WHERE a.grantee <> o.owner
         GROUP BY o.kind, o.name, a.grantee
    LOOP
        EXECUTE statement;
    END LOOP;

    FOR statement IN
        SELECT format('GRANT SELECT, INSERT, UPDATE, DELETE ON swipesavvy.%I TO swipesavvy_owner', t) FROM unnest(tables) t
         UNION ALL
        SELECT format('GRANT USAGE ON SEQUENCE swipesavvy.%I TO swipesavvy_owner', s) FROM unnest(sequences) s
         UNION ALL
        SELECT format('GRANT SELECT ON swipesavvy.%I TO swipesavvy_analytics, swipesavvy_admin', v) FROM unnest(views) v
         UNION ALL
        SELECT format('GRANT EXECUTE ON ROUTINE swipesavvy.%I TO swipesavvy_owner', h) FROM unnest(helpers) h
    LOOP
        EXECUTE statement;
    END LOOP;

    FOREACH line IN ARRAY functions LOOP
        FOR role_name IN
            SELECT 'swipesavvy_' || r.name
              FROM (VALUES ('A', 'anon'), ('C', 'customer'), ('S', 'support'), ('N', 'analytics'), ('B', 'backend'),
                           ('D', 'delivery'), ('M', 'admin')) r (letter, name)
             WHERE strpos(replace(split_part(line, ' ', 2), 'A', 'ACSNBD') || 'M', r.letter) > 0
        LOOP
            EXECUTE format('GRANT EXECUTE ON ROUTINE swipesavvy.%I TO %I', split_part(line, ' ', 1), role_name);
        END LOOP;
    END LOOP;
END
$$;
COMMENT ON PROCEDURE swipesavvy.grant_access(text[], text[], text[], text[], text[], text[]) IS
    'Part of the steps between releases: new tables, views, sequences and helpers go to who uses them, triggers to nobody; each function is a line "name ROLES", where A = all, C = customer, S = support, N = analytics, B = backend, D = delivery, and admin always.';

CREATE PROCEDURE swipesavvy.guard_restores(tables text[])
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    the_table regclass;
BEGIN
    FOR the_table IN
        SELECT DISTINCT r.oid
          FROM pg_constraint k JOIN pg_class r ON r.oid = k.conrelid
         WHERE k.contype = 'f' AND r.relnamespace = 'swipesavvy'::regnamespace AND r.relname = ANY (tables)
    LOOP
        EXECUTE format('CREATE TRIGGER restore_begin BEFORE INSERT ON %s FOR EACH STATEMENT EXECUTE FUNCTION swipesavvy.restore_begin()', the_table);
        EXECUTE format('CREATE TRIGGER restore_end AFTER INSERT ON %s FOR EACH STATEMENT EXECUTE FUNCTION swipesavvy.restore_end()', the_table);
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER restore_end', the_table);
    END LOOP;
    FOREACH the_table IN ARRAY ARRAY(SELECT ('swipesavvy.' || quote_ident(t))::regclass FROM unnest(tables) t) LOOP
        EXECUTE format('CREATE TRIGGER refuse_restore BEFORE INSERT ON %s FOR EACH STATEMENT EXECUTE FUNCTION swipesavvy.refuse_restore()', the_table);
    END LOOP;
END
$$;
COMMENT ON PROCEDURE swipesavvy.guard_restores(text[]) IS
    'Part of the steps between releases: foreign keys of these tables wait while a dump is restored, and no dump comes into them once the database is in use.';

-- nobody else may call these two, whatever ALTER DEFAULT PRIVILEGES says
CALL swipesavvy.grant_access(functions => '{}', triggers => ARRAY['grant_access', 'guard_restores']);
