-- restore: as 1.0.0 has it, for the tables of this domain: foreign keys wait while a dump is restored, and none comes into a database that is in use.

DO $$
DECLARE
    tables CONSTANT text[] := ARRAY['ml_models', 'ml_coefficients', 'ml_profiling_refusals', 'ml_excluded_mccs'];
    name text;
BEGIN
    FOR name IN
        SELECT DISTINCT r.relname
          FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class r ON r.oid = k.conrelid
         WHERE k.contype = 'f' AND r.relnamespace = 'swipesavvy'::regnamespace AND r.relname = ANY (tables)
    LOOP
        EXECUTE pg_catalog.format('CREATE TRIGGER restore_begin BEFORE INSERT ON swipesavvy.%I FOR EACH STATEMENT EXECUTE FUNCTION swipesavvy.restore_begin()', name);
        EXECUTE pg_catalog.format('CREATE TRIGGER restore_end AFTER INSERT ON swipesavvy.%I FOR EACH STATEMENT EXECUTE FUNCTION swipesavvy.restore_end()', name);
        EXECUTE pg_catalog.format('ALTER TABLE swipesavvy.%I ENABLE ALWAYS TRIGGER restore_end', name);
    END LOOP;
    FOREACH name IN ARRAY tables LOOP
        EXECUTE pg_catalog.format('CREATE TRIGGER refuse_restore BEFORE INSERT ON swipesavvy.%I FOR EACH STATEMENT EXECUTE FUNCTION swipesavvy.refuse_restore()', name);
    END LOOP;
END
$$;
