-- restore: a parallel pg_restore loads the tables of an extension in any order, so foreign keys must wait meanwhile.

CREATE FUNCTION swipesavvy.restore_begin() RETURNS trigger
    LANGUAGE C AS 'MODULE_PATHNAME', 'swipesavvy_restore_begin';
COMMENT ON FUNCTION swipesavvy.restore_begin() IS
    'Trigger of tables with foreign keys: while a superuser restores a dump, they are not checked.';
CREATE FUNCTION swipesavvy.restore_end() RETURNS trigger
    LANGUAGE C AS 'MODULE_PATHNAME', 'swipesavvy_restore_end';
COMMENT ON FUNCTION swipesavvy.restore_end() IS 'Trigger of tables with foreign keys: from here on they are checked again.';

DO $$
DECLARE
    table_name text;
BEGIN
    FOR table_name IN
        SELECT DISTINCT r.relname
          FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class r ON r.oid = k.conrelid
         WHERE k.contype = 'f' AND r.relnamespace = 'swipesavvy'::regnamespace
    LOOP
        EXECUTE pg_catalog.format('CREATE TRIGGER restore_begin BEFORE INSERT ON swipesavvy.%I
                                       FOR EACH STATEMENT EXECUTE FUNCTION swipesavvy.restore_begin()', table_name);
        EXECUTE pg_catalog.format('CREATE TRIGGER restore_end AFTER INSERT ON swipesavvy.%I
                                       FOR EACH STATEMENT EXECUTE FUNCTION swipesavvy.restore_end()', table_name);
        EXECUTE pg_catalog.format('ALTER TABLE swipesavvy.%I ENABLE ALWAYS TRIGGER restore_end', table_name);
    END LOOP;
END
$$;

-- The triggers that put restored rows over seeded ones must act in that mode too.
ALTER TABLE swipesavvy.system_settings ENABLE ALWAYS TRIGGER restore_over_seed;
ALTER TABLE swipesavvy.tiers ENABLE ALWAYS TRIGGER restore_over_seed;
ALTER TABLE swipesavvy.merchant_categories ENABLE ALWAYS TRIGGER restore_over_seed;
ALTER TABLE swipesavvy.mcc_codes ENABLE ALWAYS TRIGGER restore_over_seed;
