-- restore: a parallel pg_restore loads the tables of an extension in any order, so foreign keys must wait meanwhile; and no restore
-- comes into a database that is in use.

CREATE FUNCTION swipesavvy.restore_begin() RETURNS trigger
    LANGUAGE C AS 'MODULE_PATHNAME', 'swipesavvy_restore_begin';
COMMENT ON FUNCTION swipesavvy.restore_begin() IS
    'Trigger of tables with foreign keys: while a superuser restores a dump, they are not checked.';
CREATE FUNCTION swipesavvy.restore_end() RETURNS trigger
    LANGUAGE C AS 'MODULE_PATHNAME', 'swipesavvy_restore_end';
COMMENT ON FUNCTION swipesavvy.restore_end() IS 'Trigger of tables with foreign keys: from here on they are checked again.';
CREATE FUNCTION swipesavvy.refuse_restore() RETURNS trigger
    LANGUAGE C AS 'MODULE_PATHNAME', 'swipesavvy_refuse_restore';
COMMENT ON FUNCTION swipesavvy.refuse_restore() IS
    'Trigger of tables that are dumped: refuses the rows of a dump once the database is in use, unless swipesavvy.allow_restore is on.';
CREATE FUNCTION swipesavvy.restore_installation() RETURNS trigger
    LANGUAGE C AS 'MODULE_PATHNAME', 'swipesavvy_restore_installation';
COMMENT ON FUNCTION swipesavvy.restore_installation() IS
    'Trigger of audit_installations: a restored row does not say that this database is in use.';

DO $$
DECLARE
    the_table regclass;
BEGIN
    FOR the_table IN
        SELECT DISTINCT r.oid
          FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class r ON r.oid = k.conrelid
         WHERE k.contype = 'f' AND r.relnamespace IN ('swipesavvy'::regnamespace, 'swipesavvy_private'::regnamespace)
    LOOP
        EXECUTE pg_catalog.format('CREATE TRIGGER restore_begin BEFORE INSERT ON %s
                                       FOR EACH STATEMENT EXECUTE FUNCTION swipesavvy.restore_begin()', the_table);
        EXECUTE pg_catalog.format('CREATE TRIGGER restore_end AFTER INSERT ON %s
                                       FOR EACH STATEMENT EXECUTE FUNCTION swipesavvy.restore_end()', the_table);
        EXECUTE pg_catalog.format('ALTER TABLE %s ENABLE ALWAYS TRIGGER restore_end', the_table);
    END LOOP;
END
$$;

-- Fires before restore_begin: in its mode it would not.
DO $$
DECLARE
    dumped regclass;
BEGIN
    FOR dumped IN
        SELECT c.oid FROM pg_catalog.pg_extension e CROSS JOIN LATERAL pg_catalog.unnest(e.extconfig) k (oid)
          JOIN pg_catalog.pg_class c ON c.oid = k.oid WHERE e.extname = 'swipesavvy' AND c.relkind = 'r'
    LOOP
        EXECUTE pg_catalog.format('CREATE TRIGGER refuse_restore BEFORE INSERT ON %s
                                       FOR EACH STATEMENT EXECUTE FUNCTION swipesavvy.refuse_restore()', dumped);
    END LOOP;
END
$$;
CREATE TRIGGER restore_installation BEFORE INSERT ON swipesavvy.audit_installations
    FOR EACH ROW EXECUTE FUNCTION swipesavvy.restore_installation();

-- The triggers that put restored rows over seeded ones must act in that mode too.
ALTER TABLE swipesavvy.currencies ENABLE ALWAYS TRIGGER restore_over_seed;
ALTER TABLE swipesavvy.system_settings ENABLE ALWAYS TRIGGER restore_over_seed;
ALTER TABLE swipesavvy.tiers ENABLE ALWAYS TRIGGER restore_over_seed;
ALTER TABLE swipesavvy.merchant_categories ENABLE ALWAYS TRIGGER restore_over_seed;
ALTER TABLE swipesavvy.mcc_codes ENABLE ALWAYS TRIGGER restore_over_seed;
