-- guard: a ledger with entries is not dropped by accident.

CREATE FUNCTION swipesavvy.drop_guard() RETURNS event_trigger
    LANGUAGE C
    AS 'MODULE_PATHNAME', 'swipesavvy_drop_guard';
COMMENT ON FUNCTION swipesavvy.drop_guard() IS
    'Event trigger: refuses to drop the extension while the ledger has entries, unless swipesavvy.allow_drop is on.';

CREATE EVENT TRIGGER swipesavvy_drop_guard ON ddl_command_start
    WHEN TAG IN ('DROP EXTENSION', 'DROP SCHEMA', 'DROP OWNED')
    EXECUTE FUNCTION swipesavvy.drop_guard();
COMMENT ON EVENT TRIGGER swipesavvy_drop_guard IS 'Refuses to drop the extension while the ledger has entries.';
